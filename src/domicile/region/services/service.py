"""Use cases about the services of the platform, as an account sees them."""

from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.roles import BE_THERE
from domicile.kernel.services import Service
from domicile.region.plane import RegionPlane


def list_services(plane: RegionPlane, caller: Caller) -> tuple[Service, ...]:
    """List the services that run in the region of the caller's account, in the order in which the platform registers them."""
    caller.require(BE_THERE)
    return plane.catalogue.offered_in(plane.id)


def describe_service(plane: RegionPlane, caller: Caller, name: str) -> Service:
    """Find one of them; `not-found` for any other, also for one that runs in other regions alone."""
    found = (service for service in list_services(plane, caller) if service.name == name)
    if (service := next(found, None)) is None:
        raise not_found("service")
    return service
