"""Services for a platform of a test: their manifests, and a configuration that registers them."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from domicile.infra.secrets import new_service_token
from tests.support.api import Api, Installation

DELIVERY = Path(__file__).parents[2] / "examples" / "application_delivery" / "service.toml"
EXAMPLE = Path(__file__).parents[2] / "examples" / "workload_security" / "service.toml"

POLICY: dict[str, Any] = {"type": "object", "properties": {"paths": {"type": "array"}}}
VERBS = ("read", "create", "update", "delete")
EVERYTHING = [f"workload:policy:{verb}" for verb in VERBS]


def manifest_text(
    *,
    levels: dict[str, list[str]] | None = None,
    more: str = "",
    version: int = 1,
    kinds: tuple[str, ...] = ("policy",),
) -> str:
    """Write a manifest of a service `workload`, whose kinds have the schema `policy.json`."""
    granted = levels or {"full-access": EVERYTHING, "read-only": EVERYTHING[:1]}
    lines = [
        f'form = 1\nname = "workload"\ntitle = "Workload security"\nversion = {version}\n{more}',
        "[levels]",
    ]
    lines += [f"{level} = {json.dumps(permissions)}" for level, permissions in granted.items()]
    for kind in kinds:
        lines.append(
            f'[[kinds]]\nname = "{kind}"\ntitle = "Policies"\ncategory = "security-policy"\nschema = "policy.json"'
        )
    return "\n".join(lines) + "\n"


def write_manifest(folder: Path, text: str, name: str = "workload.toml", schema: object = POLICY) -> Path:
    """Write a manifest, and its schema beside it."""
    (folder / "policy.json").write_text(json.dumps(schema))
    (folder / name).write_text(text)
    return folder / name


def put_item(api: Api) -> dict[str, str]:
    """Keep a policy in the service of the example; gives the parts of its address, by their names in paths."""
    body = {"name": "etc-files", "spec": {"paths": ["/etc/passwd"]}}
    api.call("POST", "/api/services/workload/policies", body, status=201)
    return {"service_name": "workload", "kind": "policies", "item_name": "etc-files", "version": "1"}


def put_cloud_accounts(api: Api) -> dict[str, str]:
    """Add a cloud account of each cloud; gives the parts of their addresses, by their names in paths."""
    tenant = {"tenantID": "72f988bf-86f1-41af-91ab-2d7cd011db47", "clientID": str(UUID(int=77))}
    bodies: dict[str, dict[str, str]] = {
        "aws": {"roleARN": "arn:aws:iam::998877665544:role/domicile"},
        "gcp": {
            "projectID": "orchard-77",
            "serviceAccountEmail": "domicile@orchard-77.iam.gserviceaccount.com",
        },
        "azure": {"subscriptionID": str(UUID(int=7777)), **tenant},
    }
    made = {
        cloud: api.call("POST", f"/api/cloudaccounts/{cloud}", body, status=201)["id"]
        for cloud, body in bodies.items()
    }
    return {"aws_account_id": made["aws"], "project_id": made["gcp"], "subscription_id": made["azure"]}


SERVICE_CREDENTIAL = new_service_token().reveal()
"""Of the service of the example, where a test's server knows one."""


def register(installed: Installation, *manifests: Path, credential: str = "") -> Path:
    """Write a configuration that registers services beside what the installation has; gives its path."""
    config = installed.data / "services.toml"
    before = installed.config.read_text() if installed.config else ""
    mark = f'credential_sha256 = "{sha256(credential.encode()).hexdigest()}"\n' if credential else ""
    entries = "".join(f'\n[[services]]\nmanifest = "{path}"\n{mark}' for path in manifests)
    config.write_text(before + entries)
    return config
