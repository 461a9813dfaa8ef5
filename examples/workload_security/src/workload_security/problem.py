"""What the service refuses by itself (RFC 9457); refusals of callers are the SDK's."""

import json
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from domicile_sdk import Refused

_MEDIA_TYPE = "application/problem+json"


class ServiceProblem(Exception):
    """A refusal; `code` is stable, and `detail` speaks to the reader."""

    def __init__(self, status: int, code: str, detail: str, **more: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.more = more
        """Further members of the answer."""


def not_found(what: str) -> ServiceProblem:
    """Make the one answer for what is not there, and for what is another account's."""
    return ServiceProblem(404, "not-found", f"There is no such {what}.")


def answer_problem(_: Request[Any, Any, Any], problem: ServiceProblem) -> Response[bytes]:
    """Answer with a problem of the service's own."""
    body = {
        "type": f"urn:workload:problem:{problem.code}",
        "status": problem.status,
        "detail": problem.detail,
    }
    return _answer(json.dumps(body | problem.more).encode(), problem.status)


def answer_refusal(_: Request[Any, Any, Any], refused: Refused) -> Response[bytes]:
    """Answer as the SDK says."""
    return Response(
        refused.body(), status_code=refused.status, headers=refused.headers, media_type=_MEDIA_TYPE
    )


def answer_fault(_: Request[Any, Any, Any], fault: HTTPException) -> Response[bytes]:
    """Answer what the framework found wrong, and repeat nothing of the request."""
    codes = {400: "invalid-input", 404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}
    code = codes.get(fault.status_code, "refused")
    body = {
        "type": f"urn:workload:problem:{code}",
        "status": fault.status_code,
        "detail": "This is not a request that the service knows.",
    }
    return _answer(json.dumps(body).encode(), fault.status_code)


def _answer(body: bytes, status: int) -> Response[bytes]:
    return Response(body, status_code=status, media_type=_MEDIA_TYPE, headers={"Cache-Control": "no-store"})


HANDLERS: Any = {ServiceProblem: answer_problem, Refused: answer_refusal, HTTPException: answer_fault}
"""For the framework, whose type of this wants handlers of plain exceptions."""
