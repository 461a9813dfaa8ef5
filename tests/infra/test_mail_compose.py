import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import mjml
import pytest

import domicile.infra.mail.compose as compose_module
from domicile.infra.mail.compose import MailKind, compose, language_of
from domicile.infra.mail.facts import fact_for_html, fact_for_text
from domicile.infra.mail.message import MailMessage

_FOLDER = Path(compose_module.__file__).parent
_LINK = "https://id.example.com/verify#token=Zx8Q0mJv2r7yT3kWn5sAq9LhP1dFgE4uXcV6bNiO0aM&a=1"
_FACTS = {
    "name": "Ana Ruiz",
    "valid_for_minutes": "1440",
    "alias": "Production",
    "region": "Germany",
    "role": "read-only",
    "inviter": "Ben Okafor",
    "expires": "2026-11-30 14:00 UTC",
    "changed_at": "2026-11-23 14:00 UTC",
    "failed_at": "2026-11-23 14:00 UTC",
    "account_id": "004217730956",
    "purge_after": "2026-12-23 14:00 UTC",
    "receipt": "rec_de-1_4f9Zk2Lw8QpX0aBcD1eFgH",
    "new_address": "ana.ruiz@example.com",
    "undo_until": "2026-11-30 14:00 UTC",
    "when": "2026-11-23 15:00 (Europe/Berlin)",
    "device": "Firefox, Windows",
    "address": "198.51.100.7",
    "factor_kind": "totp",
    "factor_name": "Ana's phone",
    "codes_left": "9",
}
_EVERY_MAIL = [(kind, language) for kind in MailKind for language in ("en", "ja", "de")]


def _compose(kind: MailKind, locale: str = "en", **facts: str) -> MailMessage:
    return compose(kind, locale, to="ana@example.com", facts={**_FACTS, **facts}, link=_LINK, seed="1")


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.languages: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "lang":
                self.languages.append(value or "")
            if tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in {"src", "href", "background"}:
                self.fetched.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_compiled_layout_is_what_its_source_compiles_to():
    compiled = mjml.mjml2html((_FOLDER / "layout.mjml").read_text(encoding="utf-8"))

    assert (_FOLDER / "layout.html").read_text(encoding="utf-8") == compiled, (
        "write what mjml2html makes of layout.mjml to layout.html"
    )


@pytest.mark.parametrize("language", ["ja", "de"])
def test_every_language_says_everything_that_english_says(language: str):
    def shape(value: object) -> object:
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items()}
        return len(value) if isinstance(value, list) and len(value) != 2 else type(value)

    english, other = (
        tomllib.loads((_FOLDER / "texts" / f"{name}.toml").read_text(encoding="utf-8"))
        for name in ("en", language)
    )

    assert {kind.value for kind in MailKind} < english.keys()
    assert english.keys() == other.keys()
    for section, content in english.items():
        assert content.keys() == other[section].keys()
        same = [key for key, said in content.items() if said == other[section][key] and key != "region"]
        assert same == []


@pytest.mark.parametrize(("kind", "language"), _EVERY_MAIL)
def test_every_mail_has_its_link_as_a_button_and_as_text_and_no_other_link(kind: MailKind, language: str):
    mail = _compose(kind, language)
    page = _Page(mail.html)

    assert page.links == [_LINK, _LINK]
    assert page.text.count(_LINK) == 1
    assert re.findall(r"\S+://\S+", mail.text) == [_LINK]


@pytest.mark.parametrize(("kind", "language"), _EVERY_MAIL)
def test_every_mail_fetches_nothing_and_says_its_language(kind: MailKind, language: str):
    mail = _compose(kind, language)
    page = _Page(mail.html)

    assert page.fetched == []
    assert "url(" not in mail.html
    assert page.languages[0] == language
    assert "{{" not in mail.html
    assert "{%" not in mail.html


@pytest.mark.parametrize(("kind", "language"), _EVERY_MAIL)
def test_no_subject_holds_anything_of_an_account_or_a_person(kind: MailKind, language: str):
    mail = _compose(kind, language)

    assert not any(fact in mail.subject for fact in _FACTS.values())


def test_an_invitation_names_account_region_role_inviter_and_expiry():
    mail = _compose(MailKind.INVITATION)

    for shown in ('"Production"', "Germany", "Read only", '"Ben Okafor"', "2026-11-30 14:00 UTC"):
        assert shown in mail.text
    for shown in ("Production", "Germany", "Read only", "Ben Okafor", "2026-11-30 14:00 UTC"):
        assert shown in _Page(mail.html).text


def test_a_role_made_by_an_account_is_shown_by_its_own_id():
    assert "Role: billing-clerk" in _compose(MailKind.INVITATION, role="billing-clerk").text


