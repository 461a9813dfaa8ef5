"""The operator's own list: read once, compared whatever the case, small in memory, its faults explained."""

import tracemalloc
from pathlib import Path

import pytest
import structlog.testing

from domicile.infra.blocklist import LARGEST_FILE_BYTES, Blocklist, file_fault


@pytest.fixture
def list_file(tmp_path: Path) -> Path:
    path = tmp_path / "list.txt"
    path.write_bytes(
        "\ufeffAcme Rockets Forever\r\nstraße nach süden\n\n# hash marks too\nno line break at the end".encode()
    )
    return path


@pytest.mark.parametrize(
    "password",
    [
        "Acme Rockets Forever",
        "acme rockets FOREVER",
        "\uff41\uff43\uff4d\uff45 rockets forever",
        "STRASSE NACH SU\u0308DEN",
        "# hash marks too",
        "no line break at the end",
    ],
)
def test_a_password_is_found_whatever_its_case_and_width(list_file: Path, password: str):
    assert Blocklist(list_file).has(password)


@pytest.mark.parametrize(
    "password", ["Acme Rockets Forever ", "Acme Rockets", "", "\ufeffacme rockets forever"]
)
def test_only_whole_passwords_are_found(list_file: Path, password: str):
    assert not Blocklist(list_file).has(password)


def test_the_file_is_read_once(list_file: Path):
    listed = Blocklist(list_file)
    assert listed.has("acme rockets forever")
    list_file.unlink()
    assert listed.has("acme rockets forever")
    assert not listed.has("an orchard under seven moons")


def test_a_list_that_is_gone_refuses_nothing_and_is_logged(list_file: Path):
    listed = Blocklist(list_file)
    list_file.unlink()
    with structlog.testing.capture_logs() as logs:
        assert not listed.has("acme rockets forever")
    assert [(line["event"], line["error"], line["log_level"]) for line in logs] == [
        ("blocklist_unreadable", "FileNotFoundError", "error")
    ]
    assert "acme" not in str(logs)


def test_a_hundred_thousand_passwords_take_two_and_a_half_megabytes(tmp_path: Path):
    path = tmp_path / "long.txt"
    path.write_text("".join(f"password number {number}\n" for number in range(100_000)), encoding="utf-8")
    listed = Blocklist(path)
    tracemalloc.start()
    try:
        assert listed.has("Password Number 99999")
        assert tracemalloc.get_traced_memory()[0] < 2_500_000
    finally:
        tracemalloc.stop()
    assert listed.has("password number 0")
    assert not listed.has("password number 100000")


def test_faults_of_the_file_are_explained(tmp_path: Path):
    path = tmp_path / "list.txt"
    assert file_fault(path) == f"{path} cannot be read: No such file or directory"
    path.write_bytes(b"")
    assert file_fault(path) == f"{path} has no line with a password"
    path.write_bytes("motörhead".encode("latin-1"))
    assert file_fault(path) == f"{path} is not UTF-8: one password a line, without anything else"
    path.write_bytes(b"x" * (LARGEST_FILE_BYTES + 1))
    assert file_fault(path) == f"{path} has 16,777,217 bytes; 16,777,216 at most"
    path.write_bytes(b"one password\n")
    assert file_fault(path) is None
