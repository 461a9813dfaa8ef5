"""How an action is named in a question."""

import re

from domicile.kernel.text import Refused

_ACTION = re.compile(r"[a-z0-9-]{1,40}:[a-z0-9-]{1,40}:[a-z0-9-]{1,40}")


def check_action(text: str) -> str:
    """Accept `service:object:verb`; whether any role grants it is for the decision to say."""
    if not _ACTION.fullmatch(text):
        raise Refused("must be service:object:verb, such as identity:user:read")
    return text
