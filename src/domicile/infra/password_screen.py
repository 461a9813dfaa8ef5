"""Judges passwords that somebody wants to set: by the operator's list, by what is tried first, and by what became known."""

from collections.abc import Sequence
from pathlib import Path

from domicile.infra.blocklist import Blocklist
from domicile.infra.breached import BreachedPasswords
from domicile.infra.guessing import estimate
from domicile.infra.password_settings import PasswordSettings
from domicile.infra.passwords import PasswordHasher, too_busy
from domicile.infra.secrets import SecretText
from domicile.kernel.strength import Strength, Weakness

_ASKED_AT_ONCE = 8
"""Questions of people who are typing, which must leave room in the queue for those who sign in."""


class PasswordScreen:
    """Judges in the threads of the hasher, beside the event loop."""

    def __init__(self, hasher: PasswordHasher, settings: PasswordSettings) -> None:
        self._hasher = hasher
        self._listed = Blocklist(Path(settings.blocklist_file)) if settings.blocklist_file else None
        self._breached = BreachedPasswords(settings.breached_url) if settings.breached_url else None
        self._room = _ASKED_AT_ONCE

    async def find_weakness(self, password: SecretText, context: Sequence[str]) -> Weakness | None:
        """Find why a normalised password may not be set; None: it may. `context` holds words that are tried first."""
        if weakness := (await self._judge(password, context)).weakness:
            return weakness
        is_known = self._breached is not None and await self._breached.has(password)
        return Weakness.BREACHED if is_known else None

    async def rate(self, password: SecretText, context: Sequence[str]) -> Strength:
        """Rate a password that is being typed; nobody else is asked about it. `too-busy` where many type at once."""
        if self._room == 0:
            raise too_busy()
        self._room -= 1
        try:
            return await self._judge(password, context)
        finally:
            self._room += 1

    async def close(self) -> None:
        """Let go of the sockets."""
        if self._breached is not None:
            await self._breached.close()

    async def _judge(self, password: SecretText, context: Sequence[str]) -> Strength:
        return await self._hasher.in_pool(lambda: self._judged(password.reveal(), context))

    def _judged(self, password: str, context: Sequence[str]) -> Strength:
        strength = estimate(password, context)
        if self._listed is not None and self._listed.has(password):
            return Strength(strength.guesses_log10, Weakness.LISTED)
        return strength
