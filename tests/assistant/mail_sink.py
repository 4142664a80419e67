"""A mail server for the tests: takes mail by SMTP and keeps it, or answers as it is told."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default


@dataclass
class MailSink:
    """What came, and how it is to behave: `recipient` and `end` are answers to RCPT and to the end of DATA.

    An empty `end` hangs up after the mail was read, as a server does that dies.
    """

    port: int = 0
    mails: list[Message] = field(default_factory=list)
    recipient: str = "250 ok"
    end: str = "250 taken"
    slow_s: float = 0.0

    @property
    def url(self) -> str:
        """As the setting has it."""
        return f"smtp://127.0.0.1:{self.port}?from=bills@pay.example"

    def subjects(self) -> list[str]:
        """Of all mails, in order."""
        return [str(each["subject"]) for each in self.mails]


class _Talk(socketserver.StreamRequestHandler):
    sink: MailSink

    def handle(self) -> None:
        self._say("220 sink")
        while line := self.rfile.readline().strip().upper():
            if line.startswith((b"EHLO", b"HELO", b"MAIL", b"RSET", b"NOOP")):
                self._say("250 ok")
            elif line.startswith(b"RCPT"):
                self._say(self.sink.recipient)
            elif line.startswith(b"DATA"):
                self._say("354 go on")
                self._take()
            elif line.startswith(b"QUIT"):
                self._say("221 bye")
                return
            else:
                self._say("502 unknown")

    def _take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        time.sleep(self.sink.slow_s)
        if self.sink.end.startswith("250") or not self.sink.end:
            self.sink.mails.append(message_from_bytes(b"".join(lines), policy=default))
        if not self.sink.end:
            self.connection.close()
            return
        self._say(self.sink.end)

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    """A server on a free port."""
    sink = MailSink()
    talk = type("Talk", (_Talk,), {"sink": sink})
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), talk) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        sink.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join()
