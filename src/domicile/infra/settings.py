"""One TOML file and a few environment variables, typed, read once, each fault explained."""

import re
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, field

from domicile.infra.loopback import is_this_machine
from domicile.infra.mail.settings import MailSettings, decode_secret
from domicile.infra.network_settings import network_faults
from domicile.infra.password_settings import PasswordSettings, password_faults
from domicile.infra.relying_party import PasskeySettings, complete_passkeys, passkey_faults
from domicile.infra.root_key import RootKeySource, root_key_source
from domicile.infra.service_settings import (
    RegisteredService,
    ServiceSettings,
    credential_faults,
    read_services,
)
from domicile.infra.toml_reading import read_section
from domicile.kernel.ids import REGION_PATTERN, RegionId
from domicile.kernel.regions import Region
from domicile.kernel.roles import BUILT_IN, Catalogue
from domicile.kernel.services import registration_faults

_Minutes = Annotated[int, Meta(ge=1)]
_LARGEST_PORT = 65535
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_LONGEST_HOST = 253
_Port = Annotated[int, Meta(ge=0, le=_LARGEST_PORT)]


class SettingsError(Exception):
    """The configuration cannot be used; `faults` lists why, one sentence each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class ServerSettings(_Section, frozen=True, kw_only=True):
    """Where the server listens, and as what it is known."""

    host: str = "127.0.0.1"
    port: _Port = 8800
    public_url: str = ""
    """The address in links and tokens, without a slash at the end; default: host and port."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies, whose `X-Forwarded-For` is believed; nobody's by default."""
    continue_hosts: tuple[str, ...] = ()
    """Hosts beside this one to which the sign-in page may lead on, over https; none by default."""
    regions: tuple[str, ...] = ()
    """Ids of the regions that this node serves; default: all. For the others it needs no database and answers 421."""


class IdentitySettings(_Section, frozen=True, kw_only=True):
    """The database of people and of the directory."""

    database: str = ""
    """SQLAlchemy URL; default: the SQLite file `identity.db` in the data folder."""

    def __repr__(self) -> str:
        return "IdentitySettings(…)"


class RegionSettings(_Section, frozen=True, kw_only=True):
    """One region."""

    id: str
    name: str
    database: str = ""
    """SQLAlchemy URL; default: the SQLite file `region-<id>.db` in the data folder."""
    directory_database: str = ""
    """The database of identity and directory under this region's own role (`domicile region grants`); default: identity's address."""
    public_url: str = ""
    """The public address of the region's API, also in its tokens and in the links of its invitations; default: the server's."""
    open: bool = True
    """Whether new accounts may be created there."""
    discreet: bool = False
    """Whether alias and role stay in the region."""

    def __repr__(self) -> str:
        return f"RegionSettings({self.id})"


class SessionSettings(_Section, frozen=True, kw_only=True):
    """How long a session lasts (NIST SP 800-63B-4, section 2.2.3)."""

    idle_minutes: Annotated[int, Meta(ge=1, le=60)] = 30
    absolute_hours: Annotated[int, Meta(ge=1, le=24)] = 12


class WebhookSettings(_Section, frozen=True, kw_only=True):
    """Where services may be told what happens to accounts."""

    allowed_networks: tuple[str, ...] = ()
    """Addresses and networks inside that may be called, beside the public Internet; none by default."""


class ThrottlingSettings(_Section, frozen=True, kw_only=True):
    """How many attempts may fail (NIST SP 800-63B-4, section 3.2.2)."""

    most_failures: Annotated[int, Meta(ge=20, le=100)] = 100
    """Consecutive ones of one person and factor; then the factor has to be set up anew."""
    range_failures: Annotated[int, Meta(ge=5, le=10_000)] = 20
    """From one address (IPv6: /64) before strangers there have to wait; five times as many from the network around it."""


class LinkSettings(_Section, frozen=True, kw_only=True):
    """How long the links in mails are good for."""

    verify_hours: Annotated[int, Meta(ge=1, le=168)] = 24
    reset_minutes: Annotated[int, Meta(ge=5, le=1440)] = 30
    invitation_days: Annotated[int, Meta(ge=1, le=90)] = 7
    undo_days: Annotated[int, Meta(ge=1, le=30)] = 7
    """How long the former address can take a change of address back."""


