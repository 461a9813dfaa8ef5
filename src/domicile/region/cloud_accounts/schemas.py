"""Cloud accounts on the wire."""

from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.kernel.cloud_accounts import NAME, Cloud
from domicile.kernel.urn import UrnMaker
from domicile.region.cloud_accounts.domain import check_members
from domicile.region.items.domain import Item
from domicile.web.bodies import Wire

_LINES: dict[str, object] = {"alias": "Production", "description": "Where the shop runs"}
_AWS: dict[str, object] = {"roleARN": "arn:aws:iam::123456789012:role/domicile"}
_GCP: dict[str, object] = {
    "projectID": "example-1",
    "serviceAccountEmail": "domicile@example-1.iam.gserviceaccount.com",
}
_AZURE: dict[str, object] = {
    "subscriptionID": "0b1f6471-1bf0-4dda-aec3-cb9272f09590",
    "tenantID": "72f988bf-86f1-41af-91ab-2d7cd011db47",
    "clientID": "1950a258-227b-4e31-a9cf-717495945fc2",
}


def _kept(cloud: Cloud, name: str, said: dict[str, object]) -> dict[str, object]:
    return {
        "id": name,
        **said,
        **_LINES,
        "state": "managed",
        "created": "2026-11-27T10:15:00Z",
        "lastModified": "2026-11-27T10:15:00Z",
        "urn": f"urn:domicile:{NAME}:de-1:004217730956:{cloud}/{name}",
    }


class NewAwsAccountBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The role that trusts the platform; no key of AWS is ever asked for."""

    example: ClassVar[dict[str, object]] = {**_AWS, **_LINES}

    role_arn: str = field(name="roleARN")
    """Of an IAM role, in the partition `aws`, `aws-cn` or `aws-us-gov`; it says which AWS account this is."""
    alias: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class AwsAccountChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to change; what is absent stays."""

    example: ClassVar[dict[str, object]] = {"alias": "Production"}

    role_arn: str | UnsetType = field(default=UNSET, name="roleARN")
    """Of another role in the same AWS account."""
    alias: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class AwsAccountBody(Wire, frozen=True):
    """An AWS account that trusts the platform."""

    example: ClassVar[dict[str, object]] = _kept(Cloud.AWS, "123456789012", _AWS)

    id: str
    """Of the AWS account: twelve digits, as its role has them."""
    role_arn: str = field(name="roleARN")
    alias: str
    description: str
    state: str
    """`managed`."""
    created: str
    last_modified: str
    urn: str


class AwsAccountsBody(Wire, frozen=True):
    """A page of AWS accounts, in the order of their ids; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"cloudAccounts": [AwsAccountBody.example]}

    cloud_accounts: list[AwsAccountBody]
    next: str | UnsetType = UNSET


class NewGcpProjectBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The service account that the platform may act as; no key of it is ever asked for."""

    example: ClassVar[dict[str, object]] = {**_GCP, **_LINES}

    project_id: str = field(name="projectID")
    """As Google Cloud has it: not the number, and not the name that people read."""
    service_account_email: str
    """Of one that a user made, `...@<project>.iam.gserviceaccount.com`; the project may be another one."""
    alias: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class GcpProjectChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to change; what is absent stays."""

    example: ClassVar[dict[str, object]] = {"alias": "Production"}

    service_account_email: str | UnsetType = UNSET
    alias: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class GcpProjectBody(Wire, frozen=True):
    """A project of Google Cloud that trusts the platform."""

    example: ClassVar[dict[str, object]] = _kept(Cloud.GCP, "example-1", _GCP)

    id: str
    """The same as `projectID`."""
    project_id: str = field(name="projectID")
    service_account_email: str
    alias: str
    description: str
    state: str
    """`managed`."""
    created: str
    last_modified: str
    urn: str


class GcpProjectsBody(Wire, frozen=True):
    """A page of projects, in the order of their ids; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"cloudAccounts": [GcpProjectBody.example]}

    cloud_accounts: list[GcpProjectBody]
    next: str | UnsetType = UNSET


class NewAzureSubscriptionBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The application that trusts the platform by federation; no secret of it is ever asked for."""

    example: ClassVar[dict[str, object]] = {**_AZURE, **_LINES}

    subscription_id: str = field(name="subscriptionID")
    """Capitals are kept as small letters, here and below."""
    tenant_id: str = field(name="tenantID")
    client_id: str = field(name="clientID")
    alias: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class AzureSubscriptionChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to change; what is absent stays."""

    example: ClassVar[dict[str, object]] = {"alias": "Production"}

    tenant_id: str | UnsetType = field(default=UNSET, name="tenantID")
    client_id: str | UnsetType = field(default=UNSET, name="clientID")
    alias: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class AzureSubscriptionBody(Wire, frozen=True):
    """A subscription of Azure that trusts the platform."""

    example: ClassVar[dict[str, object]] = _kept(Cloud.AZURE, "0b1f6471-1bf0-4dda-aec3-cb9272f09590", _AZURE)

    id: str
    """The same as `subscriptionID`, in small letters."""
    subscription_id: str = field(name="subscriptionID")
    tenant_id: str = field(name="tenantID")
    client_id: str = field(name="clientID")
    alias: str
    description: str
    state: str
    """`managed`."""
    created: str
    last_modified: str
    urn: str


class AzureSubscriptionsBody(Wire, frozen=True):
    """A page of subscriptions, in the order of their ids; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"cloudAccounts": [AzureSubscriptionBody.example]}

    cloud_accounts: list[AzureSubscriptionBody]
    next: str | UnsetType = UNSET


def read_members(cloud: Cloud, data: Wire) -> dict[str, str]:
    """Read what a body says of a cloud account; `invalid-input` names every member that is refused."""
    given: dict[str, str] = msgspec.to_builtins(data)
    return check_members(cloud, given)


def shape_aws(item: Item, urns: UrnMaker) -> AwsAccountBody:
    """Show an AWS account."""
    return AwsAccountBody(role_arn=item.contents.spec["roleARN"], **_shared(Cloud.AWS, item, urns))


def shape_gcp(item: Item, urns: UrnMaker) -> GcpProjectBody:
    """Show a project."""
    spec = item.contents.spec
    return GcpProjectBody(
        project_id=spec["projectID"],
        service_account_email=spec["serviceAccountEmail"],
        **_shared(Cloud.GCP, item, urns),
    )


def shape_azure(item: Item, urns: UrnMaker) -> AzureSubscriptionBody:
    """Show a subscription."""
    spec = item.contents.spec
    return AzureSubscriptionBody(
        subscription_id=spec["subscriptionID"],
        tenant_id=spec["tenantID"],
        client_id=spec["clientID"],
        **_shared(Cloud.AZURE, item, urns),
    )


def _shared(cloud: Cloud, item: Item, urns: UrnMaker) -> dict[str, str]:
    return {
        "id": item.name,
        "alias": item.contents.spec.get("alias", ""),
        "description": item.contents.spec.get("description", ""),
        "state": "managed",
        "created": whole_seconds(item.created_at),
        "last_modified": whole_seconds(item.modified_at),
        "urn": urns.make(cloud, item.name, service=NAME),
    }
