"""What people and API keys ask of the service in one region: findings, and activation tokens for agents."""

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, SkipValidation

from domicile_sdk import current_principal, require
from workload_security import agents, findings
from workload_security.problem import ServiceProblem
from workload_security.region import ServedRegion


@get("/findings")
@require("workload:finding:read")
async def list_findings(
    region: SkipValidation[ServedRegion], limit: FromQuery[int] = 50, after: FromQuery[str] = ""
) -> dict[str, object]:
    """List the findings of the caller's account, newest first."""
    if not 0 < limit <= findings.LARGEST_PAGE:
        raise ServiceProblem(400, "invalid-input", f"limit must be from 1 to {findings.LARGEST_PAGE}.")
    page = findings.list_page(region.database, current_principal().account, limit=limit, after=after)
    following = {"next": page.next} if page.next else {}
    return {"findings": page.findings, **following}


@post("/findings/{finding:str}/acknowledge", status_code=200)
@require("workload:finding:update")
async def acknowledge_finding(
    finding: FromPath[str], region: SkipValidation[ServedRegion]
) -> dict[str, object]:
    """Take notice of a finding."""
    principal = current_principal()
    return findings.acknowledge(region.database, principal.account, finding, principal.urn)


@post("/activation-tokens")
@require("workload:computer:create")
async def make_activation_token(region: SkipValidation[ServedRegion]) -> Response[dict[str, object]]:
    """Make a token with which one agent enrols; it is shown this once."""
    account = current_principal().account
    agents.check_active(region.database, account)
    token = agents.make_activation_token(region.database, account, region.clock.now())
    body: dict[str, object] = {"token": token, "expiresInSeconds": agents.TOKEN_SECONDS}
    return Response(body, headers={"Cache-Control": "no-store"})


HANDLERS = [list_findings, acknowledge_finding, make_activation_token]
