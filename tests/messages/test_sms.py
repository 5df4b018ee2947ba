import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.user import Language
from messages.letter import Letter, NotSent
from messages.sms import DEFAULT_TEMPLATE, SmsGateway, Template
from tests.messages.conftest import KEY, MOBILE, Provider

LETTER = Letter(
    UUID(int=7),
    MOBILE,
    "رمز التحقق",
    'رمز التحقق: 123456 "{id}"',
    Language.AR,
    datetime(2026, 3, 1, 9, 0, tzinfo=UTC),
)


async def test_an_sms_is_one_post_with_the_key(provider: Provider, sms: SmsGateway) -> None:
    await sms.send(LETTER)
    assert provider.received == [{"to": MOBILE, "text": LETTER.text, "id": "00000000-0000-0000-0000-000000000007"}]
    assert provider.keys == [f"Bearer {KEY}"]


async def test_a_template_gives_the_providers_shape_and_what_is_filled_in_stays_text(provider: Provider) -> None:
    template = Template(
        '{"messages": [{"dst": "tel:{to}", "body": {"text": "{text}"}, "n": 1}], "from": "Sijil", "x": null}'
    )
    gateway = SmsGateway(provider.url, KEY, template)
    await gateway.send(LETTER)
    await gateway.close()
    assert provider.received == [
        {"messages": [{"dst": f"tel:{MOBILE}", "body": {"text": LETTER.text}, "n": 1}], "from": "Sijil", "x": None}
    ]


@pytest.mark.parametrize(
    "text",
    ["", "to", "{}", '{"to": "{to}"}', '{"to": "{to}", "text": "{text}", "from": "{name}"}', '{"{to}": "{text}"}'],
)
def test_a_template_that_cannot_be_filled_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (what was wrong is said by who asks)
        Template(text)


@pytest.mark.parametrize(
    ("answer", "reason", "permanent"),
    [
        (400, "the SMS gateway answered 400", True),
        (404, "the SMS gateway answered 404", True),
        (401, "the SMS gateway answered 401", False),
        (403, "the SMS gateway answered 403", False),
        (408, "the SMS gateway answered 408", False),
        (425, "the SMS gateway answered 425", False),
        (429, "the SMS gateway answered 429", False),
        (500, "the SMS gateway answered 500", False),
        (503, "the SMS gateway answered 503", False),
        ("elsewhere", "the SMS gateway answered 307", False),
    ],
)
async def test_a_refusal_of_the_message_is_permanent_any_other_is_not(
    provider: Provider, sms: SmsGateway, answer: int | str, reason: str, *, permanent: bool
) -> None:
    provider.answers.append(answer)
    with pytest.raises(NotSent) as refused:
        await sms.send(LETTER)
    assert (refused.value.reason, refused.value.permanent) == (reason, permanent)
    assert len(provider.received) == 1


async def test_an_answer_without_end_is_not_read_to_its_end(provider: Provider, sms: SmsGateway) -> None:
    provider.answers.append("endless")
    await sms.send(LETTER)
    await sms.send(LETTER)
    assert len(provider.received) == 2


async def test_a_gateway_that_does_not_answer_in_time_is_given_up(provider: Provider) -> None:
    provider.open.clear()
    gateway = SmsGateway(provider.url, KEY, Template(DEFAULT_TEMPLATE), timeout=0.1)
    with pytest.raises(NotSent) as refused:
        await gateway.send(LETTER)
    await gateway.close()
    assert not refused.value.permanent
    assert refused.value.reason.startswith("the SMS gateway gave no answer: ")


async def test_a_gateway_that_is_not_there_is_tried_again() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    gateway = SmsGateway(f"http://127.0.0.1:{port}/sms", KEY, Template(DEFAULT_TEMPLATE))
    with pytest.raises(NotSent) as refused:
        await gateway.send(LETTER)
    await gateway.close()
    assert (refused.value.reason, refused.value.permanent) == ("the SMS gateway gave no answer: ConnectError", False)
