"""The options that commands share, read from the command line or the environment."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

DEFAULT_URL = "http://localhost:8800"


def _check_url(_: object, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            f"{url!r} is no address of a server: it begins with http:// or https:// and names a host."
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Output:
    """How the answer is shown."""

    json: Annotated[bool, Parameter(negative=(), help="Print JSON, exactly as the API gives it.")] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Server(Output):
    """Which server is spoken to."""

    url: Annotated[
        str, Parameter(env_var="DOMICILE_URL", validator=_check_url, help="Where the server is reached.")
    ] = DEFAULT_URL

    @property
    def base_url(self) -> str:
        """The address without a slash at the end, by which sessions are remembered."""
        return self.url.rstrip("/")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class InAccount(Server):
    """Which account the command acts in."""

    account: Annotated[
        str | None,
        Parameter(help="Id or alias of the account; without it: the one in use, or your only one."),
    ] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Paging:
    """Which part of a list is asked for; everything, if neither is given."""

    limit: Annotated[int | None, Parameter(help="One page of at most so many, instead of everything.")] = None
    cursor: Annotated[str | None, Parameter(help="The page that begins where an earlier one ended.")] = None


# Frozen, so that one instance can be the default of every command.
PLAIN = Output()
LOCAL = Server()
IN_USE = InAccount()
EVERYTHING = Paging()

AssumeYes = Annotated[bool, Parameter(name=["--yes", "-y"], negative=(), help="Do it without asking.")]
