import asyncio
import email.policy
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from domain.user import Language
from messages.email import Mailer, trust
from messages.letter import Letter, NotSent
from tests.messages.certificate import Certificate, certificate_for

SENDER = "no-reply@sijil.example"
LETTER = Letter(
    UUID("11111111-1111-4111-8111-111111111111"),
    "noura@example.com",
    "تم تغيير كلمة المرور",
    "تم تغيير كلمة المرور لحسابك.\nإن لم تكن أنت من غيّرها فأعد تعيينها فورًا.",
    Language.AR,
    datetime(2026, 3, 1, 9, 0, tzinfo=UTC),
)


@dataclass
class MailServer:
    """A mail server on this machine: what it took, over what, and what it says to a recipient and to a message."""

    certificate: Certificate
    port: int = 0
    taken: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    signed_in: list[tuple[bytes, bytes]] = field(default_factory=list)
    to_recipient: str = "250 OK"
    to_message: str = "250 OK"
    password: bytes = b"hunter2"
    knows_utf8: bool = True

    async def handle_RCPT(  # noqa: N802 (the library's names and arguments)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return self.to_message

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _kind: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.signed_in.append((data.login, data.password))
        return AuthResult(success=data.password == self.password, handled=False)

    def message(self) -> EmailMessage:
        content = self.taken[-1].content
        assert isinstance(content, bytes)
        return message_from_bytes(content, policy=email.policy.default)

    def mailer(self, **given: Any) -> Mailer:
        known: dict[str, Any] = {"sender": SENDER, "tls": trust(self.certificate.certificate), "timeout": 10.0}
        return Mailer("127.0.0.1", self.port, **known | given)


@pytest.fixture
async def mail_server(certificate: Certificate) -> AsyncIterator[MailServer]:
    handler = MailServer(certificate)

    def connected() -> SMTP:
        return SMTP(
            handler,
            hostname="mail.test",
            tls_context=certificate.server(),
            require_starttls=True,
            enable_SMTPUTF8=handler.knows_utf8,
            authenticator=handler.authenticate,
        )

    server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0)
    handler.port = server.sockets[0].getsockname()[1]
    yield handler
    server.close()
    await server.wait_closed()


async def refused(mailer: Mailer, letter: Letter = LETTER) -> tuple[str, bool]:
    with pytest.raises(NotSent) as refusal:
        await mailer.send(letter)
    return refusal.value.reason, refusal.value.permanent


async def test_a_message_arrives_encrypted_and_as_it_was_written(mail_server: MailServer) -> None:
    await mail_server.mailer().send(LETTER)

    (envelope,) = mail_server.taken
    assert (envelope.mail_from, envelope.rcpt_tos, mail_server.encrypted) == (SENDER, ["noura@example.com"], [True])
    message = mail_server.message()
    assert dict(message) == {
        "To": "noura@example.com",
        "From": f"سجل <{SENDER}>",
        "Subject": "تم تغيير كلمة المرور",
        "Date": "Sun, 01 Mar 2026 09:00:00 +0000",
        "Message-ID": "<11111111-1111-4111-8111-111111111111@sijil.example>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "base64",
        "Content-Language": "ar",
    }
    assert message.get_content() == f"{LETTER.text}\n"
    assert isinstance(envelope.content, bytes)
    assert envelope.content.isascii()


async def test_it_signs_in_where_it_has_a_password(mail_server: MailServer) -> None:
    await mail_server.mailer(user="sijil", password="hunter2").send(LETTER)
    assert mail_server.signed_in == [(b"sijil", b"hunter2")]
    assert len(mail_server.taken) == 1


async def test_a_wrong_password_is_no_fault_of_the_message(mail_server: MailServer) -> None:
    assert await refused(mail_server.mailer(user="sijil", password="wrong")) == (
        "the mail server refused us: SMTPAuthenticationError 535",
        False,
    )
    assert mail_server.taken == []


