"""Shapes the published OpenAPI 3.1 document for people: operations by subject, with everything about each in one place."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]

_CODE = re.compile(r"`([a-z0-9-]+)`")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_CALLERS = {
    "apiKey": "an API key",
    "accountToken": "an account token",
    "session": "a person's session",
    "service": "the credential of a service",
}
_CREDENTIALS = {
    "apiKey": "ApiKey $DOMICILE_KEY",
    "accountToken": "Bearer $DOMICILE_TOKEN",
    "session": "Bearer $DOMICILE_SESSION",
    "service": "Bearer $DOMICILE_SERVICE_TOKEN",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter of an operation, or one field of a body."""

    name: str
    type: str
    is_required: bool
    place: str
    """`path`, `query`, `header` or `body`."""
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which an operation answers well."""

    status: str
    fields: tuple[Field, ...]
    example: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The problems of one status."""

    status: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    callers: str
    permission: str | None
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    body_example: str | None
    answers: tuple[Answer, ...]
    refusals: tuple[Refusal, ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The operations of one tag."""

    anchor: str
    name: str
    operations: tuple[Operation, ...]


def shape_document(document: Document) -> tuple[Subject, ...]:
    """Group the operations by their tags, in the order in which the document has them."""
    subjects: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            shaped = _shape(document, path, method, operation)
            subjects.setdefault(operation["tags"][0], []).append(shaped)
    return tuple(
        Subject(name.lower().replace(" ", "-"), name, tuple(operations))
        for name, operations in subjects.items()
    )


def _shape(document: Document, path: str, method: str, operation: Mapping[str, Any]) -> Operation:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    example = body.get("example")
    return Operation(
        anchor=_NO_WORD.sub("-", f"{method}{path}").strip("-"),
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation["description"],
        callers=_callers(operation),
        permission=operation.get("x-permission"),
        parameters=tuple(_parameter(parameter) for parameter in operation.get("parameters", [])),
        body=tuple(_fields(document, body.get("schema", {}))),
        body_example=_json(example) if example is not None else None,
        answers=tuple(_answers(document, operation)),
        refusals=tuple(_refusals(operation)),
        curl=_curl(document["servers"][0]["url"], path, method, operation, example),
    )


def _callers(operation: Mapping[str, Any]) -> str:
    names = [_CALLERS[scheme] for entry in operation["security"] for scheme in entry]
    if not names:
        return "Anyone"
    told = " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return told[0].upper() + told[1:]


def _parameter(parameter: Mapping[str, Any]) -> Field:
    return Field(
        parameter["name"],
        "text",
        bool(parameter.get("required")),
        parameter["in"],
        parameter.get("description", ""),
    )


def _fields(document: Document, schema: Mapping[str, Any], prefix: str = "") -> Iterator[Field]:
    """List a body's fields, those of bodies inside it under their dotted names."""
    found = _resolved(document, schema)
    required = set(found.get("required", []))
    for name, inner in found.get("properties", {}).items():
        told, nested = _type_of(document, inner)
        shown = f"{prefix}{name}"
        yield Field(shown, told, name in required, "body", inner.get("description", ""))
        if nested is not None and prefix.count(".") < 2:
            yield from _fields(document, nested, f"{shown}{'[]' if 'list' in told else ''}.")


def _resolved(document: Document, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return document["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema


def _type_of(document: Document, schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """Tell a type in plain words, and give the object inside it."""
    found = _resolved(document, schema)
    if choices := found.get("oneOf"):
        parts = [_type_of(document, choice) for choice in choices]
        nested = next((inner for _, inner in parts if inner is not None), None)
        return " or ".join(told for told, _ in parts), nested
    match found.get("type"):
        case "array":
            told, nested = _type_of(document, found.get("items", {}))
            return f"list of {told}", nested
        case "object":
            return "object", found if "properties" in found else None
        case "integer":
            return "whole number", None
        case "boolean":
            return "true or false", None
        case "string":
            return "text", None
        case other:
            return str(other or "any"), None


def _answers(document: Document, operation: Mapping[str, Any]) -> Iterator[Answer]:
    for status, response in operation["responses"].items():
        if not status.startswith("2"):
            continue
        content = response.get("content", {}).get("application/json", {})
        example = content.get("example")
        yield Answer(
            status,
            tuple(_fields(document, content.get("schema", {}))),
            _json(example) if example is not None else None,
        )


def _refusals(operation: Mapping[str, Any]) -> Iterator[Refusal]:
    for status, response in operation["responses"].items():
        if not status.startswith("2"):
            yield Refusal(status, tuple(_CODE.findall(response["description"])))


def _curl(url: str, path: str, method: str, operation: Mapping[str, Any], example: object) -> str:
    parts = ["curl"] + ([] if method == "get" else ["-X", method.upper()])
    lines = [" ".join([*parts, shlex.quote(f"{url}{path}")])]
    if path.startswith("/api/"):
        lines.append("-H 'Api-Version: v1'")
    schemes = [scheme for entry in operation["security"] for scheme in entry]
    if schemes:
        lines.append(f'-H "Authorization: {_CREDENTIALS[schemes[0]]}"')
    if example is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d {shlex.quote(json.dumps(example, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
