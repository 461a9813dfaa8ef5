"""E-mail addresses: one person has one, whatever its spelling, and a look-alike is somebody else."""

import pytest

from tests.support.world import PASSWORD, Account, World, until


@pytest.fixture(scope="module")
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@@example.com",
            "ann@example",
            "a b@example.com",
            "ann@exa mple.com",
        ),
        *(
            "ann@example.com\nBcc: all@example.com",
            "ann@example.com\r\n\r\nHello",
            "ann@example.com\x00",
            "\x00@example.com",
        ),
        *(
            "Ann <ann@example.com>",
            "ann@example.com,bob@example.com",
            "ann@example.com;bob@example.com",
            "mailto:ann@example.com",
        ),
        *(
            "=?utf-8?q?ann=40example.com?=@example.com",
            "ann@[127.0.0.1]",
            "ann@localhost",
            "ann@-example.com",
            "ann@example..com",
        ),
        *(
            "ann..b@example.com",
            ".ann@example.com",
            "ann.@example.com",
            "a" * 65 + "@example.com",
            "ann@" + "e" * 300 + ".com",
        ),
        *("ann\u202e@example.com", "ann\u200b@example.com", "ann@exam\u200bple.com", "ann\ud800@example.com"),
    ],
)
def test_what_is_no_address_is_refused_wherever_one_is_asked_for(
    world: World, labs: Account, address: str
) -> None:
    mails = len(list(world.server.mails.glob("*.eml")))
    asked = [
        world.anyone.post("/api/signup", content=_body(email=address, name="Ann", password=PASSWORD)),
        world.anyone.post("/api/sessions", content=_body(email=address, password=PASSWORD)),
        world.anyone.post("/api/password/forgot", content=_body(email=address)),
        labs.api.post("/api/invitations", content=_body(email=address, roleID="read-only")),
    ]
    for answer in asked:
        assert answer.status_code == 400, answer.text
        assert answer.json()["fields"].keys() in ({"email"}, {"body"}), answer.text
    assert len(list(world.server.mails.glob("*.eml"))) == mails


def _body(**fields: str) -> bytes:
    import json  # noqa: PLC0415  # the client's own encoder refuses lone surrogates

    return json.dumps(fields).encode()


def test_the_spelling_of_an_address_makes_no_second_person(world: World) -> None:
    person = world.person("Mixed Case", address="Mixed.Case@Example.com")
    for spelling in (
        "mixed.case@example.com",
        "MIXED.CASE@EXAMPLE.COM",
        "Mixed.Case@example.COM",
        " mixed.case@example.com ",
    ):
        again = {"email": spelling, "name": "Somebody Else", "password": PASSWORD}
        answer = world.anyone.post("/api/signup", again)
        if answer.status_code == 202:
            told = until(lambda: world.mails_to("mixed.case@example.com"), lambda mails: len(mails) > 1)
            assert "/verify/" not in told[-1]
        signed_in = world.anyone.post("/api/sessions", {"email": spelling, "password": PASSWORD})
        if signed_in.status_code == 201:
            assert signed_in.json()["user"]["id"] == person.id
        else:
            assert signed_in.status_code == 400
    assert person.api.call("GET", "/api/me")["name"] == "Mixed Case"


def test_an_invitation_is_for_its_address_in_any_spelling(world: World, labs: Account) -> None:
    person = world.person("Inga Invited", address="inga@example.com")
    token = world.invite(labs.api, "INGA@Example.COM")
    person.api.call("POST", "/api/invitations/accept", {"token": token})
    again = labs.api.post("/api/invitations", {"email": "InGa@example.com", "roleID": "read-only"})
    assert again.status_code == 409
    assert again.json()["type"].endswith("/problems/already-member")


def test_two_spellings_of_one_address_have_one_open_invitation(labs: Account) -> None:
    labs.api.call(
        "POST", "/api/invitations", {"email": "once@example.com", "roleID": "read-only"}, status=201
    )
    again = labs.api.post("/api/invitations", {"email": "Once@Example.Com", "roleID": "read-only"})
    assert again.status_code == 409
    assert again.json()["type"].endswith("/problems/invitation-open")


@pytest.mark.parametrize(
    ("letters", "others"),
    [
        ("a", "\u0430"),  # Cyrillic
        ("i", "\u0456"),  # Cyrillic
        ("a", "\uff41"),  # full width
        ("i", "1"),
        ("@", "+x@"),
        ("example", "examp1e"),
        ("example", "ex\u0430mple"),
    ],
)
def test_a_look_alike_of_an_invited_address_gets_nowhere(
    world: World, labs: Account, letters: str, others: str
) -> None:
    address = world.address("alice")
    look_alike = address.replace(letters, others, 1)
    token = world.invite(labs.api, address)
    asked = world.anyone.post("/api/signup", {"email": look_alike, "name": "Mallory", "password": PASSWORD})
    if asked.status_code == 400:
        assert asked.json()["fields"].keys() == {"email"}
        return
    local, _, domain = look_alike.rpartition("@")
    written_to = f"{local}@{domain.encode('idna').decode()}"
    verified = {"token": world.token_to(written_to, "verify")}
    world.anyone.call("POST", "/api/signup/verify", verified)
    mallory = world.sign_in(look_alike)
    refused = mallory.post("/api/invitations/accept", {"token": token})
    assert refused.status_code == 403
    assert refused.json()["type"].endswith("/problems/invitation-for-another-address")
    assert mallory.call("GET", "/api/accounts") == {"accounts": []}


def test_nobody_can_tell_from_the_answers_which_addresses_are_known(world: World) -> None:
    known, unknown = world.person("Known Person").email, world.address("unknown")
    same = {"X-Request-Id": "the-same"}
    for path, body in (
        ("/api/signup", {"name": "X", "password": PASSWORD}),
        ("/api/password/forgot", {}),
        ("/api/sessions", {"password": "certainly not the right one"}),
    ):
        answers = [world.anyone.post(path, {"email": e, **body}, headers=same) for e in (known, unknown)]
        assert answers[0].status_code == answers[1].status_code
        assert answers[0].content == answers[1].content
        assert dict(answers[0].headers) == dict(answers[1].headers)
