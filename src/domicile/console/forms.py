"""Forms as browsers send them (WHATWG URL, `application/x-www-form-urlencoded`), read without guessing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from domicile.infra.secrets import SecretText
from domicile.kernel.errors import invalid
from domicile.web.requests import DomicileRequest

_MOST_FIELDS = 50
_CONTENT_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, by the names of the inputs; passwords are in it, so it does not print."""

    values: Mapping[str, str] = field(repr=False)

    def text(self, name: str) -> str:
        """Give what was typed, or nothing."""
        return self.values.get(name, "")

    def chosen(self, name: str) -> str | None:
        """Give what was chosen; None where nothing was."""
        return self.values.get(name) or None

    def secret(self, name: str) -> SecretText:
        """Give what was typed where nobody should look."""
        return SecretText(self.text(name))


def blank(**values: str) -> Form:
    """Make the form that is shown first, with what is known already."""
    return Form(values)


async def provide_form(request: DomicileRequest) -> Form:
    """Read the form of a request; an input that is there twice is refused, not chosen from (OWASP ASVS 5.0, 15.3.7)."""
    body = await request.body()
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and sent != _CONTENT_TYPE:
        raise invalid({"body": f"must be {_CONTENT_TYPE}"})
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise invalid({"body": "must be a form of this console"}) from None
    values = dict(pairs)
    if len(values) < len(pairs):
        raise invalid({"body": "must hold each input once"})
    return Form(values)
