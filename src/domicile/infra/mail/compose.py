"""Composes every mail that the platform sends, in the reader's language, as text and as HTML."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from domicile.infra.mail.facts import fact_for_html, fact_for_text
from domicile.infra.mail.message import MailMessage

_HERE = Path(__file__).parent
_LAYOUT = _HERE / "layout.html"
"""Made from `layout.mjml` beside it; a test keeps the two in step, so that no server needs the compiler."""
_FALLBACK = "en"
_LANGUAGES = ("en", "ja", "de")


class MailKind(StrEnum):
    """The mails there are, each with the facts it is made of; all but `valid_for_minutes` are shown as they are given."""

    VERIFY_EMAIL = "verify_email"
    """`name`, `valid_for_minutes`."""
    ALREADY_REGISTERED = "already_registered"
    """No facts: whatever was typed at sign-up is a stranger's until proved otherwise. The link leads to sign-in."""
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a mail
    """`name`, `valid_for_minutes`."""
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a mail
    """`name`, `changed_at`. The link leads to where a new password is asked for."""
    TOO_MANY_FAILURES = "too_many_failures"
    """`name`, `failed_at`. The link leads to where a new password is asked for."""
    CONFIRM_NEW_ADDRESS = "confirm_new_address"
    """`name`, `valid_for_minutes`; to the address that a user wants."""
    ADDRESS_WANTED = "address_wanted"
    """No facts: to a user whose address another user wants. The link leads to sign-in."""
    EMAIL_CHANGE_ASKED = "email_change_asked"
    """`name`, `new_address`, `undo_until`; to the present address. The link takes it back and locks the user until a reset."""
    EMAIL_CHANGED = "email_changed"
    """`name`, `new_address`, `undo_until`; to the former address, with the same link."""
    FACTOR_ADDED = "factor_added"
    """`name`, `factor_kind`, `factor_name`, and of every notice `when`, `device` and `address`. The link leads to where a new password is asked for."""
    FACTOR_REPLACED = "factor_replaced"
    """The same facts; the factor is the new one."""
    FACTOR_REMOVED = "factor_removed"
    """The same facts; the factor is the one that is gone."""
    PASSKEY_STOPPED = "passkey_stopped"
    """`name`, `factor_name`, and the facts of every notice: there may be a copy of a passkey. The link leads to sign-in."""
    FACTORS_RESET = "factors_reset"
    """`name`, `when`: the operator removed every second factor. The link leads to sign-in."""
    RECOVERY_CODES_MADE = "recovery_codes_made"
    """`name`, `codes_left`, and the facts of every notice."""
    RECOVERY_CODE_USED = "recovery_code_used"
    """The same facts."""
    NEW_DEVICE = "new_device"
    """`name`, and the facts of every notice."""
    INVITATION = "invitation"
    """`alias`, `region`, `role`, `inviter`, `expires`."""
    ACCOUNT_SUSPENDED = "account_suspended"
    """`name`, `alias`, `account_id`, `region`, `purge_after`, `receipt`. The link leads to the list of accounts."""
    PURGE_APPROACHING = "purge_approaching"
    """The same facts, when the time to restore the account is nearly over."""


_GREETED_AND_HIDDEN: Mapping[MailKind, tuple[str, ...]] = MappingProxyType(
    {
        MailKind.VERIFY_EMAIL: ("name", "valid_for_minutes"),
        MailKind.ALREADY_REGISTERED: (),
        MailKind.PASSWORD_RESET: ("name", "valid_for_minutes"),
        MailKind.PASSWORD_CHANGED: ("name",),
        MailKind.TOO_MANY_FAILURES: ("name",),
        MailKind.CONFIRM_NEW_ADDRESS: ("name", "valid_for_minutes"),
        MailKind.ADDRESS_WANTED: (),
        MailKind.EMAIL_CHANGE_ASKED: ("name",),
        MailKind.EMAIL_CHANGED: ("name",),
        MailKind.FACTOR_ADDED: ("name",),
        MailKind.FACTOR_REPLACED: ("name",),
        MailKind.FACTOR_REMOVED: ("name",),
        MailKind.PASSKEY_STOPPED: ("name",),
        MailKind.FACTORS_RESET: ("name",),
        MailKind.RECOVERY_CODES_MADE: ("name",),
        MailKind.RECOVERY_CODE_USED: ("name",),
        MailKind.NEW_DEVICE: ("name",),
        MailKind.INVITATION: (),
        MailKind.ACCOUNT_SUSPENDED: ("name",),
        MailKind.PURGE_APPROACHING: ("name",),
    }
)
_OF_A_NOTICE = ("when", "device", "address")
_LISTED: Mapping[MailKind, tuple[str, ...]] = MappingProxyType(
    {
        MailKind.PASSWORD_CHANGED: ("changed_at",),
        MailKind.TOO_MANY_FAILURES: ("failed_at",),
        MailKind.EMAIL_CHANGE_ASKED: ("new_address", "undo_until"),
        MailKind.EMAIL_CHANGED: ("new_address", "undo_until"),
        MailKind.FACTOR_ADDED: ("factor_kind", "factor_name", *_OF_A_NOTICE),
        MailKind.FACTOR_REPLACED: ("factor_kind", "factor_name", *_OF_A_NOTICE),
        MailKind.FACTOR_REMOVED: ("factor_kind", "factor_name", *_OF_A_NOTICE),
        MailKind.PASSKEY_STOPPED: ("factor_name", *_OF_A_NOTICE),
        MailKind.FACTORS_RESET: ("when",),
        MailKind.RECOVERY_CODES_MADE: ("codes_left", *_OF_A_NOTICE),
        MailKind.RECOVERY_CODE_USED: ("codes_left", *_OF_A_NOTICE),
        MailKind.NEW_DEVICE: _OF_A_NOTICE,
        MailKind.INVITATION: ("alias", "region", "role", "inviter", "expires"),
        MailKind.ACCOUNT_SUSPENDED: ("alias", "account_id", "region", "purge_after", "receipt"),
        MailKind.PURGE_APPROACHING: ("alias", "account_id", "region", "purge_after", "receipt"),
    }
)
_QUOTED = frozenset({"alias", "inviter", "factor_name"})
"""Listed facts that a member typed: quotation marks show where their words begin and end."""


