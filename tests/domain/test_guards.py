"""Guards of services: the first that fits decides, none is a refusal, and a list that cannot mean what it says is explained."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.kernel.guards import METHODS, MOST_GUARDS, Guard, GuardTable, guard_faults
from domicile.kernel.text import Refused

READ, CHANGE = "workload:policy:read", "workload:policy:update"
PERMISSIONS = frozenset({READ, CHANGE})


def guard(pattern: str, *methods: str, permission: str | None = READ, is_public: bool = False) -> Guard:
    return Guard(
        frozenset(methods) or METHODS, pattern, None if is_public else permission, is_public=is_public
    )


def faults(*guards: Guard) -> str:
    return "\n".join(guard_faults(guards, PERMISSIONS))


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("/", ["/"], ["/a"]),
        ("/a", ["/a"], ["/", "/a/b", "/ab", "/b"]),
        ("/a/*", ["/a/b", "/a/%20"], ["/a", "/a/b/c"]),
        ("/a/*/c", ["/a/b/c"], ["/a/c", "/a/b/b/c"]),
        ("/a/**", ["/a", "/a/b", "/a/b/c"], ["/", "/ab", "/b"]),
        ("/**", ["/", "/a", "/a/b"], []),
        ("/a.b", ["/a.b"], ["/aXb"]),
        ("/a/*/**", ["/a/b", "/a/b/c"], ["/a"]),
    ],
)
def test_a_pattern_fits_whole_paths(pattern: str, fits: list[str], fits_not: list[str]):
    table = GuardTable([guard(pattern)])
    assert [path for path in (*fits, *fits_not) if table.find("GET", path)] == fits


def test_the_first_guard_that_fits_decides():
    first, second, rest = guard("/a/x"), guard("/a/*", permission=CHANGE), guard("/**", is_public=True)
    table = GuardTable([first, second, rest])
    assert [table.find("GET", path) for path in ("/a/x", "/a/y", "/b")] == [first, second, rest]


def test_methods_count_and_get_stands_for_head():
    table = GuardTable([guard("/a", "GET"), guard("/a", "POST", permission=CHANGE)])
    found = {method: table.find(method, "/a") for method in (*METHODS, "TRACE", "get", "")}
    permissions = {method: each.permission for method, each in found.items() if each}
    assert permissions == {"GET": READ, "HEAD": READ, "POST": CHANGE}


def test_a_path_that_fits_another_guard_in_the_other_case_is_refused():
    table = GuardTable([guard("/admin/**", permission=CHANGE), guard("/**", is_public=True)])
    assert table.find("GET", "/other") is not None
    for path in ("/Admin", "/ADMIN/x"):
        with pytest.raises(Refused, match="case"):
            table.find("GET", path)


@pytest.mark.parametrize(
    ("guards", "told"),
    [
        ([guard("a")], "guards[0].path: 'a' must begin with /"),
        ([guard("/a/")], "guards[0].path: the segment ''"),
        ([guard("/a//b")], "the segment ''"),
        ([guard("/a/../b")], "the segment '..'"),
        ([guard("/a%2Fb")], "the segment 'a%2Fb'"),
        ([guard("/a*")], "the segment 'a*'"),
        ([guard("/a;b")], "the segment 'a;b'"),
        ([guard("/**/a")], "** can stand at the end alone"),
        ([guard("/" + "/".join("a" * 40))], "more than 32 segments"),
        ([guard("/a", "FETCH", "GET")], "guards[0].methods: FETCH cannot be guarded"),
        ([Guard(frozenset(), "/a", READ)], "methods: is empty"),
        ([guard("/a", permission="workload:policy:burn")], "full-access has no workload:policy:burn"),
        ([guard("/a/**"), guard("/a/b")], "guards[1].path: never decides, because guards[0]"),
        ([guard("/A"), guard("/a")], "guards[1].path: never decides"),
        ([guard("/a", "GET"), guard("/a", "HEAD")], "never decides"),
        ([guard("/a/*", "GET"), guard("/**", "PUT"), guard("/a/b", "GET", "PUT")], "guards[0], guards[1]"),
        ([guard(f"/{n}") for n in range(MOST_GUARDS + 1)], f"more than {MOST_GUARDS}"),
    ],
)
def test_each_fault_says_where_and_what_to_do(guards: list[Guard], told: str):
    assert told in faults(*guards)


def test_a_list_from_the_narrow_to_the_broad_is_sound():
    assert (
        faults(guard("/a/b", "GET"), guard("/a/b", "PUT"), guard("/a/*"), guard("/a/**"), guard("/**")) == ""
    )


_SEGMENTS = st.sampled_from(["a", "b", "A", "*"])
_PATTERNS = st.builds(
    lambda segments, rest: "/" + "/".join([*segments, *(["**"] if rest else [])]),
    st.lists(_SEGMENTS, max_size=3),
    st.booleans(),
)
_PATHS = ["/" + "/".join(parts) for length in range(4) for parts in product("abc", repeat=length)]


@given(patterns=st.lists(_PATTERNS, min_size=1, max_size=4))
def test_a_guard_that_is_said_never_to_decide_never_does_and_a_table_is_a_plain_look_through(
    patterns: list[str],
):
    guards = [guard(pattern, "GET") for pattern in patterns]
    table, alone = GuardTable(guards), [GuardTable([each]) for each in guards]
    deciding = set[int]()
    for path in _PATHS:
        try:
            found = table.find("GET", path)
            fitting = [n for n, each in enumerate(alone) if each.find("GET", path) is not None]
        except Refused:
            continue
        assert found is (guards[fitting[0]] if fitting else None)
        deciding |= set(fitting[:1])
    told = faults(*guards)
    assert [n for n in deciding if f"guards[{n}].path: never" in told] == []
