"""The published document: valid OpenAPI 3.1, complete, with an example for every body, and each example true to its schema."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from litestar.routes import HTTPRoute
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from domicile.web.forwarding import FORWARD
from domicile.web.openapi import list_operations
from domicile.web.problems import CODES
from tests.architecture.sources import ROOT
from tests.support.api import LiveServer
from tests.support.world import World

_METHODS = {"get", "post", "delete", "put", "patch"}


@pytest.fixture(scope="module")
def document(world: World) -> dict[str, Any]:
    return world.anyone.call("GET", "/openapi.json")


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in _METHODS & item.keys():
            yield path, method, item[method]


def _json_bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """List the JSON bodies, sent and answered with success: a name and the media type object."""
    for path, method, operation in _operations(document):
        if "requestBody" in operation:
            yield f"{method} {path}", operation["requestBody"]["content"]["application/json"]
        for status, answer in operation["responses"].items():
            if status.startswith("2") and "application/json" in answer.get("content", {}):
                yield f"{method} {path} {status}", answer["content"]["application/json"]


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OPENAPI_31_VALIDATOR.validate(document)


def test_every_reference_leads_somewhere_and_every_schema_is_a_valid_one(document: dict[str, Any]) -> None:
    def references(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"})


def test_every_body_has_an_example_that_holds_against_its_schema(
    document: dict[str, Any], subtests: pytest.Subtests
) -> None:
    seen = 0
    for name, media in _json_bodies(document):
        if name.endswith(("/openapi.json 200", "/jwks.json 200", "/statement-keys.json 200")):
            continue  # a document, and a key set, are shapes of their own standards
        with subtests.test(body=name):
            assert "example" in media, f"{name} has no example"
            schema = {**media["schema"], "components": document["components"]}
            validator = jsonschema_rs.Draft202012Validator(schema)
            assert [error.message for error in validator.iter_errors(media["example"])] == []
            seen += 1
    assert seen >= 40


def test_no_example_of_success_has_a_message(document: dict[str, Any]) -> None:
    for name, media in _json_bodies(document):
        assert "message" not in media.get("example", {}), name


def test_the_document_and_the_route_table_name_the_same_operations(
    server: LiveServer, document: dict[str, Any]
) -> None:
    published = {(method.upper(), path) for path, method, _ in _operations(document)}
    routed = {(method, path or "/") for path, method, _ in list_operations(server.app)}
    assert published == routed


def test_no_route_of_the_api_is_kept_out_of_the_document(
    server: LiveServer, document: dict[str, Any]
) -> None:
    published = {path for path, _, _ in _operations(document)}
    for route in server.app.routes:
        if isinstance(route, HTTPRoute) and route.path_format.startswith(("/api", "/.well-known")):
            assert route.path_format in published


def test_every_operation_says_who_may_call_it_what_it_is_for_and_which_errors_it_has(
    document: dict[str, Any],
) -> None:
    names: set[str] = set()
    for path, method, operation in _operations(document):
        name = f"{method} {path}"
        assert operation["summary"] and operation["description"] and operation["tags"], name
        assert "security" in operation, name
        assert operation["operationId"] not in names, name
        names.add(operation["operationId"])
        problems = {s: a for s, a in operation["responses"].items() if s >= "400"}
        for answer in problems.values():
            assert answer["content"].keys() == {"application/problem+json"}, name
        if operation["security"]:
            assert {"401"} <= problems.keys(), name
        if "x-permission" in operation:
            assert "403" in problems, name
        headers = {p["name"]: p["required"] for p in operation["parameters"] if p["in"] == "header"}
        is_versioned = path.startswith("/api/") and not path.startswith(FORWARD)
        assert headers.get("Api-Version", False) == is_versioned, name
        assert "422" not in operation["responses"], name


def test_every_path_parameter_of_a_path_is_described(document: dict[str, Any]) -> None:
    for path, _, operation in _operations(document):
        named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path


def test_every_documented_error_code_has_one_status(document: dict[str, Any]) -> None:
    for path, method, operation in _operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                for code in answer["description"].removeprefix("Problem: ").split(", "):
                    assert CODES[code.strip("`")] == int(status), (method, path)


def test_no_body_asks_for_a_hint_or_a_question(document: dict[str, Any]) -> None:
    """OWASP ASVS 5.0, 6.4.2: there is nothing to remember a password by."""
    fields = {
        name for schema in document["components"]["schemas"].values() for name in schema.get("properties", {})
    }
    assert {"password", "newPassword", "email"} <= fields
    assert [name for name in fields if "hint" in name.lower() or "question" in name.lower()] == []


def test_a_session_is_given_by_the_documented_ways_in_alone(document: dict[str, Any]) -> None:
    """OWASP ASVS 5.0, 6.1.3 and 6.3.4: there is no way in beside those that the guide to signing in tells of."""
    give = {
        f"{method.upper()} {path}"
        for path, method, operation in _operations(document)
        for status, answer in operation["responses"].items()
        if status.startswith("2") and "token" in _fields(document, answer)
    }
    guide = (ROOT / "docs" / "sign-in.md").read_text(encoding="utf-8")

    assert give == {
        "POST /api/sessions",
        "POST /api/sign-in/password",
        "POST /api/sign-in/passkey",
        "POST /api/sign-in/code",
        "POST /api/sign-in/recovery-code",
        "POST /api/me/step-up",
        "POST /api/me/factors/passkeys",
        "POST /api/me/factors/totp/{enrolment_id}/confirm",
        "POST /api/accounts/{account_id}/token",
        "POST /api/services/{service_name}/sessions",
        "POST /api/services/{service_name}/sessions/renew",
    }
    for path in (
        "/api/sessions",
        "/api/sign-in/password",
        "`/recovery-code` or `/passkey`",
        "/api/me/step-up",
    ):
        assert path in guide


def test_a_password_is_sent_for_oneself_alone(document: dict[str, Any]) -> None:
    """OWASP ASVS 5.0, 6.4.6: nobody chooses the password of somebody else, whatever their role."""
    take = {
        f"{method.upper()} {path}"
        for path, method, operation in _operations(document)
        if _fields(document, operation.get("requestBody", {})) & {"password", "newPassword"}
    }

    assert take == {
        "POST /api/signup",
        "POST /api/sessions",
        "POST /api/sign-in/password",
        "POST /api/password/check",
        "POST /api/password/reset",
        "POST /api/me/password",
        "POST /api/me/step-up",
        "POST /api/me/email",
        "POST /api/me/export",
        "DELETE /api/me",
    }


def _fields(document: dict[str, Any], body: dict[str, Any]) -> set[str]:
    """List the fields of a body's JSON, of each of its forms."""
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    forms = [schema, *schema.get("oneOf", []), *schema.get("anyOf", [])]
    named = [
        document["components"]["schemas"][form["$ref"].rpartition("/")[2]] for form in forms if "$ref" in form
    ]
    return {name for form in (*forms, *named) for name in form.get("properties", {})}
