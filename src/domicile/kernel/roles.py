"""Roles, made of levels that services register, and the permissions that follow from them (RBAC, INCITS 359)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from domicile.kernel.cloud_accounts import CLOUD_ACCOUNTS
from domicile.kernel.guards import GuardTable
from domicile.kernel.ids import RegionId, RoleId
from domicile.kernel.services import Service

FULL_ACCESS: Final = RoleId("full-access")
READ_ONLY: Final = RoleId("read-only")

BE_THERE: Final = "identity:self:read"
"""What every principal in good standing may do, whatever the role: ask who they are and what they may."""

_IDENTITY_READS: Final = frozenset(
    {
        "identity:account:read",
        "identity:user:read",
        "identity:role:read",
        "identity:invitation:read",
        "identity:apikey:read",
        "identity:access:explain",
        "identity:access:review",
    }
)
_IDENTITY_CHANGES: Final = frozenset(
    {
        "identity:account:update",
        "identity:account:delete",
        "identity:account:restore",
        "identity:role:create",
        "identity:role:update",
        "identity:role:delete",
        "identity:user:update",
        "identity:user:delete",
        "identity:invitation:create",
        "identity:invitation:delete",
        "identity:apikey:create",
        "identity:apikey:update",
        "identity:apikey:delete",
    }
)
_BILLING_READS: Final = frozenset(
    {
        "billing:invoice:read",
        "billing:profile:read",
        "billing:subscription:read",
        "billing:usage:read",
    }
)
_BILLING_CHANGES: Final = frozenset({"billing:profile:update", "billing:subscription:update"})
_AUDIT_READS: Final = frozenset({"audit:log:read"})


@dataclass(frozen=True, slots=True)
class Role:
    """A named bundle of service roles in one account, with the permissions that follow from them."""

    id: RoleId
    name: str
    description: str
    service_roles: tuple[tuple[str, str], ...]
    """(service, level), in the order shown; at most one level of a service."""
    permissions: frozenset[str]


def rules_access(role: Role) -> bool:
    """Tell whether a role changes the account, its users, roles, invitations or keys: who gives or takes it moves power over the account."""
    return not _IDENTITY_CHANGES.isdisjoint(role.permissions)


@dataclass(frozen=True)
class Catalogue:
    """The services of the platform, in the order shown, and the roles that follow from them in every account."""

    services: tuple[Service, ...]

    def find_level(self, service: str, level: str) -> frozenset[str] | None:
        """Find the permissions behind a service role; None where the service registers no such level (any more)."""
        return next((known.levels.get(level) for known in self.services if known.name == service), None)

    def offered_in(self, region: RegionId) -> tuple[Service, ...]:
        """List the services that accounts of a region can keep things in: the platform's, and of Domicile's own those that have kinds."""
        offered = (known for known in self.services if known.kinds or known not in BUILT_IN)
        return tuple(known for known in offered if known.runs_in(region))

    def told_in(self, region: RegionId) -> tuple[Service, ...]:
        """List the services of a region that asked to be told what happens to its accounts."""
        return tuple(known for known in self.offered_in(region) if known.lifecycle_url)

    @cached_property
    def guards(self) -> Mapping[str, GuardTable]:
        """The guards of the platform's services, by the service's name."""
        own = (known for known in self.services if known not in BUILT_IN)
        return MappingProxyType({known.name: GuardTable(known.guards) for known in own})

    @cached_property
    def permissions(self) -> tuple[str, ...]:
        """Every permission that any level of any service grants, sorted."""
        granted = (level for service in self.services for level in service.levels.values())
        return tuple(sorted(frozenset[str]().union(*granted)))

    def bundle(
        self, role: RoleId, name: str, description: str, service_roles: Iterable[tuple[str, str]]
    ) -> Role:
        """Make a role of service roles; one that is not registered grants nothing, whatever it granted once."""
        bundled = tuple(service_roles)
        granted = (self.find_level(service, level) or frozenset[str]() for service, level in bundled)
        return Role(role, name, description, bundled, frozenset({BE_THERE}).union(*granted))

    @cached_property
    def predefined(self) -> Mapping[RoleId, Role]:
        """The roles that every account has, which can be neither changed nor deleted."""
        return MappingProxyType(
            {
                FULL_ACCESS: self._predefined(
                    FULL_ACCESS, "Full access", "Sees and changes everything in the account."
                ),
                READ_ONLY: self._predefined(
                    READ_ONLY, "Read only", "Sees everything in the account and changes nothing."
                ),
            }
        )

    def _predefined(self, role: RoleId, name: str, description: str) -> Role:
        return self.bundle(role, name, description, ((service.name, role) for service in self.services))


BUILT_IN: Final = (
    Service(
        "identity",
        "Users and access",
        {"full-access": _IDENTITY_READS | _IDENTITY_CHANGES, "read-only": _IDENTITY_READS},
    ),
    Service("audit", "Audit", {"full-access": _AUDIT_READS, "read-only": _AUDIT_READS}),
    Service(
        "billing",
        "Billing and subscriptions",
        {"full-access": _BILLING_READS | _BILLING_CHANGES, "read-only": _BILLING_READS},
    ),
    CLOUD_ACCOUNTS,
)
"""The services that Domicile itself registers."""

PREDEFINED_ROLES: Final = Catalogue(BUILT_IN).predefined
"""As they are on a platform that has no services of its own yet."""
