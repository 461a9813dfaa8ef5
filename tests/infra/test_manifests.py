"""Manifests of services: what is sound is read whole, every fault is said at once, and nothing else ever comes out."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domicile.infra.json_schemas import schema_faults
from domicile.infra.manifests import ManifestError, read_manifest
from domicile.kernel.ids import RegionId
from domicile.kernel.services import Category, Verb, compare
from tests.support.services import EVERYTHING, EXAMPLE, manifest_text, write_manifest


def faults_of(folder: Path, text: str, **more: Any) -> str:
    with pytest.raises(ManifestError) as refused:
        read_manifest(write_manifest(folder, text, **more))
    return "\n".join(refused.value.faults)


def test_the_manifest_of_the_example_is_sound():
    service = read_manifest(EXAMPLE)

    assert (service.name, service.version, service.title) == ("workload", 2, "Workload security")
    assert list(service.levels) == ["full-access", "read-only", "auditor"]
    assert {kind.name: kind.category for kind in service.kinds} == {
        "computer": Category.RESOURCE,
        "script": Category.DEPLOYMENT,
        "policy": Category.SECURITY_POLICY,
        "setting": Category.CONFIGURATION,
    }
    computer, _script, policy, _setting = service.kinds
    assert (computer.plural, computer.most, policy.plural, policy.most) == (
        "computers",
        10_000,
        "policies",
        1_000,
    )
    assert json.loads(policy.schema)["required"] == ["paths"]
    assert service.permission(policy, Verb.UPDATE) == "workload:policy:update"
    assert [meter.unit for meter in service.meters] == ["hour"]
    assert service.runs_in(RegionId("jp-1"))


def test_regions_and_a_call_back_address_are_read(tmp_path: Path):
    console = 'console = {url = "http://localhost:9000/enter"}\n'
    assert read_manifest(write_manifest(tmp_path, manifest_text(more=console))).console_url.endswith("/enter")
    more = 'regions = ["de-1", "jp-1"]\nlifecycle = {url = "https://workload.example.com/hooks?a=1"}\n'
    service = read_manifest(write_manifest(tmp_path, manifest_text(more=more)))

    assert service.regions == {"de-1", "jp-1"}
    assert not service.runs_in(RegionId("us-1"))
    assert service.lifecycle_url == "https://workload.example.com/hooks?a=1"


def test_guards_are_read_in_their_order():
    guards = read_manifest(EXAMPLE).guards

    assert [guard.pattern for guard in guards][:3] == ["/health", "/me", "/findings/**"]
    assert [(guard.permission, guard.is_public) for guard in guards][:3] == [
        (None, True),
        (None, False),
        ("workload:finding:read", False),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "form: is required"),
        ("name = [", "is not TOML"),
        (manifest_text(more="color = 1\n"), "color: there is no such setting"),
        (manifest_text().replace("form = 1", "form = 2"), "form: "),
        (manifest_text(version=0), "version: "),
        (manifest_text().replace('name = "workload"', 'name = "Work load"'), "name: must have 1 to 40"),
        (manifest_text().replace('title = "Workload security"', 'title = " "'), "title: is empty"),
        (manifest_text(levels={"full-access": EVERYTHING}), "levels: read-only is missing"),
        (
            manifest_text(levels={"full-access": EVERYTHING[:3], "read-only": EVERYTHING[:1]}),
            "full-access lacks workload:policy:delete",
        ),
        (
            manifest_text(levels={"full-access": EVERYTHING, "read-only": []}),
            "read-only lacks workload:policy:read",
        ),
        (
            manifest_text(levels={"full-access": EVERYTHING, "read-only": EVERYTHING}),
            "read-only holds workload:policy:update, which changes something",
        ),
        (
            manifest_text(
                levels={"full-access": EVERYTHING, "read-only": EVERYTHING[:1], "x": ["workload:a:b"]}
            ),
            "workload:a:b is not in full-access",
        ),
        (
            manifest_text(
                levels={"full-access": [*EVERYTHING, "audit:log:read"], "read-only": EVERYTHING[:1]}
            ),
            "'audit:log:read' is no permission of it",
        ),
        (manifest_text(kinds=("policy", "policy")), "kinds: 'policy' is there twice"),
        (manifest_text().replace('"security-policy"', '"animal"'), "kinds[0].category: "),
        (manifest_text().replace('"policy.json"', '"missing.json"'), "cannot be read"),
        (manifest_text(more='lifecycle = {url = "http://example.com/"}\n'), "must begin with https://"),
        (
            manifest_text(more='lifecycle = {url = "https://a:b@example.com/"}\n'),
            "neither a user nor a fragment",
        ),
        (manifest_text(more='lifecycle = {url = "https://[::1"}\n'), "lifecycle.url: "),
        (manifest_text(more='meters = [{name = "A b", title = "x", unit = "y"}]\n'), "meters[0].name: "),
        (manifest_text() + 'plural = "sessions"\n', "'sessions' is taken by another address"),
        (manifest_text() + 'references = {"/a" = "nothing"}\n', "'nothing', which is no kind"),
        (manifest_text() + 'references = {"a" = "policy"}\n', "'a' is no JSON pointer"),
        (
            manifest_text() + "references = {" + ", ".join(f"'/{n}' = 'policy'" for n in range(11)) + "}\n",
            "more than 10 references",
        ),
        (
            manifest_text(more='console = {url = "http://example.com/"}\n'),
            "console.url: must begin with https://",
        ),
        (manifest_text(more='console = {url = "https://a/?x=1"}\n'), "console.url: must be a host in small"),
        (manifest_text(more='console = {url = "https://a;b/"}\n'), "console.url: must be a host in small"),
        (manifest_text(more='console = {url = "https://a/\' *"}\n'), "console.url: must be a host in small"),
        (manifest_text(more='guards = [{path = "/a"}]\n'), "guards[0]: give either permission or access"),
        (
            manifest_text(
                more='guards = [{path = "/a", access = "public", permission = "workload:policy:read"}]\n'
            ),
            "guards[0]: give either permission or access",
        ),
        (manifest_text(more='guards = [{path = "/a", access = "nobody"}]\n'), "guards[0].access: "),
        (
            manifest_text(more='guards = [{path = "a", access = "public"}]\n'),
            "guards[0].path: 'a' must begin",
        ),
        (
            manifest_text(more='guards = [{path = "/a", permission = "audit:log:read"}]\n'),
            "guards[0].permission: full-access has no audit:log:read",
        ),
        (manifest_text(more="#" + "x" * 300_000), "larger than 256 KiB"),
    ],
)
def test_each_fault_is_said_with_its_place(tmp_path: Path, text: str, told: str):
    assert told in faults_of(tmp_path, text)


def test_all_faults_are_said_at_once(tmp_path: Path):
    text = manifest_text(levels={"full-access": []}, more='lifecycle = {url = "ftp://x"}\n')

    told = faults_of(tmp_path, text, schema={"type": "array"})

    for fault in ("read-only is missing", "full-access lacks", "lifecycle.url", "policy.json: type"):
        assert fault in told


def test_a_manifest_that_is_no_file_is_explained(tmp_path: Path):
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError, match="not UTF-8"):
        read_manifest(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ([], "must be an object"),
        ({"type": "string"}, "type"),
        ({"type": "object", "properties": 3}, "is not of type"),
        ({"type": "object", "properties": {"a": {"type": "objekt"}}}, "objekt"),
        ({"type": "object", "$ref": "https://example.com/schema"}, "https://example.com/schema"),
        ({"type": "object", "$ref": "file:///etc/passwd"}, "/etc/passwd"),
        ({"type": "object", "properties": {"a": {"pattern": "("}}}, "regex"),
        ({"type": "object", "properties": {"a": {"pattern": "(a)(?=b)"}}}, "regex"),
        ({"type": "object", "$schema": "http://json-schema.org/draft-07/schema#"}, "$schema"),
    ],
)
def test_a_schema_that_items_cannot_be_checked_by_is_refused(schema: object, told: str):
    assert told in "\n".join(schema_faults(schema))


def test_a_schema_may_refer_to_parts_of_itself():
    tree = {"type": "object", "properties": {"inner": {"$ref": "#"}, "name": {"$ref": "#/$defs/name"}}}
    assert schema_faults({**tree, "$defs": {"name": {"type": "string"}}}) == []


@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_any_bytes_are_read_or_explained(tmp_path: Path, raw: bytes):
    path = tmp_path / "any.toml"
    path.write_bytes(raw)
    with pytest.raises(ManifestError) as refused:
        read_manifest(path)
    assert refused.value.faults


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "$ref", "items", "pattern", "a"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(schema=_JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
def test_any_json_is_a_schema_or_explained(tmp_path: Path, schema: object):
    path = write_manifest(tmp_path, manifest_text(), schema=schema)
    if isinstance(schema, dict) and not schema_faults(cast("object", schema)):
        assert json.loads(read_manifest(path).kinds[0].schema) == schema
    else:
        with pytest.raises(ManifestError, match=r"policy\.json"):
            read_manifest(path)


def test_what_a_new_version_withdraws_is_found(tmp_path: Path):
    regions = [RegionId("us-1"), RegionId("de-1")]
    meters = 'meters = [{name = "hours", title = "Hours", unit = "h"}]\n'
    levels = {"full-access": EVERYTHING, "read-only": EVERYTHING[:1], "scanner": EVERYTHING[:2]}
    before = read_manifest(write_manifest(tmp_path, manifest_text(levels=levels, more=meters)))
    fewer = {"full-access": ["workload:scan:read"], "read-only": ["workload:scan:read"]}
    text = manifest_text(levels=fewer, more='regions = ["us-1"]\n', kinds=(), version=2)
    after = read_manifest(write_manifest(tmp_path, text))

    found = compare(before, after, regions=regions)

    assert (found.levels, found.kinds, found.regions, found.meters) == (
        ("scanner",),
        ("policy",),
        ("de-1",),
        ("hours",),
    )
    assert ("read-only", "workload:policy:read") in found.permissions
    assert not found.is_nothing
    assert compare(before, before, regions=regions).is_nothing
