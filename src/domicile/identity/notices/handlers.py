"""Background work of notices: the mail to a person about one security event."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from domicile.identity.events.domain import SecurityEvent, SecurityEventType
from domicile.identity.links import forgot_link, sign_in_link
from domicile.identity.notices import service
from domicile.identity.plane import IdentityPlane
from domicile.infra.mail.compose import MailKind, compose
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import OutboxRow
from domicile.kernel.ids import UserId

_KINDS: Final[Mapping[SecurityEventType, MailKind]] = {
    SecurityEventType.FACTOR_ADDED: MailKind.FACTOR_ADDED,
    SecurityEventType.FACTOR_REPLACED: MailKind.FACTOR_REPLACED,
    SecurityEventType.FACTOR_REMOVED: MailKind.FACTOR_REMOVED,
    SecurityEventType.PASSKEY_STOPPED: MailKind.PASSKEY_STOPPED,
    SecurityEventType.FACTORS_RESET: MailKind.FACTORS_RESET,
    SecurityEventType.CODES_MADE: MailKind.RECOVERY_CODES_MADE,
    SecurityEventType.CODE_USED: MailKind.RECOVERY_CODE_USED,
    SecurityEventType.NEW_DEVICE: MailKind.NEW_DEVICE,
}

_TO_SIGN_IN: Final = frozenset({MailKind.FACTORS_RESET, MailKind.PASSKEY_STOPPED})
"""Where there is nothing to undo: the way leads to signing in, and to a new second factor."""


async def send_notice_mail(plane: IdentityPlane, mailer: SmtpMailer, row: OutboxRow) -> None:
    """Tell a person of a security event, at the address that is theirs now."""
    told = await service.find_notice(plane, UserId(row.owner_id), row.subject_id)
    if told is None:
        return
    kind, url = _KINDS[told.event.type], plane.settings.public_url
    message = compose(
        kind,
        told.user.locale,
        to=told.user.email_key,
        facts={"name": told.user.name, **_facts(told.event, told.user.time_zone)},
        link=sign_in_link(url) if kind in _TO_SIGN_IN else forgot_link(url),
        seed=row.id,
    )
    await mailer.send(message)


def _facts(event: SecurityEvent, time_zone: str) -> dict[str, str]:
    """Say when and from where in the person's own time; what is not known is said to be so by the mail."""
    details = event.details
    return {
        "when": f"{event.at.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M} ({time_zone})",
        "device": details.get("device", "unknown"),
        "address": event.source_address or "unknown",
        "factor_kind": details.get("kind", ""),
        "factor_name": details.get("name", ""),
        "codes_left": details.get("left", ""),
    }
