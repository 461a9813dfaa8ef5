"""The route table: every operation of the API, feature by feature."""

from typing import Any
from urllib.parse import urlsplit

from domicile.apps import discovery
from domicile.apps.node import Node
from domicile.console.error_pages import ErrorPages
from domicile.console.mailbox.routes import create_mailbox_router
from domicile.console.router import create_console_router, create_error_pages
from domicile.console.static_files import create_static_router
from domicile.console.views import Surroundings
from domicile.identity.departure import routes as departure
from domicile.identity.email_change import routes as email_change
from domicile.identity.events import routes as events
from domicile.identity.export import routes as export
from domicile.identity.factors import routes as factors
from domicile.identity.passkey_enrolment import routes as passkey_enrolment
from domicile.identity.passwords import routes as passwords
from domicile.identity.recovery import routes as recovery
from domicile.identity.recovery_codes import routes as recovery_codes
from domicile.identity.registration import routes as registration
from domicile.identity.sessions import routes as sessions
from domicile.identity.signing import routes as signing
from domicile.identity.signing_in import routes as signing_in
from domicile.identity.step_up import routes as step_up
from domicile.identity.totp_enrolment import routes as totp_enrolment
from domicile.identity.users import routes as users
from domicile.infra.loopback import is_this_machine
from domicile.region.access import routes as access
from domicile.region.access_review import routes as access_review
from domicile.region.accounts import routes as accounts
from domicile.region.api_keys import routes as api_keys
from domicile.region.audit import routes as audit
from domicile.region.cloud_accounts import routes as cloud_accounts
from domicile.region.contacts import routes as contacts
from domicile.region.entering import routes as entering
from domicile.region.export import routes as region_export
from domicile.region.invitations import routes as invitations
from domicile.region.item_apply import routes as item_apply
from domicile.region.item_history import routes as item_history
from domicile.region.item_watch import routes as item_watch
from domicile.region.items import routes as items
from domicile.region.lifecycle import routes as lifecycle
from domicile.region.memberships import routes as memberships
from domicile.region.openings import routes as openings
from domicile.region.preflight import routes as preflight
from domicile.region.purging import routes as purging
from domicile.region.receiving import routes as receiving
from domicile.region.residency import routes as residency
from domicile.region.revocations import routes as revocations
from domicile.region.role_management import routes as role_management
from domicile.region.roles import routes as roles
from domicile.region.service_identity import routes as service_identity
from domicile.region.service_purges import routes as service_purges
from domicile.region.services import routes as services
from domicile.region.usage import routes as usage

API_ROUTES: list[Any] = [
    *registration.ROUTES,
    *signing_in.ROUTES,
    *sessions.ROUTES,
    *passwords.ROUTES,
    *step_up.ROUTES,
    *recovery.ROUTES,
    *users.ROUTES,
    *email_change.ROUTES,
    *factors.ROUTES,
    *passkey_enrolment.ROUTES,
    *totp_enrolment.ROUTES,
    *recovery_codes.ROUTES,
    *departure.ROUTES,
    *export.ROUTES,
    *events.ROUTES,
    *signing.ROUTES,
    *accounts.ROUTES,
    *entering.ROUTES,
    *lifecycle.ROUTES,
    *contacts.ROUTES,
    *residency.ROUTES,
    *purging.ROUTES,
    *region_export.ROUTES,
    *memberships.ROUTES,
    *services.ROUTES,
    *openings.ROUTES,
    *items.ROUTES,
    *item_history.ROUTES,
    *item_apply.ROUTES,
    *item_watch.ROUTES,
    *service_purges.ROUTES,
    *usage.ROUTES,
    *service_identity.ROUTES,
    *cloud_accounts.ROUTES,
    *roles.ROUTES,
    *role_management.ROUTES,
    *invitations.ROUTES,
    *receiving.ROUTES,
    *api_keys.ROUTES,
    *access.ROUTES,
    *access_review.ROUTES,
    *preflight.ROUTES,
    *revocations.ROUTES,
    *audit.ROUTES,
    *discovery.ROUTES,
]


def page_routes(node: Node) -> list[Any]:
    """Give the routes that need the node itself: health, and the pages."""
    pages = [
        *discovery.health_routes(node),
        create_static_router(),
        create_console_router(_surroundings(node)),
    ]
    if node.mailbox is None or not has_mailbox_pages(node):
        return pages
    host = urlsplit(node.settings.public_url).hostname or ""
    return [*pages, create_mailbox_router(node.mailbox, host)]


def has_mailbox_pages(node: Node) -> bool:
    """Tell whether mails can be read in a browser: only where nobody but this machine reaches the server.

    Whoever reads the mails can take over any user; elsewhere the embedded mailbox is its files alone.
    """
    return node.mailbox is not None and is_this_machine(node.settings.server.host)


def error_pages(node: Node) -> ErrorPages:
    """Give the pages for errors, where the address belongs to no route."""
    return create_error_pages(_surroundings(node))


def _surroundings(node: Node) -> Surroundings:
    return Surroundings(has_mailbox=has_mailbox_pages(node))
