"""What Domicile answered instead of what was asked for (RFC 9457)."""

from collections.abc import Mapping

from domicile_sdk.exchange import Answer, Fields, Unreachable


class Problem(Exception):
    """Domicile refused a request; `code` is stable, and has a page in Domicile's documents."""

    def __init__(
        self,
        *,
        status: int,
        code: str,
        detail: str,
        errors: Mapping[str, str],
        retry_after_seconds: float | None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        """What is wrong with which field, by its name, or by a JSON pointer into the body of an item."""
        self.retry_after_seconds = retry_after_seconds
        """How long to wait, if Domicile said so."""


def problem_of(answer: Answer) -> Problem:
    """Read the problem in an answer; one that another program on the way gave has the code `unknown`."""
    try:
        body = answer.body()
        code, detail = body.text("type").rpartition("/")[2], body.text("detail")
        errors = body.text_map("fields")
    except (Unreachable, ValueError):
        code, detail, errors = "unknown", "The answer is not one of Domicile's.", dict[str, str]()
    return Problem(
        status=answer.status,
        code=code,
        detail=detail,
        errors=errors,
        retry_after_seconds=retry_after(answer),
    )


def expect(answer: Answer, *statuses: int) -> Fields:
    """Give the body of an answer with one of these statuses, or raise its problem; an empty body is an empty object."""
    if answer.status not in statuses:
        raise problem_of(answer)
    return answer.body() if answer.content else Fields({})


def retry_after(answer: Answer) -> float | None:
    """Read `Retry-After` in seconds; None if it is absent or a date, which Domicile never writes."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