@dataclass(frozen=True, slots=True)
class _Content:
    """One mail in one language, before it is text or HTML."""

    subject: str
    preview: str
    heading: str
    greeting: str | None
    paragraphs: tuple[str, ...]
    details: tuple[tuple[str, str], ...]
    button: str
    link: str | None
    notes: tuple[str, ...]
    copy_link: str
    footer: str


def compose(
    kind: MailKind, locale: str, *, to: str, facts: Mapping[str, str], link: str | None, seed: str
) -> MailMessage:
    """Compose one mail; a language that is not spoken here falls back to English.

    `link` must be absolute and built from the configuration. A missing fact or a link of another form raises
    ValueError. Facts are user input: they are escaped, shortened, and never become a link; none enters the subject,
    which mail servers anywhere may log.
    """
    language = language_of(locale)
    words = _words(language)
    known = _checked_facts(kind, facts, words)
    target = _checked_link(link)
    as_text = {name: fact_for_text(value) for name, value in known.items()}
    as_html = {name: escape(fact_for_html(value)) for name, value in known.items()}
    quoted = {
        name: f'"{value.replace(chr(34), chr(39))}"' if name in _QUOTED else value
        for name, value in as_text.items()
    }
    text = _as_text(_content(kind, words, quoted, target))
    html = _as_html(_content(kind, words, as_html, target), language)
    return MailMessage(to=to, subject=words[kind]["subject"], text=text, html=html, message_id_seed=seed)


def language_of(locale: str) -> str:
    """Choose the language for a locale (BCP 47) such as `de-AT`."""
    primary = locale.replace("_", "-").split("-", 1)[0].lower()
    return primary if primary in _LANGUAGES else _FALLBACK


def _checked_facts(kind: MailKind, facts: Mapping[str, str], words: Mapping[str, Any]) -> dict[str, str]:
    needed = (*_GREETED_AND_HIDDEN[kind], *_LISTED.get(kind, ()))
    if missing := [name for name in needed if name not in facts]:
        raise ValueError(f"a mail of kind {kind} needs {', '.join(missing)}")
    known = {name: facts[name] for name in needed}
    if minutes := known.pop("valid_for_minutes", None):
        known["valid_for"] = _duration(int(minutes), words["units"])
    if role := known.get("role"):
        known["role"] = words["roles"].get(role, role)
    for name in ("device", "address", "factor_kind"):
        if name in known:
            known[name] = words["named"].get(known[name], known[name])
    return known


def _duration(minutes: int, units: Mapping[str, tuple[str, str]]) -> str:
    """Write a span in its largest whole unit; a single day is said as 24 hours."""
    if minutes % 1440 == 0 and minutes > 1440:
        count, unit = minutes // 1440, "days"
    elif minutes % 60 == 0:
        count, unit = minutes // 60, "hours"
    else:
        count, unit = minutes, "minutes"
    one, many = units[unit]
    return one if count == 1 else many.format(count=count)


def _checked_link(link: str | None) -> str | None:
    if link is None:
        return None
    parts = urlsplit(link)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or not link.isascii()
        or not link.isprintable()
    ):
        raise ValueError("a link must be an absolute http or https address in ASCII")
    if any(character in link for character in ' "<>'):
        raise ValueError("a link must be percent-encoded")
    return link


def _content(
    kind: MailKind, words: Mapping[str, Any], facts: Mapping[str, str], link: str | None
) -> _Content:
    said, shared = words[kind], words["shared"]
    return _Content(
        subject=said["subject"],
        preview=said["preview"],
        heading=said["heading"],
        greeting=_fill(shared["greeting"], facts) if "name" in facts else None,
        paragraphs=tuple(_fill(paragraph, facts) for paragraph in said["paragraphs"]),
        details=tuple((words["labels"][name], facts[name]) for name in _LISTED.get(kind, ())),
        button=said["button"],
        link=link,
        notes=tuple(_fill(note, facts) for note in said["notes"]),
        copy_link=shared["copy_link"],
        footer=shared["footer"],
    )


def _fill(sentence: str, facts: Mapping[str, str]) -> str:
    # Where the facts are escaped already, what comes out of it is too.
    is_markup = any(isinstance(fact, Markup) for fact in facts.values())
    return (escape(sentence) if is_markup else sentence).format_map(facts)


def _as_text(content: _Content) -> str:
    blocks = [content.heading, content.greeting, *content.paragraphs]
    blocks.append("\n".join(f"{label}: {value}" for label, value in content.details))
    if content.link:
        blocks.append(f"{content.button}:\n{content.link}")
    blocks += [*content.notes, f"-- \n{content.footer}"]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _as_html(content: _Content, language: str) -> str:
    fields = {name: getattr(content, name) for name in _Content.__slots__}
    return _layout().render(locale=language, **fields)


@cache
def _layout() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(_LAYOUT.read_text(encoding="utf-8"))


@cache
def _words(language: str) -> Mapping[str, Any]:  # Any: TOML; a test walks every language for completeness
    return tomllib.loads((_HERE / "texts" / f"{language}.toml").read_text(encoding="utf-8"))
