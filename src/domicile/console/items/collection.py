"""The items of one kind in an account, as the address of a page names them, and what its visitor may do to them."""

from dataclasses import dataclass

from litestar.di import Provide
from litestar.params import FromPath, SkipValidation

from domicile.console.accounts.entered import INSIDE, Entered
from domicile.console.accounts.naming import name_account
from domicile.console.pages import Values
from domicile.kernel.callers import Caller
from domicile.kernel.services import Verb
from domicile.region.item_log.domain import Place
from domicile.region.items.domain import Named, Wanted
from domicile.region.items.service import find_place
from domicile.region.plane import RegionPlane

_CHANGES = (Verb.CREATE, Verb.UPDATE, Verb.DELETE)


@dataclass(frozen=True, slots=True)
class Collection:
    """The items of one kind, whether that is there or not, and the account in which they are."""

    entered: Entered
    wanted: Wanted

    @property
    def caller(self) -> Caller:
        """Give who is looking."""
        return self.entered.caller

    @property
    def plane(self) -> RegionPlane:
        """Give the plane of the account's region."""
        return self.entered.plane

    @property
    def service_path(self) -> str:
        """Give the address of the page of the service."""
        return f"{self.entered.path}/services/{self.wanted.service}"

    @property
    def path(self) -> str:
        """Give the address of the list of the items; that of an item begins with it."""
        return f"{self.service_path}/{self.wanted.plural}"

    def require(self, verb: Verb) -> Place:
        """Find the kind and require the permission to do this to its items; `not-found`, `not-permitted`."""
        return find_place(self.plane, self.caller, self.wanted, verb)

    async def gather(self, place: Place) -> Values:
        """Gather what every page about these items is made of."""
        return {
            "account": await name_account(self.entered),
            "region": self.plane.region,
            "role": self.caller.role,
            "service": place.service,
            "kind": place.kind,
            "path": self.path,
            "service_path": self.service_path,
            "may": {str(verb): self._may(place, verb) for verb in Verb},
            "reading_only": self._reason_for_reading_only(place),
        }

    def link(self, place: Place, named: Named) -> str | None:
        """Give the address of an item of the same service; None for one that the caller may not read."""
        kind = next((kind for kind in place.service.kinds if kind.name == named.kind), None)
        if kind is None or not self.caller.may(place.service.permission(kind, Verb.READ)).allowed:
            return None
        return f"{self.service_path}/{kind.plural}/{named.name}"

    def _may(self, place: Place, verb: Verb) -> bool:
        return self.caller.may(place.service.permission(place.kind, verb)).allowed

    def _reason_for_reading_only(self, place: Place) -> str | None:
        if any(self._may(place, verb) for verb in _CHANGES):
            return None
        return self.caller.may(place.service.permission(place.kind, Verb.UPDATE)).steps[-1].fact


def provide_collection(
    entered: SkipValidation[Entered], service_name: FromPath[str], kind: FromPath[str]
) -> Collection:
    """Name the items that the address of a page is about."""
    return Collection(entered, Wanted(service_name, kind))


COLLECTION = {**INSIDE, "collection": Provide(provide_collection, sync_to_thread=False)}
"""What handlers of pages about items may ask for."""
KIND_PATH = "/accounts/{account_id:str}/services/{service_name:str}/{kind:str}"
ITEM_PATH = KIND_PATH + "/{item_name:str}"
