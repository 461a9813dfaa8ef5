"""Commands about the services that a platform registers: list, check, token."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.installation import THIS_ONE, Installation, explained
from domicile.apps.cli.options import PLAIN, Output
from domicile.apps.cli.output import Column, show_document, show_rows
from domicile.apps.cli.printing import show_note
from domicile.infra.manifests import ManifestError, read_manifest
from domicile.infra.secrets import new_service_token
from domicile.infra.settings import Settings
from domicile.kernel.ids import RegionId
from domicile.kernel.services import Service, Withdrawal, compare

service = App(name="service")

_COLUMNS = (
    Column("Name", "name", is_whole=True),
    Column("Title", "title"),
    Column("Version", "version"),
    Column("Regions", "regions"),
    Column("Levels", "levels"),
    Column("Kinds", "kinds"),
    Column("Credential", "credential"),
)


@service.command(name="list")
def list_services(*, installation: Installation = THIS_ONE) -> None:
    """List the services that the configuration registers."""
    entries = installation.load().services
    if installation.json:
        rows = [{**_facts(e.service), "hasCredential": e.credential is not None} for e in entries]
        show_document({"services": rows})
    elif entries:
        show_rows([_line(e.service, has_credential=e.credential is not None) for e in entries], _COLUMNS)
    else:
        print("The configuration registers no service.")


@service.command(name="check")
def check_service(
    manifest: Annotated[Path, Parameter(help="The manifest (TOML).")],
    /,
    *,
    accept_withdrawals: Annotated[
        bool, Parameter(negative=(), help="Do not refuse what takes a level from roles that give it.")
    ] = False,
    installation: Installation = THIS_ONE,
) -> None:
    """Explain each fault in a manifest, and what it would take away from the accounts of this installation.

    Refused if it has a fault, if it changes what is registered without a higher version, or if roles of accounts give a level that it withdraws.
    """
    try:
        found = read_manifest(manifest)
    except ManifestError as error:
        raise CommandError(Exit.REFUSED, "The manifest cannot be used.", error.faults) from None
    settings = installation.load()
    before = next((e.service for e in settings.services if e.service.name == found.name), None)
    regions = [RegionId(entry.id) for entry in settings.regions]
    faults = _platform_faults(found, before, regions)
    withdrawn = compare(before, found, regions=regions) if before else None
    in_use = _roles_in_use(settings, found.name, withdrawn.levels) if withdrawn and withdrawn.levels else []
    if installation.json:
        show_document(_told(found, before, withdrawn, in_use, faults))
    else:
        _tell(found, before, withdrawn, in_use)
    if faults:
        raise CommandError(Exit.REFUSED, "The manifest cannot be registered.", faults)
    if in_use and not accept_withdrawals:
        raise CommandError(
            Exit.REFUSED,
            "Roles give a level that is withdrawn: change them first, or say --accept-withdrawals.",
        )


def _platform_faults(found: Service, before: Service | None, regions: Sequence[RegionId]) -> list[str]:
    faults = [
        f"regions: the platform has no region {region!r}" for region in sorted(found.regions - {*regions})
    ]
    if before is not None and found != before and found.version <= before.version:
        faults.append(f"version: must be more than {before.version}, for something was changed")
    return faults


def _roles_in_use(settings: Settings, name: str, levels: Sequence[str]) -> list[dict[str, str]]:
    from domicile.apps.operate import roles_giving  # noqa: PLC0415 - loads no server until it runs

    with explained():
        return asyncio.run(roles_giving(settings, name, frozenset(levels)))


def _facts(found: Service) -> dict[str, object]:
    return {
        "name": found.name,
        "title": found.title,
        "version": found.version,
        "regions": sorted(found.regions),
        "levels": list(found.levels),
        "kinds": [kind.name for kind in found.kinds],
        "meters": [meter.name for meter in found.meters],
    }


def _line(found: Service, *, has_credential: bool) -> dict[str, object]:
    return {
        **_facts(found),
        "regions": ", ".join(sorted(found.regions)) or "all",
        "levels": ", ".join(found.levels),
        "kinds": ", ".join(kind.name for kind in found.kinds),
        "credential": "yes" if has_credential else "no",
    }


def _told(
    found: Service,
    before: Service | None,
    withdrawn: Withdrawal | None,
    in_use: Sequence[dict[str, str]],
    faults: Sequence[str],
) -> dict[str, object]:
    told: dict[str, object] = {
        **_facts(found),
        "isSound": not faults,
        "faults": list(faults),
        "registeredVersion": before.version if before else None,
    }
    if withdrawn is None:
        return told
    return told | {
        "withdrawn": {
            "levels": list(withdrawn.levels),
            "permissions": [{"level": level, "permission": each} for level, each in withdrawn.permissions],
            "kinds": list(withdrawn.kinds),
            "regions": list(withdrawn.regions),
            "meters": list(withdrawn.meters),
        },
        "rolesInUse": list(in_use),
    }


def _tell(
    found: Service, before: Service | None, withdrawn: Withdrawal | None, in_use: Sequence[dict[str, str]]
) -> None:
    kinds = f"{len(found.kinds)} kinds" if len(found.kinds) != 1 else "1 kind"
    print(
        f"The manifest is sound by itself: {found.title}, version {found.version}, {len(found.levels)} levels, {kinds}."
    )
    if before is None or withdrawn is None:
        print("This installation has not registered it.")
        return
    if withdrawn.is_nothing:
        print(f"It withdraws nothing of version {before.version}, which is registered.")
        return
    print(f"It withdraws, of version {before.version}, which is registered:")
    for line in _withdrawals(withdrawn):
        print(f"- {line}")
    for role in in_use:
        print(
            f"  {role['region']}: the role {role['role']} of account {role['account']} gives {role['level']}"
        )


def _withdrawals(withdrawn: Withdrawal) -> list[str]:
    return [
        *(
            f"the level {level}: roles that give it grant nothing of it any more"
            for level in withdrawn.levels
        ),
        *(f"{permission} from {level}" for level, permission in withdrawn.permissions),
        *(f"the kind {kind}: its items cannot be reached any more" for kind in withdrawn.kinds),
        *(f"the region {region}: accounts there lose the service" for region in withdrawn.regions),
        *(f"the meter {meter}" for meter in withdrawn.meters),
    ]


@service.command(name="token")
def make_service_token(
    name: Annotated[str, Parameter(help="Name of the service in the configuration.")],
    /,
    *,
    output: Output = PLAIN,
) -> None:
    """Make the credential by which a service is known; it is shown now and never again."""
    token = new_service_token().reveal()
    mark = sha256(token.encode()).hexdigest()
    if output.json:
        show_document({"name": name, "token": token, "credentialSHA256": mark})
        return
    print(token)
    show_note(
        f"Give it to the service, and put this into the entry of {name} in the configuration of every node:"
    )
    show_note(f'credential_sha256 = "{mark}"')
