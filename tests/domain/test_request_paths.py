"""Paths of requests are read in one way or refused: whatever a server makes of one later, it is what was decided on."""

import posixpath
import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.kernel.request_paths import LONGEST_PATH, read_path
from domicile.kernel.text import Refused

_TRICKS = ("..", ".", "//", "%2e", "%2E", "%2f", "%5c", "%00", "%25", "%c0%af", "%3b", "\\", ";", "?", "%41")
_PIECES = st.sampled_from(
    [*_TRICKS, "/", "a", "policies", "é", "%C3%A9", "~", "%7E", "*", "@", " ", "%20", "\n"]
)
_TARGETS = st.lists(_PIECES, max_size=12).map(lambda pieces: "/" + "".join(pieces)) | st.text(max_size=30)


def read(target: str) -> str | None:
    try:
        return read_path(target)
    except Refused:
        return None


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/?a=/../b", "/"),
        ("/policies/etc", "/policies/etc"),
        ("/policies/etc/", "/policies/etc"),
        ("/policies/etc?x=%2F%00", "/policies/etc"),
        ("/%70olicies/%7Eann", "/policies/~ann"),
        ("/policies/a%20b", "/policies/a%20b"),
        ("/policies/%c3%a9", "/policies/%C3%A9"),
        ("/policies/a:b@c=d,e!", "/policies/a:b@c=d,e!"),
        ("/policies/v1..2", "/policies/v1..2"),
        ("/policies/100%25", "/policies/100%25"),
        ("/.well-known/x", "/.well-known/x"),
        ("/Policies", "/Policies"),
    ],
)
def test_a_path_is_brought_into_its_normal_form(target: str, path: str):
    assert read_path(target) == path


@pytest.mark.parametrize(
    "target",
    [
        "",
        "policies",
        "http://example.com/policies",
        "*",
        "//policies",
        "/policies//etc",
        "/policies//",
        "/./policies",
        "/policies/.",
        "/policies/..",
        "/policies/../health",
        "/policies/%2e%2e/health",
        "/policies/.%2E/health",
        "/health%2f..%2fpolicies",
        "/health\\..\\policies",
        "/health%5c..",
        "/policies;v=1/etc",
        "/policies%3bv=1",
        "/policies%00.txt",
        "/policies\x00",
        "/policies%0d%0aX: y",
        "/policies%7F",
        "/%252e%252e/policies",
        "/%2525%32e",
        "/policies/%c0%ae%c0%ae",
        "/policies/%c0%af",
        "/policies/%e0%80%af",
        "/policies/%ed%a0%80",
        "/policies/%ff",
        "/policies/%e2%80%8b",
        "/policies/%",
        "/policies/%g1",
        "/policies/é",
        "/policies/a b",
        "/policies#x",
        "/policies/{x}",
        "/" + "a" * LONGEST_PATH,
    ],
)
def test_a_path_that_could_be_read_otherwise_is_refused(target: str):
    with pytest.raises(Refused):
        read_path(target)


@given(target=_TARGETS)
def test_what_is_read_has_one_reading_alone(target: str):
    path = read(target)
    if path is None:
        return
    decoded = unquote(path)
    segments = decoded[1:].split("/")
    assert read(path) == path
    assert path.count("/") == decoded.count("/")
    assert path == "/" or not {"", ".", ".."} & set(segments)
    assert posixpath.normpath(decoded) == decoded
    assert not re.search(r"[;\\\x00-\x1f\x7f]", decoded)
    assert unquote(decoded) == decoded


@given(
    segments=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), min_size=1, max_size=5)
)
def test_every_spelling_of_one_path_is_read_as_one(segments: list[str]):
    plain = "/" + "/".join(quote(segment, safe="") for segment in segments)
    everything = "/" + "/".join("".join(f"%{octet:02x}" for octet in s.encode()) for s in segments)
    assert read(plain) == read(everything) == read(plain + "?query") == (read(plain + "/") or read(plain))
