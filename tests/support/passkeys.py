"""People with devices that hold passkeys, at the level of use cases."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from domicile.identity.events.store import security_events
from domicile.identity.passkey_enrolment.service import Enrolled, NewPasskey, begin_passkey, enrol_passkey
from domicile.identity.passkeys.domain import Ceremony, Passkey, Shown
from domicile.identity.passkeys.service import begin_assertion, use_assertion
from domicile.identity.passkeys.store import (
    list_passkeys,
)
from domicile.identity.sessions.service import authenticate_session
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import UserId
from tests.support.authenticator import (
    BE,
    BS,
    TRUTH,
    UP,
    Authenticator,
    HeldKey,
    Lies,
    to_base64url,
)
from tests.support.people import ORIGIN, People

HERE = "http://localhost:8800"
ATTEMPT = "sign-in 1"


@dataclass
class Holder:
    """A person with a device, and what tests do with both."""

    people: People
    person: Person
    device: Authenticator
    enrolled: list[Enrolled] = field(default_factory=list)

    async def begin(self) -> Ceremony:
        return await begin_passkey(self.people.plane, self.person)

    async def enrol(
        self, lies: Lies = TRUTH, *, name: str | None = "Laptop", replaces: str | None = None
    ) -> Enrolled:
        asked = await self.begin()
        return await self.answer(asked, self.device.create(asked.options, lies), name=name, replaces=replaces)

    async def answer(
        self,
        asked: Ceremony,
        credential: dict[str, Any],
        *,
        name: str | None = None,
        replaces: str | None = None,
    ) -> Enrolled:
        wanted = NewPasskey(asked.challenge_id, credential, name, replaces)
        made = await enrol_passkey(self.people.plane, self.person, wanted)
        self.person = await authenticate_session(self.people.plane, made.lifted.token.reveal(), ORIGIN)
        self.enrolled.append(made)
        return made

    async def ask(self, *, anybody: bool = False, binding: str = ATTEMPT, needs_uv: bool = False) -> Ceremony:
        user = None if anybody else self.person.user_id
        now = self.people.clock()
        return await self.people.database.run_tx(
            lambda tx: begin_assertion(
                self.people.plane, tx, user=user, binding=binding, needs_uv=needs_uv, now=now
            )
        )

    async def show(
        self,
        asked: Ceremony,
        credential: dict[str, Any],
        *,
        anybody: bool = False,
        binding: str = ATTEMPT,
        user: UserId | None = None,
    ) -> Shown | None:
        now = self.people.clock()
        whose = None if anybody else user or self.person.user_id
        return await self.people.database.run_tx(
            lambda tx: use_assertion(
                self.people.plane,
                tx,
                challenge_id=asked.challenge_id,
                binding=binding,
                credential=credential,
                user=whose,
                origin=ORIGIN,
                now=now,
            )
        )

    async def use(
        self,
        lies: Lies = TRUTH,
        *,
        device: Authenticator | None = None,
        held: HeldKey | None = None,
        **ask: Any,
    ) -> Shown | None:
        """Ask for a passkey and show it at once."""
        asked = await self.ask(**ask)
        answer = (device or self.device).get(asked.options, lies, held=held)
        return await self.show(
            asked, answer, anybody=ask.get("anybody", False), binding=ask.get("binding", ATTEMPT)
        )

    async def kept(self) -> tuple[Passkey, ...]:
        return await self.people.database.read(lambda tx: list_passkeys(tx, self.person.user_id))


async def holder_of(people: People, email: str = "ann@example.com", **device: Any) -> Holder:
    person = await people.signed_in_person(email)
    return Holder(people, person, Authenticator(HERE, **device))


async def events_of(people: People, kind: str) -> list[Any]:
    query = select(security_events).where(security_events.c.type == kind)
    return list(await people.database.read(lambda tx: tx.all(query)))


async def refused(enrolling: Awaitable[object]) -> str:
    """Give the code with which a use case refuses."""
    with pytest.raises(DomainError) as refusal:
        await enrolling
    return refusal.value.code


LIES = {
    "another origin": Lies(origin="http://localhost:8801"),
    "a look-alike origin": Lies(origin="http://localhost:8800.evil.test"),
    "an origin with a path": Lies(origin=f"{HERE}/"),
    "plain http in place of https": Lies(origin="https://localhost:8800"),
    "an origin in capitals": Lies(origin="HTTP://LOCALHOST:8800"),
    "no origin": Lies(client_data={"origin": None}),
    "a list of origins": Lies(client_data={"origin": [HERE]}),
    "another relying party": Lies(rp_id="evil.test"),
    "a part of the relying party": Lies(rp_id="host"),
    "nobody present": Lies(flags_off=UP),
    "a page within another site's page": Lies(client_data={"crossOrigin": True}),
    "a cross-origin mark that is no truth value": Lies(client_data={"crossOrigin": "false"}),
    "a top origin": Lies(client_data={"topOrigin": HERE}),
    "the ceremony of another kind": Lies(type="payment.get"),
    "a challenge of its own": Lies(challenge=to_base64url(bytes(32))),
    "an empty challenge": Lies(client_data={"challenge": ""}),
    "a challenge that is a number": Lies(client_data={"challenge": 1}),
    "backed up and not able to be": Lies(flags_off=BE, flags_on=BS),
    "bytes after the end": Lies(leftover=b"\x00"),
    "extensions that are not there": Lies(flags_on=0x80),
}
"""What an answer can say that is not so."""
