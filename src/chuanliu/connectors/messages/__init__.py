"""Messages to consumers: one interface of channels, with the one in the app and e-mail by SMTP."""

from chuanliu.connectors.messages.channel import Channel, InAppChannel, Message, NotDelivered
from chuanliu.connectors.messages.smtp_client import SmtpChannel, SmtpServer, read_smtp_url

__all__ = ["Channel", "InAppChannel", "Message", "NotDelivered", "SmtpChannel", "SmtpServer", "read_smtp_url"]
