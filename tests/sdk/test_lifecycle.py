"""What a service is told of accounts is believed when it is signed by its region, and of now; what comes late or again is told apart."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from domicile_sdk import Clock
from domicile_sdk.lifecycle import EventOrder, Happening, LifecycleEvent, LifecycleReader, MessageRefused

NOW = 1_795_000_000
OURS, OTHER = (f"whsec_{base64.b64encode(bytes([n] * 32)).decode()}" for n in (1, 2))
READER = LifecycleReader([OURS], clock=Clock(now=lambda: float(NOW)))


def body(type_: str = "account.suspended", **data: Any) -> bytes:
    said = {"accountID": "004217730956", "region": "de-1", "seq": 7, **data}
    return json.dumps({"type": type_, "timestamp": "2026-11-27T10:00:00Z", "data": said}).encode()


def signed(content: bytes, secret: str = OURS, *, at: int = NOW) -> dict[str, str]:
    signature = Webhook(secret).sign("evt_1", datetime.fromtimestamp(at, UTC), content.decode())
    return {"Webhook-Id": "evt_1", "Webhook-Timestamp": str(at), "Webhook-Signature": signature}


def read(content: bytes, reader: LifecycleReader = READER) -> LifecycleEvent | None:
    return reader.read(signed(content), content)


@pytest.mark.parametrize("happening", Happening)
def test_every_kind_of_event_is_read(happening: Happening):
    found = read(body(happening, userID="u1", receiptID="rec_1"))

    assert found is not None
    assert (found.happening, found.account, found.region, found.seq) == (happening, "004217730956", "de-1", 7)
    assert found.user == ("u1" if happening is Happening.MEMBER_REMOVED else "")
    assert found.receipt == ("rec_1" if happening is Happening.ACCOUNT_PURGED else "")


def test_an_event_that_is_not_known_is_nothing():
    assert read(body("account.renamed")) is None


def test_of_several_secrets_and_signatures_one_has_to_fit():
    content = body()
    both = LifecycleReader([OTHER, OURS], clock=Clock(now=lambda: float(NOW)))
    headers = signed(content)
    headers["Webhook-Signature"] = f"v2,x {signed(content, OTHER)['Webhook-Signature']} v1,é"

    assert read(content, both) is not None
    assert both.read(headers, content) is not None
    with pytest.raises(MessageRefused):
        READER.read(headers, content)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_message_from_another_time_is_refused(seconds: int):
    content = body()
    with pytest.raises(MessageRefused, match="another time"):
        READER.read(signed(content, at=NOW + seconds), content)
    near = NOW + seconds + (1 if seconds < 0 else -1)
    assert READER.read(signed(content, at=near), content) is not None


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
@pytest.mark.parametrize("value", ["", "evt_2", "1", "9" * 30, "v1,"])
def test_a_message_whose_headers_were_changed_is_refused(name: str, value: str):
    content = body()
    with pytest.raises(MessageRefused):
        READER.read({**signed(content), name: value}, content)


def test_a_message_that_was_changed_or_has_another_form_is_refused():
    with pytest.raises(MessageRefused, match="fit"):
        READER.read(signed(body()), body(seq=8))
    with pytest.raises(MessageRefused, match="no text"):
        READER.read(signed(body()), b"\xff")
    for content in (b"", b"[]", b'{"type": 1}', body(seq="7"), body("member.removed"), b"[" * 9999):
        with pytest.raises(MessageRefused, match="form"):
            read(content)


@pytest.mark.parametrize("secrets", [[], ["abc"], ["whsec_"]])
def test_a_reader_without_a_secret_is_not_made(secrets: list[str]):
    with pytest.raises(ValueError, match="secret"):
        LifecycleReader(secrets)


def test_what_comes_again_or_late_is_no_news_and_each_member_counts_alone():
    numbers: dict[str, int] = {}
    order = EventOrder(numbers)

    def comes(content: bytes) -> bool:
        event = read(content)
        assert event is not None
        is_news = order.is_news(event)
        if is_news:
            order.note(event)
        return is_news

    assert [comes(body(seq=number)) for number in (5, 5, 4, 6)] == [True, False, False, True]
    assert comes(body("member.removed", userID="u1", seq=3))
    assert comes(body("member.removed", userID="u2", seq=2))
    assert not comes(body("member.removed", userID="u1", seq=3))
    assert numbers == {"004217730956": 6, "004217730956/u1": 3, "004217730956/u2": 2}
