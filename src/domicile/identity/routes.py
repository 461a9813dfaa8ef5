"""Every route of the identity plane."""

from litestar.handlers import HTTPRouteHandler

from domicile.identity.events.routes import ROUTES as EVENTS
from domicile.identity.recovery.routes import ROUTES as RECOVERY
from domicile.identity.registration.routes import ROUTES as REGISTRATION
from domicile.identity.sessions.routes import ROUTES as SESSIONS
from domicile.identity.users.routes import ROUTES as USERS

IDENTITY_ROUTES: list[HTTPRouteHandler] = [*REGISTRATION, *SESSIONS, *RECOVERY, *USERS, *EVENTS]
