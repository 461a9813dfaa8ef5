"""Cloud accounts: the service of Domicile's own in which accounts name what trusts the platform from inside another cloud.

Identifiers alone, in the forms that the clouds publish; none of them is a secret.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from domicile.kernel.services import (
    FULL_ACCESS_LEVEL,
    READ_ONLY_LEVEL,
    Category,
    Kind,
    Service,
    Verb,
)
from domicile.kernel.text import Refused, check_kept_line

NAME: Final = "cloudaccounts"
LONGEST_ALIAS: Final = 100
LONGEST_DESCRIPTION: Final = 500
MOST_CLOUD_ACCOUNTS: Final = 1_000
"""Of one cloud, in one account."""


class Cloud(StrEnum):
    """Another platform, and the name of its kind of items."""

    AWS = "aws"
    GCP = "gcp"
    AZURE = "azure"


@dataclass(frozen=True, slots=True)
class Identifier:
    """Something as a cloud names it."""

    described: str
    """What it is: goes on after "must be"."""
    pattern: str
    """Of all of it; Python and ECMA-262, which schemas speak, read it alike."""
    has_case: bool = True
    """False: capitals mean the same, and small letters are kept."""


_ROLE_ARN = Identifier(
    "the ARN of an IAM role, such as arn:aws:iam::123456789012:role/domicile",
    # A path has at most 512 characters with the slashes around it, a name at most 64.
    r"^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/([!-~]{1,510}/)?[A-Za-z0-9_+=,.@-]{1,64}$",
)
_PROJECT_ID = Identifier(
    "6 to 30 small letters, digits and inner hyphens that begin with a letter",
    r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$",
)
_SERVICE_ACCOUNT = Identifier(
    "the address of a service account that a user made, such as domicile@example-1.iam.gserviceaccount.com",
    r"^[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z][a-z0-9-]{4,28}[a-z0-9]\.iam\.gserviceaccount\.com$",
)
_GUID = Identifier(
    "a GUID, such as 0b1f6471-1bf0-4dda-aec3-cb9272f09590",
    r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    has_case=False,
)

IDENTIFIERS: Final[Mapping[Cloud, Mapping[str, Identifier]]] = MappingProxyType(
    {
        Cloud.AWS: {"roleARN": _ROLE_ARN},
        Cloud.GCP: {"projectID": _PROJECT_ID, "serviceAccountEmail": _SERVICE_ACCOUNT},
        Cloud.AZURE: {"subscriptionID": _GUID, "tenantID": _GUID, "clientID": _GUID},
    }
)
"""What a cloud account of each cloud is told by; the first of them says which it is."""
_LINES: Final = {"alias": LONGEST_ALIAS, "description": LONGEST_DESCRIPTION}


def check_identifier(identifier: Identifier, text: str) -> str:
    """Accept what a cloud names so; raises `Refused`."""
    written = text if identifier.has_case else text.lower()
    if re.fullmatch(identifier.pattern, written) is None:
        raise Refused(f"must be {identifier.described}")
    return written


def naming_member(cloud: Cloud) -> str:
    """Name the member of which the id of a cloud account follows."""
    return next(iter(IDENTIFIERS[cloud]))


def id_of(cloud: Cloud, spec: Mapping[str, Any]) -> str:
    """Read the id of a cloud account, which the cloud gave it: AWS account, project or subscription. Its identifiers were accepted."""
    naming: str = spec[naming_member(cloud)]
    return naming.split(":")[4] if cloud is Cloud.AWS else naming


def _further_faults(cloud: Cloud, name: str, spec: Mapping[str, Any]) -> dict[str, str]:
    faults: dict[str, str] = {}
    if id_of(cloud, spec) != name:
        faults[f"/{naming_member(cloud)}"] = "does not go with the name of the item, which follows from it"
    for member, longest in _LINES.items():
        try:
            if spec.get(member):
                check_kept_line(spec[member], longest=longest)
        except Refused as refused:
            faults[f"/{member}"] = str(refused)
    return faults


def _schema(cloud: Cloud) -> str:
    named = {
        member: {"type": "string", "description": identifier.described, "pattern": identifier.pattern}
        for member, identifier in IDENTIFIERS[cloud].items()
    }
    lines = {member: {"type": "string", "maxLength": longest} for member, longest in _LINES.items()}
    return json.dumps(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": named | lines,
            "required": list(named),
            "additionalProperties": False,
        }
    )


def _kind(cloud: Cloud, title: str) -> Kind:
    return Kind(
        name=cloud,
        plural=cloud,
        title=title,
        category=Category.RESOURCE,
        schema=_schema(cloud),
        most=MOST_CLOUD_ACCOUNTS,
        further_faults=partial(_further_faults, cloud),
    )


CLOUD_ACCOUNTS: Final = Service(
    NAME,
    "Cloud accounts",
    {
        FULL_ACCESS_LEVEL: frozenset(f"{NAME}:{cloud}:{verb}" for cloud in Cloud for verb in Verb),
        READ_ONLY_LEVEL: frozenset(f"{NAME}:{cloud}:{Verb.READ}" for cloud in Cloud),
    },
    kinds=(
        _kind(Cloud.AWS, "AWS accounts"),
        _kind(Cloud.GCP, "Google Cloud projects"),
        _kind(Cloud.AZURE, "Azure subscriptions"),
    ),
)
