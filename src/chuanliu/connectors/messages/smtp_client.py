"""E-mail by SMTP (RFC 5321), with one-click unsubscription in its header (RFC 8058)."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from chuanliu.connectors.messages.channel import Message, NotDelivered
from chuanliu.errors import Invalid

TIMEOUT_S: Final = 10.0
_PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class SmtpServer:
    """Where mail goes. With `tls` from the first octet; else by STARTTLS where offered, and always for a password."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False


def read_smtp_url(text: str) -> SmtpServer:
    """`smtp://user:password@host:port?from=address`, or `smtps://`. Raises `Invalid(invalid_parameter)`."""
    try:
        parts = urlsplit(text)
        port = parts.port
        sender = parse_qs(parts.query).get("from", [""])[0]
        if parts.scheme not in _PORTS or not parts.hostname or "@" not in sender or any(c in sender for c in "\r\n "):
            raise ValueError(text)
    except ValueError:
        sentence = "smtp_url must be smtp://user:password@host:port?from=address or smtps://"
        raise Invalid("invalid_parameter", sentence, field="smtp_url") from None
    return SmtpServer(
        parts.hostname,
        port or _PORTS[parts.scheme],
        sender,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        parts.scheme == "smtps",
    )


class SmtpChannel:
    """Sends one mail a connection."""

    name = "email"
    is_list = False

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    def deliver(self, message: Message) -> None:
        """Send it. Raises `NotDelivered`; after a time-out in the middle it may have arrived."""
        try:
            connection = self._connection()
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(_reason(error), again=True, down=True) from None
        try:
            connection.send_message(self._mail(message))
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(_reason(error), again=_not_now(error)) from None
        finally:
            # Whatever is said to a good-bye, the message was taken or refused before it.
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()
            connection.close()

    def _connection(self) -> smtplib.SMTP:
        server = self._server
        context = ssl.create_default_context()
        if server.tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        try:
            if not server.tls:
                connection.ehlo()
                if server.user or connection.has_extn("starttls"):
                    connection.starttls(context=context)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._server.sender
        mail["To"] = message.address
        mail["Subject"] = message.subject
        mail["Message-ID"] = f"<{message.message_id}@{self._server.sender.rpartition('@')[2].rstrip('>')}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = message.language
        if message.off_url:
            mail["List-Unsubscribe"] = f"<{message.off_url}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail.set_content(message.body)
        return mail


def _not_now(error: Exception) -> bool:
    """Whether the server answered 4yz: not now, and nothing was taken."""
    if isinstance(error, smtplib.SMTPResponseException):
        return 400 <= error.smtp_code < 500
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(400 <= code < 500 for code, _ in error.recipients.values())
    return False


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error
        return f"{error.smtp_code} {answer.decode('utf-8', 'replace') if isinstance(answer, bytes) else answer}"[:200]
    return f"{type(error).__name__}: {error}"[:200]