class InvitationSettings(_Section, frozen=True, kw_only=True):
    """How much may be invited, so that nobody can have strangers flooded with mail."""

    per_account_per_day: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Invitations that one account may make within any 24 hours."""
    sends_per_invitation: Annotated[int, Meta(ge=1, le=100)] = 10
    """Times that a link of one invitation may be asked for, the first included."""
    mails_per_address_per_hour: Annotated[int, Meta(ge=1, le=1000)] = 5
    """Invitations that one address is mailed from one region within any hour, whoever invites; further ones wait."""


class AccountSettings(_Section, frozen=True, kw_only=True):
    """How long what was deleted can be brought back."""

    suspension_days: Annotated[int, Meta(ge=1, le=365)] = 30
    """From the deletion of an account until its data is deleted for good."""


class CourierSettings(_Section, frozen=True, kw_only=True):
    """How the courier tries."""

    park_after: Annotated[int, Meta(ge=1, le=100)] = 8
    """Failures after which a row is set aside for an operator."""


class AuditSettings(_Section, frozen=True, kw_only=True):
    """How long audit events of accounts are kept."""

    retention_days: Annotated[int, Meta(ge=30, le=3650)] = 365


_DEFAULT_REGIONS = (
    RegionSettings(id="us-1", name="United States"),
    RegionSettings(id="de-1", name="Germany"),
    RegionSettings(id="jp-1", name="Japan"),
)


class _File(_Section, frozen=True, kw_only=True):
    namespace: str = "domicile"
    secret_key_file: str = ""
    secret_key_command: tuple[str, ...] = ()
    server: ServerSettings = field(default_factory=ServerSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    regions: tuple[RegionSettings, ...] = _DEFAULT_REGIONS
    services: tuple[ServiceSettings, ...] = ()
    sessions: SessionSettings = field(default_factory=SessionSettings)
    passwords: PasswordSettings = field(default_factory=PasswordSettings)
    passkeys: PasskeySettings = field(default_factory=PasskeySettings)
    throttling: ThrottlingSettings = field(default_factory=ThrottlingSettings)
    links: LinkSettings = field(default_factory=LinkSettings)
    invitations: InvitationSettings = field(default_factory=InvitationSettings)
    accounts: AccountSettings = field(default_factory=AccountSettings)
    courier: CourierSettings = field(default_factory=CourierSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    mail: MailSettings | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """Everything an operator can say, completed with the defaults."""

    data: Path
    """Where the embedded default keeps its databases, its mailbox and its root key."""
    namespace: str
    """Second part of every URN."""
    root_key: RootKeySource
    server: ServerSettings
    identity_database: str
    regions: tuple[RegionSettings, ...]
    """In the order of the configuration, each with database and public address filled in."""
    services: tuple[RegisteredService, ...]
    """Beside those that Domicile itself registers."""
    sessions: SessionSettings
    passwords: PasswordSettings
    passkeys: PasskeySettings
    """Completed with what follows from the public address."""
    throttling: ThrottlingSettings
    links: LinkSettings
    invitations: InvitationSettings
    accounts: AccountSettings
    courier: CourierSettings
    webhooks: WebhookSettings
    audit: AuditSettings
    mail: MailSettings | None
    """None: the embedded mailbox catches every mail."""

    def __repr__(self) -> str:
        # Addresses of databases may hold their passwords.
        return f"Settings({self.data}, {', '.join(entry.id for entry in self.regions)})"

    @property
    def public_url(self) -> str:
        """The address of the platform in links, without a slash at the end."""
        return self.server.public_url

    @property
    def served_regions(self) -> tuple[RegionSettings, ...]:
        """The regions whose databases this node opens, in the order of the configuration."""
        wanted = self.server.regions
        return tuple(entry for entry in self.regions if not wanted or entry.id in wanted)

    def catalogue(self) -> Catalogue:
        """Give the services of the platform: the built-in ones, then those of the configuration in its order."""
        return Catalogue((*BUILT_IN, *(entry.service for entry in self.services)))

    def region_list(self) -> tuple[Region, ...]:
        """Give the regions as everyone may see them."""
        return tuple(
            Region(
                RegionId(entry.id),
                entry.name,
                entry.public_url,
                is_open=entry.open,
                is_discreet=entry.discreet,
            )
            for entry in self.regions
        )


def load_settings(
    config: Path | None,
    data: Path | None,
    environ: Mapping[str, str],
    *,
    port: int | None = None,
    host: str | None = None,
) -> Settings:
    """Read the configuration; arguments win over the environment, the environment over the file.

    `DOMICILE_CONFIG`, `DOMICILE_DATA`, `DOMICILE_PORT` and `DOMICILE_SECRET_KEY` are read from `environ`. Raises `SettingsError` with every fault found.
    """
    path = config or (Path(environ["DOMICILE_CONFIG"]) if environ.get("DOMICILE_CONFIG") else None)
    folder = data or Path(environ.get("DOMICILE_DATA") or "var")
    read = _read_file(path) if path else _File()
    server = _server(read.server, environ, port=port, host=host)
    identity = read.identity.database or _sqlite(folder / "identity.db")
    root_key, key_faults = root_key_source(
        folder / "secret.key", read.secret_key_file, read.secret_key_command, environ
    )
    services, service_faults = read_services(read.services, path.parent if path else Path(), folder)
    settings = Settings(
        data=folder,
        namespace=read.namespace,
        root_key=root_key,
        server=server,
        identity_database=identity,
        regions=tuple(_complete(entry, folder, server.public_url, identity) for entry in read.regions),
        services=services,
        sessions=read.sessions,
        passwords=read.passwords,
        passkeys=complete_passkeys(read.passkeys, server.public_url),
        throttling=read.throttling,
        links=read.links,
        invitations=read.invitations,
        accounts=read.accounts,
        courier=read.courier,
        webhooks=read.webhooks,
        audit=read.audit,
        mail=read.mail,
    )
    if faults := _faults(settings) + key_faults + service_faults:
        raise SettingsError(faults)
    return settings


def _read_file(path: Path) -> _File:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"{path} cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path} is not TOML: {error}"]) from None
    faults: list[str] = []
    read = read_section(_File, raw, faults, decode_secret)
    if read is None:
        raise SettingsError([f"{path}: {fault}" for fault in faults])
    return read


def _server(
    read: ServerSettings, environ: Mapping[str, str], *, port: int | None, host: str | None
) -> ServerSettings:
    named = environ.get("DOMICILE_PORT")
    if port is None and named:
        if not (named.isascii() and named.isdigit()):
            raise SettingsError([f"DOMICILE_PORT must be a port number, not {named!r}"])
        port = int(named)
    chosen = msgspec.structs.replace(read, port=read.port if port is None else port, host=host or read.host)
    if not 0 <= chosen.port <= _LARGEST_PORT:
        raise SettingsError([f"server.port: {chosen.port} is no port: the largest is {_LARGEST_PORT}"])
    if chosen.port == 0:
        chosen = msgspec.structs.replace(chosen, port=_free_port(chosen.host))
    return msgspec.structs.replace(
        chosen, public_url=(read.public_url or f"http://{_reachable(chosen.host)}:{chosen.port}").rstrip("/")
    )


def _free_port(host: str) -> int:
    """Ask the system for a port that nobody listens at."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((host, 0))
            return int(probe.getsockname()[1])
    except OSError as error:
        raise SettingsError([f"server.host: cannot listen at {host}: {error.strerror}"]) from None


