"""How an action is named in a question, and who is named in an answer."""

import re
from dataclasses import dataclass
from typing import Final

from domicile.kernel.permissions import Decision
from domicile.kernel.text import Refused
from domicile.region.roster.domain import Entry

EVERYBODY: Final = "*"
"""Says of a question's principal that all of the account are meant."""

_ACTION = re.compile(r"[a-z0-9-]{1,40}:[a-z0-9-]{1,40}:[a-z0-9-]{1,40}")


def check_action(text: str) -> str:
    """Accept `service:object:verb`; whether any role grants it is for the decision to say."""
    if not _ACTION.fullmatch(text):
        raise Refused("must be service:object:verb, such as identity:user:read")
    return text


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody or something that may do what was asked about."""

    entry: Entry
    decision: Decision
