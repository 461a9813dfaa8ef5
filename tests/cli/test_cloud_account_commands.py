"""Commands about cloud accounts: what they send, show, and ask before they remove."""

import json

import pytest

from tests.cli.conftest import Run
from tests.cli.peer import Peer

ARN = "arn:aws:iam::123456789012:role/domicile"
ONE = {
    "id": "123456789012",
    "roleARN": ARN,
    "alias": "Shop",
    "description": "",
    "state": "managed",
    "created": "2026-11-27T10:15:00Z",
    "lastModified": "2026-11-27T10:16:00Z",
    "urn": "urn:domicile:cloudaccounts:de-1:004217730956:aws/123456789012",
}


def test_cloud_accounts_are_listed_and_shown(run: Run, entered: Peer):
    entered.answer("GET /api/cloudaccounts/aws?limit=250", 200, {"cloudAccounts": [ONE]})
    entered.answer("GET /api/cloudaccounts/gcp?limit=250", 200, {"cloudAccounts": []})
    entered.answer("GET /api/cloudaccounts/aws/123456789012", 200, ONE)

    listed = run("cloud-accounts", "list", "aws").out
    assert ARN in listed and "Shop" in listed
    assert json.loads(run("cloud-accounts", "list", "aws", "--json").out) == {"cloudAccounts": [ONE]}
    assert "domicile cloud-accounts add gcp" in run("cloud-accounts", "list", "gcp").out
    assert "managed" in run("cloud-accounts", "show", "aws", "123456789012").out
    assert json.loads(run("cloud-accounts", "show", "aws", "123456789012", "--json").out) == ONE


@pytest.mark.parametrize(
    ("cloud", "options", "body"),
    [
        ("aws", ["--role-arn", ARN, "--alias", "Shop"], {"roleARN": ARN, "alias": "Shop"}),
        (
            "gcp",
            ["--project-id", "example-1", "--service-account-email", "a@b", "--description", "x"],
            {"projectID": "example-1", "serviceAccountEmail": "a@b", "description": "x"},
        ),
        (
            "azure",
            ["--subscription-id", "s", "--tenant-id", "t", "--client-id", "c"],
            {"subscriptionID": "s", "tenantID": "t", "clientID": "c"},
        ),
    ],
)
def test_what_is_said_of_a_new_one_is_sent_as_the_api_names_it(
    run: Run, entered: Peer, cloud: str, options: list[str], body: dict[str, str]
):
    entered.answer(f"POST /api/cloudaccounts/{cloud}", 201, ONE)

    assert json.loads(run("cloud-accounts", "add", cloud, *options, "--json").out) == ONE
    assert entered.sent(f"POST /api/cloudaccounts/{cloud}")[0].body == body


def test_a_change_sends_what_is_said_alone_and_wants_something_said(run: Run, entered: Peer):
    one = "POST /api/cloudaccounts/aws/123456789012"
    entered.answer(one, 200, ONE)

    assert run("cloud-accounts", "change", "aws", "123456789012", "--alias", "Shop").code == 0
    assert entered.sent(one)[0].body == {"alias": "Shop"}
    ended = run("cloud-accounts", "change", "aws", "123456789012")
    assert ended.code == 2 and "Say what to change" in ended.err
    assert len(entered.sent(one)) == 1


def test_removing_wants_consent_and_reminds_of_the_other_side(run: Run, entered: Peer):
    one = "DELETE /api/cloudaccounts/azure/..%2Fx"
    entered.answer(one, 204)

    ended = run("cloud-accounts", "remove", "azure", "../x")
    assert ended.code == 2 and "--yes" in ended.err and entered.sent(one) == []
    ended = run("cloud-accounts", "remove", "azure", "../x", "--yes")
    assert ended.code == 0 and "other side" in ended.out and len(entered.sent(one)) == 1


def test_a_cloud_that_is_none_of_the_three_is_refused(run: Run, entered: Peer):
    assert run("cloud-accounts", "list", "oracle").code == 2