async def test_nothing_is_sent_to_a_server_whose_certificate_nobody_vouches_for(mail_server: MailServer) -> None:
    reason, permanent = await refused(mail_server.mailer(tls=trust(None)))
    assert (reason, permanent) == ("the mail server could not be used: SSLCertVerificationError", False)
    assert mail_server.taken == []


async def test_nothing_is_sent_to_a_server_with_a_certificate_of_another_name(
    mail_server: MailServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = certificate_for("127.0.0.2", tmp_path_factory.mktemp("other"))
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(mail_server, hostname="mail.test", tls_context=other.server()), "127.0.0.1", 0
    )
    mail_server.port = server.sockets[0].getsockname()[1]
    reason, permanent = await refused(mail_server.mailer(tls=trust(other.certificate)))
    server.close()
    assert (reason, permanent) == ("the mail server could not be used: SSLCertVerificationError", False)
    assert mail_server.taken == []


async def test_nothing_is_sent_in_the_clear(mail_server: MailServer) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(mail_server, hostname="mail.test"), "127.0.0.1", 0
    )
    mail_server.port = server.sockets[0].getsockname()[1]
    reason, permanent = await refused(mail_server.mailer())
    server.close()
    assert (reason, permanent) == (
        "the mail server could not be used: SMTP STARTTLS extension not supported by server.",
        False,
    )
    assert mail_server.taken == []


@pytest.mark.parametrize(
    ("to_recipient", "to_message", "reason", "permanent"),
    [
        ("550 no such user noura@example.com", "250 OK", "the mail server answered 550", True),
        ("450 try later", "250 OK", "the mail server answered 450", False),
        ("250 OK", "554 refused", "the mail server answered 554", True),
        ("250 OK", "451 try later", "the mail server answered 451", False),
    ],
)
async def test_what_the_server_refuses_for_good_is_not_tried_again(
    mail_server: MailServer, to_recipient: str, to_message: str, reason: str, *, permanent: bool
) -> None:
    mail_server.to_recipient, mail_server.to_message = to_recipient, to_message
    assert await refused(mail_server.mailer()) == (reason, permanent)


async def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    silent = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reason, permanent = await refused(Mailer("127.0.0.1", port, sender=SENDER, timeout=0.1))
    silent.set()
    server.close()
    assert not permanent
    assert reason.startswith("the mail server ")


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert await refused(Mailer("127.0.0.1", port, sender=SENDER)) == (
        "the mail server could not be used: ConnectionRefusedError",
        False,
    )


@pytest.mark.parametrize(
    ("to", "recipient"),
    [("noura@بريد.example", "noura@xn--ngbof4h.example"), ("نورة@example.com", "نورة@example.com")],
)
async def test_an_address_that_is_not_ascii_is_reached(mail_server: MailServer, to: str, recipient: str) -> None:
    letter = Letter(LETTER.id, to, LETTER.subject, LETTER.text, Language.EN, LETTER.written_at)
    await mail_server.mailer().send(letter)
    assert mail_server.taken[0].rcpt_tos == [recipient]
    assert mail_server.message().get_content() == f"{LETTER.text}\n"


async def test_an_address_that_the_server_cannot_write_is_never_sent_to(mail_server: MailServer) -> None:
    mail_server.knows_utf8 = False
    letter = Letter(LETTER.id, "نورة@example.com", LETTER.subject, LETTER.text, Language.EN, LETTER.written_at)
    assert await refused(mail_server.mailer(), letter) == ("the mail server knows ASCII addresses only", True)


@pytest.mark.parametrize("to", ["nobody", "a@example.com\r\nBcc: b@example.com", ""])
async def test_what_is_no_address_is_never_sent(mail_server: MailServer, to: str) -> None:
    letter = Letter(LETTER.id, to, LETTER.subject, LETTER.text, Language.EN, LETTER.written_at)
    assert await refused(mail_server.mailer(), letter) == ("the address is not an e-mail address", True)
    assert mail_server.taken == []
