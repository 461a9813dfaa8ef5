"""What agents ask of the service in one region, each with its own credential."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromHeader, HeaderParameter, JSONBody, SkipValidation
from msgspec import Meta, Struct

from workload_security import agents, findings, kept_items
from workload_security.problem import not_found
from workload_security.region import ServedRegion

OPEN_PATHS = frozenset({"/agents/enrol", "/agents/policy", "/agents/findings"})
"""No caller of Domicile's comes here."""

Text = Annotated[str, Meta(min_length=1, max_length=253)]


class Enrolment(Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent says of itself."""

    token: Text
    computer: Text
    """The name of the item that the account keeps for its computer."""
    platform: Annotated[str, Meta(max_length=100)] = ""


class Findings(Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent found."""

    findings: Annotated[list[findings.Found], Meta(max_length=100)]


@post("/agents/enrol")
async def enrol(data: JSONBody[Enrolment], region: SkipValidation[ServedRegion]) -> Response[dict[str, str]]:
    """Exchange an activation token for the credential of an agent, which is shown this once."""
    credential = agents.enrol(region.database, data.token, data.computer, data.platform, region.clock.now())
    return Response({"credential": credential}, headers={"Cache-Control": "no-store"})


@get("/agents/policy")
async def read_policy(
    region: SkipValidation[ServedRegion],
    authorization: FromHeader[str] = "",
    if_none_match: Annotated[str, HeaderParameter(name="If-None-Match")] = "",
) -> Response[dict[str, object] | None]:
    """Tell an agent what to watch; an `If-None-Match` says which policy it has applied, and is answered 304 if that is the one."""
    agent = agents.recognise(region.database, authorization)
    policy = kept_items.policy_of(region.database, agent.account, agent.computer)
    if policy is None:
        raise not_found("computer")
    etag = f'"{policy["name"]}-{policy["version"]}"'
    is_applied = if_none_match == etag
    applied = int(str(policy["version"])) if is_applied else None
    agents.note_seen(region.database, agent, region.clock.now(), applied=applied)
    if is_applied:
        return Response(None, status_code=304, headers={"ETag": etag})
    return Response(policy, headers={"ETag": etag, "Cache-Control": "private, no-cache"})


@post("/agents/findings", status_code=200)
async def take_findings(
    data: JSONBody[Findings], region: SkipValidation[ServedRegion], authorization: FromHeader[str] = ""
) -> dict[str, int]:
    """Keep what an agent found; what comes again is passed over."""
    agent = agents.recognise(region.database, authorization)
    findings.keep(region.database, agent, data.findings)
    return {"taken": len(data.findings)}


HANDLERS = [enrol, read_policy, take_findings]
