"""Cloud accounts: named by what the clouds publish, without a secret, and kept like every item of a service."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.support.api import Api
from tests.support.world import Account, World

BASE = "/api/cloudaccounts"
ITEMS = "/api/services/cloudaccounts"
AWS = {"roleARN": "arn:aws:iam::123456789012:role/domicile"}
GCP = {"projectID": "example-1", "serviceAccountEmail": "domicile@example-1.iam.gserviceaccount.com"}
SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
AZURE = {
    "subscriptionID": SUBSCRIPTION,
    "tenantID": "72f988bf-86f1-41af-91ab-2d7cd011db47",
    "clientID": "1950a258-227b-4e31-a9cf-717495945fc2",
}
CLOUDS = {"aws": (AWS, "123456789012"), "gcp": (GCP, "example-1"), "azure": (AZURE, SUBSCRIPTION)}
every_cloud = pytest.mark.parametrize("cloud", CLOUDS)


@pytest.fixture
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


@pytest.fixture(scope="module")
def strict(world: World) -> Api:
    """An account in which nothing is ever let in."""
    return world.account(world.person(), "de-1", "Strict").api


def code_in(answer: httpx2.Response) -> str:
    return answer.json()["type"].rpartition("/")[2]


def fields_in(answer: httpx2.Response) -> dict[str, str]:
    assert (answer.status_code, code_in(answer)) == (400, "invalid-input"), answer.text
    return answer.json()["fields"]


def ids(api: Api, cloud: str) -> list[str]:
    return [each["id"] for each in api.call("GET", f"{BASE}/{cloud}")["cloudAccounts"]]


@every_cloud
def test_a_cloud_account_is_added_read_changed_and_removed(labs: Account, cloud: str) -> None:
    api, (body, name) = labs.api, CLOUDS[cloud]
    assert api.call("GET", f"{BASE}/{cloud}") == {"cloudAccounts": []}

    made = api.post(f"{BASE}/{cloud}", {**body, "alias": " Shop ", "description": "e\u0301"})

    one = f"{BASE}/{cloud}/{name}"
    assert (made.status_code, made.headers["Location"], made.headers["ETag"]) == (201, one, '"1"')
    told = made.json()
    urn = f"urn:domicile:cloudaccounts:de-1:{labs.id}:{cloud}/{name}"
    assert told == {
        "id": name,
        **body,
        "alias": "Shop",
        "description": "\u00e9",
        "state": "managed",
        "created": told["created"],
        "lastModified": told["created"],
        "urn": urn,
    }
    assert api.call("GET", one) == told
    assert api.call("GET", f"{BASE}/{cloud}") == {"cloudAccounts": [told]}

    changed = api.post(one, {"alias": "Store", "description": ""})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json() == {**told, "alias": "Store", "description": ""}
    assert api.post(one, {"alias": "Store"}).headers["ETag"] == '"2"'
    stale = {"If-Match": '"1"'}
    for answer in (
        api.send("POST", one, {"alias": "Late"}, headers=stale),
        api.send("DELETE", one, headers=stale),
    ):
        assert (answer.status_code, code_in(answer)) == (412, "stale-version")

    assert api.send("DELETE", one, headers={"If-Match": '"2"'}).status_code == 204
    for gone in (api.get(one), api.post(one, {"alias": "x"}), api.delete(one)):
        assert (gone.status_code, code_in(gone)) == (404, "not-found")


def test_a_role_is_replaced_by_one_of_the_same_aws_account_alone(labs: Account) -> None:
    labs.api.call("POST", f"{BASE}/aws", AWS, status=201)
    one = f"{BASE}/aws/123456789012"

    other = {"roleARN": "arn:aws:iam::123456789012:role/team/other"}
    assert labs.api.call("POST", one, other)["roleARN"] == other["roleARN"]
    refused = labs.api.post(one, {"roleARN": "arn:aws:iam::123456789013:role/domicile"})
    assert fields_in(refused).keys() == {"roleARN"}
    for cloud, fixed in (("gcp", {"projectID": "example-2"}), ("azure", {"subscriptionID": SUBSCRIPTION})):
        body, name = CLOUDS[cloud]
        labs.api.call("POST", f"{BASE}/{cloud}", body, status=201)
        assert fields_in(labs.api.post(f"{BASE}/{cloud}/{name}", fixed)).keys() == fixed.keys()
    assert labs.api.call("GET", one)["roleARN"] == other["roleARN"]


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws-cn:iam::123456789012:role/domicile",
        "arn:aws-us-gov:iam::123456789012:role/a/b/do+mi=ci,le.@_-",
        "arn:aws:iam::123456789012:role/" + "p" * 510 + "/" + "n" * 64,
    ],
)
def test_a_role_of_every_partition_and_path_is_taken(labs: Account, arn: str) -> None:
    assert labs.api.call("POST", f"{BASE}/aws", {"roleARN": arn}, status=201)["id"] == "123456789012"


_ARN = "arn:aws:iam::123456789012:role"
REFUSED: list[tuple[str, str, str]] = [
    *(
        ("aws", "roleARN", text)
        for text in (
            "",
            "123456789012",
            "arn:aws:iam::12345678901:role/domicile",
            "arn:aws:iam::1234567890123:role/domicile",
            "arn:aws:iam::\uff11\uff12\uff13456789012:role/domicile",
            "arn:aws:iam:eu-central-1:123456789012:role/domicile",
            "arn:aws:iam::123456789012:user/domicile",
            "arn:aws:sts::123456789012:assumed-role/domicile/x",
            "arn:aws:iam::123456789012:root",
            "arn:other:iam::123456789012:role/domicile",
            "ARN:aws:iam::123456789012:role/domicile",
            f"{_ARN}/",
            f"{_ARN}//domicile",
            f"{_ARN}/a b/domicile",
            f"{_ARN}/domicile\n",
            f"{_ARN}/domicile\x00",
            f"{_ARN}/d\u043emicile",
            f"{_ARN}/{'n' * 65}",
            f"{_ARN}/{'p' * 511}/n",
            f" {_ARN}/domicile",
        )
    ),
    *(
        ("gcp", "projectID", text)
        for text in (
            "",
            "short",
            "1example",
            "example-",
            "Example-1",
            "e" * 31,
            "exam_ple",
            "example.com:one",
        )
    ),
    *(
        ("gcp", "serviceAccountEmail", text)
        for text in (
            "ada@example.com",
            "domicile@example-1.iam.gserviceaccount.com.evil.example",
            "domicile@example-1xiam.gserviceaccount.com",
            "short@example-1.iam.gserviceaccount.com",
            "123-compute@developer.gserviceaccount.com",
            "domicile@example-1.iam.gserviceaccount.com\r\n",
        )
    ),
    *(
        ("azure", member, text)
        for member in AZURE
        for text in ("", "x", SUBSCRIPTION[:-1], f"{{{SUBSCRIPTION}}}", SUBSCRIPTION.replace("-", ""))
    ),
]


@pytest.mark.parametrize(("cloud", "member", "text"), REFUSED)
def test_what_a_cloud_would_not_write_is_refused_by_the_name_of_its_field(
    strict: Api, cloud: str, member: str, text: str
) -> None:
    body: dict[str, Any] = {**CLOUDS[cloud][0], member: text}

    assert fields_in(strict.post(f"{BASE}/{cloud}", body)).keys() == {member}
    by_item = strict.post(f"{ITEMS}/{cloud}", {"name": CLOUDS[cloud][1], "spec": body})
    assert fields_in(by_item).keys() == {f"/spec/{member}"}
    assert ids(strict, cloud) == []


@every_cloud
def test_hostile_text_and_everything_that_could_be_a_secret_are_refused(strict: Api, cloud: str) -> None:
    body, name = CLOUDS[cloud]
    for alias in ("a\u202eb", "a\x00", "a\nb", "\u200d", "a" * 101, "\ue000", ""):
        assert fields_in(strict.post(f"{BASE}/{cloud}", {**body, "alias": alias})).keys() == {"alias"}
    for text in (" a", "e\u0301", "a\u202eb"):
        refused = strict.post(f"{ITEMS}/{cloud}", {"name": name, "spec": {**body, "description": text}})
        assert fields_in(refused).keys() == {"/spec/description"}
    canary = "canary-5d02"
    for secret in ("secretAccessKey", "privateKey", "clientSecret", "externalID", "state"):
        refused = strict.post(f"{BASE}/{cloud}", {**body, secret: canary})
        assert fields_in(refused).keys() == {secret} and canary not in refused.text
        by_item = strict.post(f"{ITEMS}/{cloud}", {"name": name, "spec": {**body, secret: canary}})
        assert fields_in(by_item).keys() == {"/spec"} and canary not in by_item.text
    assert ids(strict, cloud) == []


def test_the_longest_texts_are_taken_whatever_they_are_written_in(labs: Account) -> None:
    texts = {"alias": "\U0001f3e0" * 100, "description": "\u5bb6" * 500}

    made = labs.api.call("POST", f"{BASE}/gcp", {**GCP, **texts}, status=201)

    assert texts.items() <= made.items()


def test_capitals_of_a_guid_are_kept_as_small_letters(labs: Account) -> None:
    loud = {member: text.upper() for member, text in AZURE.items()}

    made = labs.api.call("POST", f"{BASE}/azure", loud, status=201)

    assert {"id": SUBSCRIPTION, **AZURE}.items() <= made.items()
    assert code_in(labs.api.post(f"{BASE}/azure", AZURE)) == "item-exists"


@every_cloud
def test_of_many_who_add_the_same_at_once_one_does(labs: Account, cloud: str) -> None:
    body, name = CLOUDS[cloud]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: labs.api.post(f"{BASE}/{cloud}", body), range(6)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert {code_in(answer) for answer in answers if answer.status_code == 409} == {"item-exists"}
    assert ids(labs.api, cloud) == [name]


def test_another_account_has_its_own_and_sees_nothing_of_these(world: World, labs: Account) -> None:
    other = world.account(world.person(), "de-1", "Other")
    for cloud, (body, name) in CLOUDS.items():
        labs.api.call("POST", f"{BASE}/{cloud}", body, status=201)
        assert ids(other.api, cloud) == []
        for answer in (
            other.api.get(f"{BASE}/{cloud}/{name}"),
            other.api.post(f"{BASE}/{cloud}/{name}", {"alias": "Mine"}),
            other.api.delete(f"{BASE}/{cloud}/{name}"),
        ):
            assert code_in(answer) == "not-found"
        other.api.call("POST", f"{BASE}/{cloud}", body, status=201)
        other.api.call("DELETE", f"{BASE}/{cloud}/{name}", status=204)
        assert ids(labs.api, cloud) == [name]


def test_a_list_is_paged_in_the_order_of_ids(labs: Account) -> None:
    wanted = [f"{number:012}" for number in (7, 1, 12, 3)]
    for account in wanted:
        arn = f"arn:aws:iam::{account}:role/domicile"
        labs.api.call("POST", f"{BASE}/aws", {"roleARN": arn}, status=201)
    first = labs.api.call("GET", f"{BASE}/aws?limit=3")
    rest = labs.api.call("GET", f"{BASE}/aws?limit=3&cursor={first['next']}")
    assert [each["id"] for each in first["cloudAccounts"] + rest["cloudAccounts"]] == sorted(wanted)
    assert "next" not in rest
    for query in (f"gcp?cursor={first['next']}", "aws?cursor=x", "aws?limit=251"):
        assert labs.api.get(f"{BASE}/{query}").status_code == 400


def test_levels_of_the_service_say_who_may_do_what(world: World, labs: Account) -> None:
    body, name = CLOUDS["aws"]
    labs.api.call("POST", f"{BASE}/aws", body, status=201)
    world.role(labs, "watcher", {"cloudaccounts": "read-only"}, "Watcher")
    world.role(labs, "builder", {"cloudaccounts": "full-access"}, "Builder")
    world.role(labs, "clerk", {"billing": "full-access"}, "Clerk")
    for role in ("read-only", "watcher"):
        reader = world.key(labs.api, role).api
        assert ids(reader, "aws") == [name]
        for verb, answer in (
            ("create", reader.post(f"{BASE}/aws", body)),
            ("update", reader.post(f"{BASE}/aws/{name}", {"alias": "x"})),
            ("delete", reader.delete(f"{BASE}/aws/{name}")),
        ):
            assert code_in(answer) == "not-permitted"
            asked = {"action": f"cloudaccounts:aws:{verb}"}
            assert not reader.call("POST", "/api/access/check", asked)["allowed"]
    clerk = world.key(labs.api, "clerk").api
    for path in (f"{BASE}/aws", f"{BASE}/aws/{name}", f"{BASE}/aws/none"):
        assert code_in(clerk.get(path)) == "not-permitted"
    builder = world.key(labs.api, "builder").api
    assert builder.call("POST", f"{BASE}/aws/{name}", {"alias": "x"})["alias"] == "x"
    assert code_in(builder.get("/api/users")) == "not-permitted"


def test_as_items_they_have_labels_versions_and_a_way_back_under_the_same_checks(labs: Account) -> None:
    api, item = labs.api, f"{ITEMS}/aws/123456789012"
    api.call("POST", f"{BASE}/aws", {**AWS, "alias": "Shop"}, status=201)
    assert api.call("POST", item, {"labels": {"stage": "live"}})["spec"] == {**AWS, "alias": "Shop"}
    assert len(api.call("GET", f"{ITEMS}/aws?selector=stage=live")["items"]) == 1
    api.call("POST", f"{BASE}/aws/123456789012", {"alias": "Store"})
    assert api.call("GET", item)["labels"] == {"stage": "live"}
    other = {"roleARN": "arn:aws:iam::123456789013:role/domicile"}
    wish = {"service": "cloudaccounts", "kind": "aws", "name": "123456789012", "spec": other}
    for answer, at in (
        (api.post(item, {"spec": other}), "/spec/roleARN"),
        (api.post(f"{ITEMS}/aws", {"name": "123456789014", "spec": other}), "/spec/roleARN"),
        (api.post("/api/items/apply", {"items": [wish]}), "/items/0/spec/roleARN"),
    ):
        assert fields_in(answer).keys() == {at}

    api.call("DELETE", f"{BASE}/aws/123456789012", status=204)
    assert api.call("POST", f"{item}/rollback", {"version": 1})["version"] == 5
    assert api.call("GET", f"{BASE}/aws/123456789012")["alias"] == "Shop"
    told = api.call("GET", "/api/logs?type=audit.item_*")["logs"]
    verbs = ["created", "deleted", "updated", "updated", "created"]
    assert [log["type"] for log in told] == [f"audit.item_{verb}.v1" for verb in verbs]
    assert {(log["details"]["service"], log["details"]["kind"]) for log in told} == {("cloudaccounts", "aws")}


def test_every_account_has_the_service_with_its_kinds_and_schemas(labs: Account) -> None:
    told = labs.api.call("GET", "/api/services/cloudaccounts")

    assert [(kind["plural"], kind["category"]) for kind in told["kinds"]] == [
        (cloud, "resource") for cloud in CLOUDS
    ]
    assert [level["level"] for level in told["levels"]] == ["full-access", "read-only"]
    for kind in told["kinds"]:
        schema = kind["schema"]
        assert schema["$schema"].endswith("/2020-12/schema")
        assert set(schema["required"]) == set(CLOUDS[kind["name"]][0])
        assert schema["additionalProperties"] is False
