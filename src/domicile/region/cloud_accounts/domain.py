"""What may be said of a cloud account, member by member."""

from collections.abc import Callable, Mapping
from functools import partial

from domicile.kernel.cloud_accounts import (
    IDENTIFIERS,
    LONGEST_ALIAS,
    LONGEST_DESCRIPTION,
    Cloud,
    check_identifier,
)
from domicile.kernel.faults import Faults
from domicile.kernel.text import check_line, check_optional_line


def check_members(cloud: Cloud, given: Mapping[str, str]) -> dict[str, str]:
    """Accept members as they will be kept; `invalid-input` names every one that is refused."""
    faults = Faults()
    read = {member: faults.take(member, _rule_of(cloud, member), text) for member, text in given.items()}
    faults.settle()
    return {member: text for member, text in read.items() if text is not None}


def _rule_of(cloud: Cloud, member: str) -> Callable[[str], str]:
    if member == "alias":
        return partial(check_line, longest=LONGEST_ALIAS)
    if member == "description":
        return partial(check_optional_line, longest=LONGEST_DESCRIPTION)
    return partial(check_identifier, IDENTIFIERS[cloud][member])
