"""The console's style sheets and pictures, read once and served under addresses that change with their content (RFC 9111)."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, HeaderParameter, QueryParameter

_FOLDER = Path(__file__).parent / "static"
_CONTENT_TYPES = MappingProxyType({".css": "text/css", ".svg": "image/svg+xml", ".js": "text/javascript"})
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    content_type: str
    version: str


class StaticFiles:
    """The files of one folder, held in memory; a path is never built from a request."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._files = {path.name: _read(path) for path in folder.iterdir() if path.suffix in _CONTENT_TYPES}

    def url(self, name: str) -> str:
        """Give the address of a file, good for as long as its content stays the same."""
        return f"/static/{name}?v={self._files[name].version}"

    def respond(self, name: str, *, version: str | None, known: str | None) -> Response[bytes]:
        """Answer a request for a file, of which the browser may hold the entity tag `known` already."""
        file = self._files.get(name)
        if file is None:
            return Response(b"", status_code=404, media_type="text/plain")
        headers = {
            "Cache-Control": _FOR_EVER if version == file.version else _ASK_EACH_TIME,
            "ETag": f'"{file.version}"',
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        }
        is_known = known is not None and headers["ETag"] in known
        return Response(
            b"" if is_known else file.content,
            status_code=304 if is_known else 200,
            media_type=file.content_type,
            headers=headers,
        )


@cache
def load_static_files() -> StaticFiles:
    """Read the console's files, once in a process."""
    return StaticFiles()


def create_static_router() -> Router:
    """Make the routes under `/static`."""
    provide = Provide(load_static_files, sync_to_thread=False)
    return Router(
        "/static", route_handlers=[_get_file], dependencies={"static_files": provide}, include_in_schema=False
    )


@get("/{name:str}", sync_to_thread=False)
def _get_file(
    static_files: NamedDependency[StaticFiles],
    name: FromPath[str],
    version: Annotated[str | None, QueryParameter(name="v")] = None,
    known: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[bytes]:
    return static_files.respond(name, version=version, known=known)


def _read(path: Path) -> _File:
    content = path.read_bytes()
    return _File(content, _CONTENT_TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:16])
