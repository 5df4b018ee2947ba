"""E-mail through an SMTP server, by STARTTLS only."""

import asyncio
import ssl
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import aiosmtplib
from email_validator import EmailNotValidError, validate_email

from domain.messages import SENDER_NAME, in_language
from messages.letter import Letter, NotSent

TIMEOUT: Final = 30.0  # seconds, from connecting until the message is taken
FAREWELL: Final = 1.0  # seconds
PERMANENT: Final = 500  # SMTP's answers from here on


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """The system's authorities, or those of a file alone.

    Raises:
        OSError: the file cannot be read, or holds no certificate (ssl.SSLError).
    """
    return ssl.create_default_context(cafile=ca_file)


class Mailer:
    """Sends each message over a connection of its own, encrypted and to a server whose certificate is right."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        sender: str,
        user: str | None = None,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._sender = sender
        self._tls = tls or trust(None)
        self._timeout = timeout

    async def send(self, letter: Letter) -> None:
        """Send a message.

        Raises:
            NotSent: see there; permanently when the server refuses the recipient or the content for good.
        """
        message = written_as_mail(letter, sender=self._sender)
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            start_tls=True,
            tls_context=self._tls,
            timeout=self._timeout,
        )
        try:
            async with asyncio.timeout(self._timeout):
                await self._connect(client)
                await self._hand_over(client, message)
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):  # it was taken, whatever becomes of this
                await client.quit(timeout=FAREWELL)
        except TimeoutError:
            raise NotSent(f"the mail server took longer than {self._timeout:g} s") from None
        finally:
            client.close()

    async def _connect(self, client: aiosmtplib.SMTP) -> None:
        # Whatever fails here is no matter of the message, not even when the server calls it permanent.
        try:
            await client.connect()
        except aiosmtplib.SMTPResponseException as fault:
            raise NotSent(f"the mail server refused us: {type(fault).__name__} {fault.code}") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
            is_said = type(fault) is aiosmtplib.SMTPException  # what it cannot do, in the library's words
            reason = str(fault) if is_said else type(fault.__cause__ or fault).__name__
            raise NotSent(f"the mail server could not be used: {reason}") from None

    async def _hand_over(self, client: aiosmtplib.SMTP, message: EmailMessage) -> None:
        try:
            await client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as fault:
            raise _refused(fault.recipients[0].code) from None
        except aiosmtplib.SMTPSenderRefused as fault:
            raise NotSent(f"the mail server refused our address: {fault.code}") from None
        except aiosmtplib.SMTPResponseException as fault:
            raise _refused(fault.code) from None
        except aiosmtplib.SMTPNotSupported:
            raise NotSent("the mail server knows ASCII addresses only", permanent=True) from None
        except (aiosmtplib.SMTPException, OSError) as fault:
            raise NotSent(f"the connection to the mail server failed: {type(fault).__name__}") from None


def _refused(code: int) -> NotSent:
    return NotSent(f"the mail server answered {code}", permanent=code >= PERMANENT)


def written_as_mail(letter: Letter, *, sender: str) -> EmailMessage:
    """A message as plain text in UTF-8.

    Raises:
        NotSent: its address is none.
    """
    message = EmailMessage()
    try:
        to = validate_email(letter.to, check_deliverability=False)
        # The domain always in ASCII: that asks no more of a mail server than the part before it does.
        message["To"] = Address("", to.local_part, to.ascii_domain)
    except (EmailNotValidError, ValueError):
        raise NotSent("the address is not an e-mail address", permanent=True) from None
    message["From"] = Address(in_language(SENDER_NAME, letter.language), addr_spec=sender)
    message["Subject"] = letter.subject
    message["Date"] = letter.written_at
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers it
    message.set_content(letter.text, cte="base64")  # also through a server that takes seven bits only
    message["Content-Language"] = letter.language.lower()
    return message
