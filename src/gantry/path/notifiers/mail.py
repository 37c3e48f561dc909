"""Email over SMTP: plain, with STARTTLS, or in TLS from the first byte."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from gantry.path.notifiers.contract import LONGEST, SECONDS, Message, SendFailed

LONGEST_WAIT = 60.0  # of the timeout that a person may set


def send_mail(message: Message) -> int:
    """To all recipients in one mail, as AWX; 1 when the server has taken it."""
    get = message.get
    try:
        mail = _compose(message)
        with _ending(_connect(message)) as server:
            if get("use_tls", False) and not get("use_ssl", False):
                server.starttls(context=_context(message))
            if get("username") and get("password"):
                server.login(str(get("username")), str(get("password")))
            refused = server.send_message(mail, str(get("sender")), list(get("recipients", [])))
    except smtplib.SMTPException as error:
        raise SendFailed(_words(error), again=_again(error)) from error
    except ssl.SSLError as error:
        raise SendFailed(f"{_at(message)}: {error.reason or 'its TLS failed'}") from error
    except TimeoutError as error:
        raise SendFailed(f"{_at(message)}: no answer in time") from error
    except OSError as error:
        raise SendFailed(f"{_at(message)}: no connection ({error.strerror or error})") from error
    except (ValueError, UnicodeError) as error:
        raise SendFailed(f"the mail cannot be written: {error}", again=False) from error
    if refused:
        raise SendFailed(f"refused for {', '.join(sorted(refused))}", again=False, sent=1)
    return 1


@contextlib.contextmanager
def _ending(server: smtplib.SMTP) -> Iterator[smtplib.SMTP]:
    """Closed at the end, and when a server that answers byte by byte takes too long in all. How
    it answers to a QUIT is of no account: it has taken the mail."""
    closing = threading.Timer(LONGEST, server.close)
    closing.daemon = True
    closing.start()
    try:
        yield server
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        closing.cancel()
        server.close()


def _compose(message: Message) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.subject.split())
    mail["From"] = str(message.get("sender"))
    mail["To"] = ", ".join(message.get("recipients", []))
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain="gantry")
    body: Any = message.body
    mail.set_content(body if isinstance(body, str) else str(body))
    return mail


def _connect(message: Message) -> smtplib.SMTP:
    host, port = str(message.get("host")), int(message.get("port", 25))
    wait = min(max(float(message.get("timeout", SECONDS)), 1.0), LONGEST_WAIT)
    if message.get("use_ssl", False):
        return smtplib.SMTP_SSL(host, port, timeout=wait, context=_context(message))
    return smtplib.SMTP(host, port, timeout=wait)


def _context(message: Message) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if message.authorities.strip():
        context.load_verify_locations(cadata=message.authorities)
    return context


def _at(message: Message) -> str:
    return f"{message.get('host')}:{message.get('port')}"


def _words(error: smtplib.SMTPException) -> str:
    """The server's answer; it may quote what was sent, which the caller masks."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"refused for {', '.join(sorted(error.recipients))}"
    if isinstance(error, smtplib.SMTPResponseException):
        told = error.smtp_error
        text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
        return f"the mail server answered {error.smtp_code} {text}"[:500]
    return str(error)[:500] or type(error).__name__


def _again(error: smtplib.SMTPException) -> bool:
    if isinstance(error, smtplib.SMTPResponseException):
        return 400 <= error.smtp_code < 500 or error.smtp_code == -1
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(400 <= code < 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPServerDisconnected)