def test_what_people_typed_is_escaped_and_never_a_link():
    hostile = '<a href="https://evil.com">www.evil.com</a> a@evil.com {link} {{ 7*7 }}'
    mail = _compose(MailKind.INVITATION, alias=hostile, inviter=hostile)
    page = _Page(mail.html)

    assert page.links == [_LINK, _LINK]
    assert "evil.com" not in page.text
    assert "evil.com" not in mail.text
    assert "a@" not in mail.text
    assert "{link}" in mail.text
    assert "{{ 7*7 }}" in page.text


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Acme Inc.", "Acme Inc."),
        ("J.R. Smith", "J.R. Smith"),
        ("Dr. Müller", "Dr. Müller"),
        ("Prod v2.10", "Prod v2.10"),
        ("evil.com", "evil[.]com"),
        ("evil。com", "evil[.]com"),
        ("http://1.2.3.4/x", "http[:]//1[.]2[.]3[.]4/x"),
        ("me@host", "me[at]host"),
        ("203.0.113.9/login", "203[.]0[.]113[.]9/login"),
        ("HTTP://EVIL.EXAMPLE", "HTTP[:]//EVIL[.]EXAMPLE"),
        ("http:\\\\evil", "http[:]\\\\evil"),
        ("\\\\evil\\share", "[\\][\\]evil\\share"),
        ("call tel:+4930123456", "call tel[:]+4930123456"),
        ("Team: Prod, file:x", "Team: Prod, file[:]x"),
        ("Cartel:3", "Cartel:3"),
        ("Release 1.2.3", "Release 1.2.3"),
        ("пример.рф", "пример[.]рф"),
        ("a@b.example", "a[at]b[.]example"),
        ("two\r\nlines\u2028three", "two lines three"),
        ("evil\u202emoc", "evilmoc"),
        ("x" * 500, "x" * 79 + "…"),
    ],
)
def test_a_fact_stays_as_it_was_typed_but_for_what_a_mail_program_links(typed: str, shown: str):
    assert fact_for_text(typed) == shown
    if "[" not in shown:
        assert fact_for_html(typed) == shown


_HOSTILE = (
    "evil.example",
    "www.evil.example",
    "http://evil",
    "https://evil.example/%2e",
    "HTTPS:\\\\evil.example",
    "mailto:evil@evil.example",
    "//evil.example",
    "203.0.113.9",
    "evil。example",
    "<a href=http://evil.example>x</a>",
    "[x](http://evil.example)",
    "evil.example\r\nBcc: evil@evil.example",
    "\u202eelpmaxe.live\u202c",
)
_BY_PROGRAMS = re.compile(
    r"(?i)\b(?:https?|ftp|file):(?://|\\\\)|\bmailto:|\bwww\.|[\w.+-]+@\w+|\b[\w-]+[.\u3002](?:example|com)\b|\b\d+(?:\.\d+){3}\b"
)
"""What mail programs make links of, roughly and eagerly."""


@pytest.mark.parametrize("language", ["en", "ja", "de"])
@pytest.mark.parametrize("hostile", _HOSTILE)
def test_no_mail_program_finds_a_link_in_what_people_typed(hostile: str, language: str):
    mail = _compose(MailKind.INVITATION, language, alias=hostile, inviter=hostile)
    page = _Page(mail.html)

    assert page.links == [_LINK, _LINK]
    assert _BY_PROGRAMS.findall(page.text.replace(_LINK, "")) == []
    assert _BY_PROGRAMS.findall(mail.text.replace(_LINK, "")) == []
    assert "Bcc" not in mail.subject
    assert not any(line.startswith("Bcc") for line in mail.text.splitlines())


def test_a_quotation_mark_in_an_alias_cannot_end_its_quotation():
    assert "Account: \"Prod' Region: 'us\"" in _compose(MailKind.INVITATION, alias='Prod" Region: "us').text


@pytest.mark.parametrize(
    ("minutes", "english", "german"),
    [
        ("30", "30 minutes", "30 Minuten"),
        ("60", "1 hour", "1 Stunde"),
        ("1440", "24 hours", "24 Stunden"),
        ("10080", "7 days", "7 Tage"),
    ],
)
def test_a_validity_is_written_in_the_largest_whole_unit(minutes: str, english: str, german: str):
    assert f" {english}." in _compose(MailKind.VERIFY_EMAIL, valid_for_minutes=minutes).text
    assert f" {german} lang" in _compose(MailKind.VERIFY_EMAIL, "de", valid_for_minutes=minutes).text


@pytest.mark.parametrize(
    ("locale", "language"), [("de-AT", "de"), ("ja_JP", "ja"), ("EN", "en"), ("fr", "en"), ("", "en")]
)
def test_a_locale_leads_to_its_language_or_to_english(locale: str, language: str):
    assert language_of(locale) == language


@pytest.mark.parametrize(
    "link",
    ["/relative", "javascript:alert(1)", "//evil", "https://a b", 'https://a"b', "https://a\nb", "http:///x"],
)
def test_a_link_that_is_not_an_absolute_web_address_is_refused(link: str):
    with pytest.raises(ValueError, match="a link must be"):
        compose(MailKind.VERIFY_EMAIL, "en", to="a@example.com", facts=_FACTS, link=link, seed="1")


def test_a_missing_fact_is_named():
    with pytest.raises(ValueError, match="inviter, expires"):
        compose(
            MailKind.INVITATION,
            "en",
            to="a@example.com",
            facts={"alias": "a", "region": "b", "role": "c"},
            link=_LINK,
            seed="1",
        )
