"""The HTTP edge of cloud accounts."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from domicile.kernel.callers import Caller
from domicile.kernel.cloud_accounts import NAME, Cloud
from domicile.kernel.services import Verb
from domicile.kernel.versions import Precondition
from domicile.region.cloud_accounts import service
from domicile.region.cloud_accounts.schemas import (
    AwsAccountBody,
    AwsAccountChangeBody,
    AwsAccountsBody,
    AzureSubscriptionBody,
    AzureSubscriptionChangeBody,
    AzureSubscriptionsBody,
    GcpProjectBody,
    GcpProjectChangeBody,
    GcpProjectsBody,
    NewAwsAccountBody,
    NewAzureSubscriptionBody,
    NewGcpProjectBody,
    read_members,
    shape_aws,
    shape_azure,
    shape_gcp,
)
from domicile.region.items.domain import Item
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation
from domicile.web.versions import etag

_AWS = "/api/cloudaccounts/aws"
_GCP = "/api/cloudaccounts/gcp"
_AZURE = "/api/cloudaccounts/azure"
_AWS_ONE = _AWS + "/{aws_account_id:str}"
_GCP_ONE = _GCP + "/{project_id:str}"
_AZURE_ONE = _AZURE + "/{subscription_id:str}"
_TAGS = ["Cloud accounts"]


def _operation(cloud: Cloud, verb: Verb, *errors: str) -> Mapping[str, Any]:
    return operation(Access.ACCOUNT, permission=f"{NAME}:{cloud}:{verb}", errors=errors)


def _scope(caller: Caller, cloud: Cloud) -> str:
    return f"cloud accounts {caller.account_id} {cloud}"


def _headers(item: Item, collection: str = "") -> dict[str, str]:
    """Give the version, and of a new one where it is."""
    version = {"ETag": etag(item.version)}
    return version | ({"Location": f"{collection}/{item.name}"} if collection else {})


@get(_AWS, summary="List AWS accounts", tags=_TAGS, opt=_operation(Cloud.AWS, Verb.READ))
async def list_aws_accounts(
    *,
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> AwsAccountsBody:
    """Those that trust the platform, in the order of their ids."""
    scope = _scope(caller, Cloud.AWS)
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_cloud_accounts(plane, caller, Cloud.AWS, request)
    shown = [shape_aws(item, plane.urns(caller.account_id)) for item in page.items]
    return AwsAccountsBody(cloud_accounts=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@post(
    _AWS,
    summary="Add an AWS account",
    tags=_TAGS,
    opt=_operation(Cloud.AWS, Verb.CREATE, "item-exists", "too-many-items"),
)
async def add_aws_account(
    data: JSONBody[NewAwsAccountBody], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[AwsAccountBody]:
    """A role in it trusts the platform; its id is read from the ARN of that role."""
    item = await service.add_cloud_account(plane, caller, Cloud.AWS, read_members(Cloud.AWS, data))
    shown = shape_aws(item, plane.urns(caller.account_id))
    return Response(shown, status_code=201, headers=_headers(item, _AWS))


@get(
    _AWS_ONE, summary="Describe an AWS account", tags=_TAGS, opt=_operation(Cloud.AWS, Verb.READ, "not-found")
)
async def describe_aws_account(
    aws_account_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[AwsAccountBody]:
    """With the version that a change can name in `If-Match`."""
    item = await service.describe_cloud_account(plane, caller, Cloud.AWS, aws_account_id)
    return Response(shape_aws(item, plane.urns(caller.account_id)), headers=_headers(item))


@post(
    _AWS_ONE,
    status_code=200,
    summary="Change an AWS account",
    tags=_TAGS,
    opt=_operation(Cloud.AWS, Verb.UPDATE, "not-found", "stale-version"),
)
async def change_aws_account(
    *,
    aws_account_id: FromPath[str],
    data: JSONBody[AwsAccountChangeBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[AwsAccountBody]:
    """Another role has to be one of the same AWS account; a change that changes nothing makes no version."""
    members = read_members(Cloud.AWS, data)
    item = await service.change_cloud_account(
        plane, caller, Cloud.AWS, aws_account_id, members, expected=expected
    )
    return Response(shape_aws(item, plane.urns(caller.account_id)), headers=_headers(item))


@delete(
    _AWS_ONE,
    status_code=204,
    summary="Remove an AWS account",
    tags=_TAGS,
    opt=_operation(Cloud.AWS, Verb.DELETE, "not-found", "stale-version"),
)
async def remove_aws_account(
    aws_account_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> None:
    """Nothing is done on the other side: take the trust away there too."""
    await service.remove_cloud_account(plane, caller, Cloud.AWS, aws_account_id, expected=expected)


@get(_GCP, summary="List projects of Google Cloud", tags=_TAGS, opt=_operation(Cloud.GCP, Verb.READ))
async def list_gcp_projects(
    *,
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> GcpProjectsBody:
    """Those that trust the platform, in the order of their ids."""
    scope = _scope(caller, Cloud.GCP)
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_cloud_accounts(plane, caller, Cloud.GCP, request)
    shown = [shape_gcp(item, plane.urns(caller.account_id)) for item in page.items]
    return GcpProjectsBody(cloud_accounts=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@post(
    _GCP,
    summary="Add a project of Google Cloud",
    tags=_TAGS,
    opt=_operation(Cloud.GCP, Verb.CREATE, "item-exists", "too-many-items"),
)
async def add_gcp_project(
    data: JSONBody[NewGcpProjectBody], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[GcpProjectBody]:
    """A service account trusts the platform to act as it there."""
    item = await service.add_cloud_account(plane, caller, Cloud.GCP, read_members(Cloud.GCP, data))
    shown = shape_gcp(item, plane.urns(caller.account_id))
    return Response(shown, status_code=201, headers=_headers(item, _GCP))


@get(
    _GCP_ONE,
    summary="Describe a project of Google Cloud",
    tags=_TAGS,
    opt=_operation(Cloud.GCP, Verb.READ, "not-found"),
)
async def describe_gcp_project(
    project_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[GcpProjectBody]:
    """With the version that a change can name in `If-Match`."""
    item = await service.describe_cloud_account(plane, caller, Cloud.GCP, project_id)
    return Response(shape_gcp(item, plane.urns(caller.account_id)), headers=_headers(item))


@post(
    _GCP_ONE,
    status_code=200,
    summary="Change a project of Google Cloud",
    tags=_TAGS,
    opt=_operation(Cloud.GCP, Verb.UPDATE, "not-found", "stale-version"),
)
async def change_gcp_project(
    *,
    project_id: FromPath[str],
    data: JSONBody[GcpProjectChangeBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[GcpProjectBody]:
    """The project stays the same; a change that changes nothing makes no version."""
    members = read_members(Cloud.GCP, data)
    item = await service.change_cloud_account(
        plane, caller, Cloud.GCP, project_id, members, expected=expected
    )
    return Response(shape_gcp(item, plane.urns(caller.account_id)), headers=_headers(item))


@delete(
    _GCP_ONE,
    status_code=204,
    summary="Remove a project of Google Cloud",
    tags=_TAGS,
    opt=_operation(Cloud.GCP, Verb.DELETE, "not-found", "stale-version"),
)
async def remove_gcp_project(
    project_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> None:
    """Nothing is done on the other side: take the trust away there too."""
    await service.remove_cloud_account(plane, caller, Cloud.GCP, project_id, expected=expected)


@get(_AZURE, summary="List subscriptions of Azure", tags=_TAGS, opt=_operation(Cloud.AZURE, Verb.READ))
async def list_azure_subscriptions(
    *,
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> AzureSubscriptionsBody:
    """Those that trust the platform, in the order of their ids."""
    scope = _scope(caller, Cloud.AZURE)
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_cloud_accounts(plane, caller, Cloud.AZURE, request)
    shown = [shape_azure(item, plane.urns(caller.account_id)) for item in page.items]
    return AzureSubscriptionsBody(
        cloud_accounts=shown, next=or_unset(regions.cursors.next_of(page, scope=scope))
    )


@post(
    _AZURE,
    summary="Add a subscription of Azure",
    tags=_TAGS,
    opt=_operation(Cloud.AZURE, Verb.CREATE, "item-exists", "too-many-items"),
)
async def add_azure_subscription(
    data: JSONBody[NewAzureSubscriptionBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
) -> Response[AzureSubscriptionBody]:
    """An application of the tenant trusts the platform to act as it there."""
    item = await service.add_cloud_account(plane, caller, Cloud.AZURE, read_members(Cloud.AZURE, data))
    shown = shape_azure(item, plane.urns(caller.account_id))
    return Response(shown, status_code=201, headers=_headers(item, _AZURE))


@get(
    _AZURE_ONE,
    summary="Describe a subscription of Azure",
    tags=_TAGS,
    opt=_operation(Cloud.AZURE, Verb.READ, "not-found"),
)
async def describe_azure_subscription(
    subscription_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[AzureSubscriptionBody]:
    """With the version that a change can name in `If-Match`."""
    item = await service.describe_cloud_account(plane, caller, Cloud.AZURE, subscription_id)
    return Response(shape_azure(item, plane.urns(caller.account_id)), headers=_headers(item))


@post(
    _AZURE_ONE,
    status_code=200,
    summary="Change a subscription of Azure",
    tags=_TAGS,
    opt=_operation(Cloud.AZURE, Verb.UPDATE, "not-found", "stale-version"),
)
async def change_azure_subscription(
    *,
    subscription_id: FromPath[str],
    data: JSONBody[AzureSubscriptionChangeBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[AzureSubscriptionBody]:
    """The subscription stays the same; a change that changes nothing makes no version."""
    members = read_members(Cloud.AZURE, data)
    item = await service.change_cloud_account(
        plane, caller, Cloud.AZURE, subscription_id, members, expected=expected
    )
    return Response(shape_azure(item, plane.urns(caller.account_id)), headers=_headers(item))


@delete(
    _AZURE_ONE,
    status_code=204,
    summary="Remove a subscription of Azure",
    tags=_TAGS,
    opt=_operation(Cloud.AZURE, Verb.DELETE, "not-found", "stale-version"),
)
async def remove_azure_subscription(
    subscription_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> None:
    """Nothing is done on the other side: take the trust away there too."""
    await service.remove_cloud_account(plane, caller, Cloud.AZURE, subscription_id, expected=expected)


ROUTES = [
    list_aws_accounts,
    add_aws_account,
    describe_aws_account,
    change_aws_account,
    remove_aws_account,
    list_gcp_projects,
    add_gcp_project,
    describe_gcp_project,
    change_gcp_project,
    remove_gcp_project,
    list_azure_subscriptions,
    add_azure_subscription,
    describe_azure_subscription,
    change_azure_subscription,
    remove_azure_subscription,
]
