"""The page for people who come from Domicile's console: who is there, with which rights, and what agents found."""

import asyncio
import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from html import escape
from typing import Annotated

from litestar import Response, get
from litestar.params import CookieParameter, FromQuery
from litestar.response import Redirect

from domicile_sdk import Principal, Problem, Refused, Unreachable
from domicile_sdk.client import AsyncDomicile
from domicile_sdk.serving import Admitted
from workload_security import findings
from workload_security.region import ServedRegion

_COOKIE = "__Host-workload"
_MOST_SESSIONS = 1000
_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem }
dd { margin: 0 } table { border-collapse: collapse; width: 100% }
th, td { text-align: start; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #8885 }
td { overflow-wrap: anywhere }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass
class Session:
    """A person who came in; it is forgotten when the service ends, and they press the button again."""

    region: ServedRegion
    admitted: Admitted
    name: str
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Handles are exchanged one after the other: a second use of one closes the way for good."""


class Console:
    """The sessions of one process, and their pages."""

    def __init__(self, regions: dict[str, ServedRegion], domicile_url: str) -> None:
        self._regions = regions
        self._domicile_url = domicile_url
        self._sessions: dict[str, Session] = {}

    async def admit(self, code: str, region: str) -> str | None:
        """Exchange a code, and begin a session; gives its secret, or None for a code that is not good."""
        served = self._regions.get(region)
        if served is None:
            return None
        try:
            admitted = await served.serving.admit(code)
            async with AsyncDomicile(admitted.base_url, admitted.authorization) as domicile:
                name = (await domicile.whoami()).name
        except (Problem, Unreachable):
            return None
        if len(self._sessions) >= _MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        secret = secrets.token_urlsafe(32)
        self._sessions[secret] = Session(served, admitted, name)
        return secret

    async def show(self, secret: str) -> Response[str]:
        """Show the page of a session, with the next token if need be; whose session is over is sent to Domicile's console."""
        session = self._sessions.get(secret)
        principal = await self._principal(session) if session else None
        if session is None or principal is None:
            self._sessions.pop(secret, None)
            return _page(
                f'<p>Nobody is signed in here. <a href="{escape(self._domicile_url)}/">Open this service in Domicile</a>, which has its users.</p>',
                401,
            )
        return _page(_account(session, principal) + _findings(session, principal), 200)

    async def _principal(self, session: Session) -> Principal | None:
        async with session.renewing:
            try:
                return await session.region.guard.authenticate(session.admitted.authorization)
            except Refused as refused:
                if refused.status != 401:
                    raise  # nobody can be recognised at present
            # Ten minutes are over, or something has changed: the next token tells.
            try:
                session.admitted = await session.region.serving.renew(session.admitted.handle)
                return await session.region.guard.authenticate(session.admitted.authorization)
            except (Problem, Unreachable, Refused):
                return None


def handlers(console: Console) -> list[object]:
    """Make the handlers of the pages."""

    @get("/enter")
    async def enter(code: FromQuery[str] = "", region: FromQuery[str] = "") -> Response[str] | Redirect:
        """Let a person in, and lead them on to an address without the code."""
        secret = await console.admit(code, region)
        if secret is None:
            return await console.show("")
        headers = {
            "Set-Cookie": f"{_COOKIE}={secret}; Path=/; HttpOnly; Secure; SameSite=Lax",
            "Cache-Control": "no-store",
        }
        return Redirect("/", status_code=303, headers=headers)

    @get("/")
    async def show(session: Annotated[str, CookieParameter(name=_COOKIE)] = "") -> Response[str]:
        """Show who is there, and the findings of their account."""
        return await console.show(session)

    return [enter, show]


def _account(session: Session, principal: Principal) -> str:
    level = principal.levels.get(principal.manifest.name, "none")
    facts = {"You": session.name, "Account": principal.account, "Region": principal.region, "Level": level}
    return (
        "<dl>" + "".join(f"<dt>{name}</dt><dd>{escape(fact)}</dd>" for name, fact in facts.items()) + "</dl>"
    )


def _findings(session: Session, principal: Principal) -> str:
    if not principal.allows("workload:finding:read"):
        return "<p>Your role does not show findings.</p>"
    page = findings.list_page(
        session.region.database, principal.account, limit=findings.LARGEST_PAGE, after=""
    )
    if not page.findings:
        return "<p>No file has changed.</p>"
    columns = {"When": "at", "Computer": "computer", "Change": "change", "Path": "path"}
    rows = [
        "<tr>" + "".join(f"<td>{escape(str(each[name]))}</td>" for name in columns.values()) + "</tr>"
        for each in page.findings
    ]
    head = "".join(f"<th>{title}</th>" for title in columns)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _page(body: str, status: int) -> Response[str]:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Workload security</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><style>{_STYLE}</style>'
        f"</head><body><h1>Workload security</h1>{body}</body></html>"
    )
    return Response(text, status_code=status, headers=_HEADERS, media_type="text/html; charset=utf-8")
