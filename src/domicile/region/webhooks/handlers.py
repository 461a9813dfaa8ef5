"""Background work: each service of a region is told what happened, in order for each account, until it takes it or time is over."""

import json
from datetime import timedelta
from typing import Final

import structlog

from domicile.infra.outbound import CallFailedError, Outbound
from domicile.infra.secrets import SecretText
from domicile.infra.webhooks import webhook_headers
from domicile.kernel.clock import whole_seconds
from domicile.kernel.services import Service
from domicile.region.plane import RegionPlane
from domicile.region.service_events import store
from domicile.region.service_events.domain import Happening, ServiceEvent, State

_EVENTS_AT_ONCE: Final = 50
_GONE: Final = 410
_MEMORY: Final = timedelta(days=30)
"""How long an event that was told is kept, so that it can be sent again."""
_SUBJECTS: Final = {Happening.MEMBER_REMOVED: "userID", Happening.ACCOUNT_PURGED: "receiptID"}
_log = structlog.get_logger("domicile.webhooks")


class Webhooks:
    """Tells one service, in one region."""

    def __init__(self, plane: RegionPlane, service: Service, outbound: Outbound, secret: SecretText) -> None:
        self._plane = plane
        self._service = service
        self._outbound = outbound
        self._secret = secret

    async def deliver_due(self) -> int:
        """Tell the service what is due; tells how many events it took. The first that it does not take ends the round.

        Of one account the next is told once the one before was taken, or given up; those of other accounts do not wait for it.
        """
        now = self._plane.clock()
        due = await self._plane.database.read(
            lambda tx: store.list_due(tx, self._service.name, now=now, at_most=_EVENTS_AT_ONCE)
        )
        taken = 0
        for event in due:
            if not await self._plane.database.run_tx(lambda tx, event=event: store.claim(tx, event, now=now)):
                continue
            if not await self._deliver(event):
                break
            taken += 1
        return taken

    async def forget_old(self) -> None:
        """Forget what was told long ago."""
        before = self._plane.clock() - _MEMORY
        await self._plane.database.run_tx(lambda tx: store.forget_told(tx, before=before))

    async def _deliver(self, event: ServiceEvent) -> bool:
        status, error = await self._call(event)
        if error is None:
            await self._plane.database.run_tx(lambda tx: store.note_told(tx, event))
            return True
        now = self._plane.clock()
        state = await self._plane.database.run_tx(
            lambda tx: store.note_failure(tx, event, error, now=now, is_final=status == _GONE)
        )
        is_given_up = state is State.GIVEN_UP
        if event.attempts == 0 or is_given_up:  # what lies between is for `domicile webhooks status`
            _log.warning(
                "webhook_failed",
                region=self._plane.id,
                service=self._service.name,
                event_id=event.id,
                error=error,
                given_up=is_given_up,
            )
        return False

    async def _call(self, event: ServiceEvent) -> tuple[int, str | None]:
        """Give the status, and what was wrong with it."""
        body = json.dumps(self._message(event), separators=(",", ":"))
        headers = webhook_headers(self._secret, event.id, body, now=self._plane.clock())
        try:
            status = await self._outbound.post(self._service.lifecycle_url, body.encode(), headers)
        except CallFailedError as failed:
            return 0, failed.code
        return status, None if 200 <= status < 300 else f"status-{status}"

    def _message(self, event: ServiceEvent) -> dict[str, object]:
        data: dict[str, object] = {"accountID": event.account_id, "region": self._plane.id, "seq": event.seq}
        if name := _SUBJECTS.get(event.happening):
            data[name] = event.subject_id
        return {"type": event.happening, "timestamp": whole_seconds(event.at), "data": data}