def is_host_name(text: str) -> bool:
    """Tell whether a text is a host name in the one spelling that is compared: small ASCII letters, without scheme, port or final dot."""
    return len(text) <= _LONGEST_HOST and _HOST.fullmatch(text) is not None


def _reachable(host: str) -> str:
    """Write a host as it can stand in a link.

    One that means every address of this machine is no place to go to, and the machine itself goes by its name: browsers make passkeys
    for names alone.
    """
    if host in {"127.0.0.1", "::1", "0.0.0.0", "::"}:  # noqa: S104  # recognised, not listened at
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _sqlite(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


def _complete(entry: RegionSettings, folder: Path, public_url: str, identity: str) -> RegionSettings:
    return msgspec.structs.replace(
        entry,
        database=entry.database or _sqlite(folder / f"region-{entry.id}.db"),
        directory_database=entry.directory_database or identity,
        public_url=(entry.public_url or public_url).rstrip("/"),
    )


def _faults(settings: Settings) -> list[str]:
    faults: list[str] = []
    ids = [entry.id for entry in settings.regions]
    databases = [settings.identity_database, *(entry.database for entry in settings.regions)]
    if not ids:
        faults.append("regions: at least one region is needed")
    faults += [
        f"regions: {name!r} is not a region id such as de-1"
        for name in ids
        if not REGION_PATTERN.fullmatch(name)
    ]
    faults += [f"regions: {name!r} is there twice" for name in sorted({n for n in ids if ids.count(n) > 1})]
    faults += [
        f"server.regions: there is no region {name!r}" for name in settings.server.regions if name not in ids
    ]
    faults += [
        f"server.continue_hosts: {host!r} must be a host name alone, in small ASCII letters, such as app.example.com"
        for host in settings.server.continue_hosts
        if not is_host_name(host)
    ]
    if len(set(databases)) < len(databases):
        faults.append(
            "regions: every region, and identity, needs a database of its own; two entries share one"
        )
    for name, url in [
        ("server.public_url", settings.public_url),
        *((f"regions {e.id}", e.public_url) for e in settings.regions),
    ]:
        if not (
            url.startswith("https://")
            or (url.startswith("http://") and is_this_machine(urlsplit(url).hostname))
        ):
            faults.append(f"{name}: the public address must begin with https:// (or http:// on this machine)")
    for url in [*databases, *(entry.directory_database for entry in settings.regions)]:
        if not url.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
            faults.append(
                "database: an address must begin with sqlite+aiosqlite:/// or postgresql+asyncpg://"
            )
    faults += passkey_faults(settings.passkeys, settings.public_url)
    faults += network_faults(
        "server.trusted_proxies",
        settings.server.trusted_proxies,
        everybody="would believe everybody: name your proxies only",
    )
    faults += network_faults(
        "webhooks.allowed_networks",
        settings.webhooks.allowed_networks,
        everybody="would let services have anything inside called: name their networks only",
    )
    faults += registration_faults(
        [entry.service for entry in settings.services],
        built_in=[service.name for service in BUILT_IN],
        regions=frozenset(RegionId(entry.id) for entry in settings.regions),
    )
    faults += credential_faults(settings.services, ids)
    faults += password_faults(settings.passwords)
    if not settings.namespace.isalnum() or not settings.namespace.isascii():
        faults.append("namespace: must be ASCII letters and digits only")
    return faults
