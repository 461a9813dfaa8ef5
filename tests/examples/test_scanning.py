"""What the agent of the reference service sees of files: a folder, all below it, links, what cannot be read, and no more than it should."""

import os
from pathlib import Path

import pytest

from workload_security.agent.scanning import compare, look_at


def names(policy_path: str) -> list[str]:
    return [Path(path).name for path in look_at(policy_path)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a").write_text("a")
    (tmp_path / "inner" / "b").write_text("b")
    (tmp_path / "link").symlink_to("inner")
    return tmp_path


def test_a_path_is_a_file_or_a_folder_or_all_below_it(folder: Path):
    assert names(f"{folder}/a") == ["a"]
    assert names(str(folder)) == ["a", "link"]
    assert names(f"{folder}/**") == ["a", "b"]
    assert names(f"{folder}/nothing") == names(f"{folder}/a/b") == names(f"{folder}/a/**") == []


def test_each_part_of_a_state_counts(folder: Path):
    before = look_at(str(folder))
    (folder / "a").chmod(0o400)
    os.utime(folder / "link", (1, 1), follow_symlinks=False)
    (folder / "new").touch()
    (folder / "link").unlink()
    (folder / "link").symlink_to("elsewhere")

    found = compare(before, look_at(str(folder)))

    assert [(each.change, Path(each.path).name) for each in found] == [
        ("changed", "a"),
        ("changed", "link"),
        ("created", "new"),
    ]
    told = found[0].body()
    assert told["before"] != told["after"] and "before" not in found[2].body()


def test_what_is_no_plain_file_is_not_opened_and_a_name_that_is_no_text_is_told(folder: Path):
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"bad\xff")).touch()

    found = compare({}, look_at(str(folder)))

    told = {str(each.body()["path"]).rpartition("/")[2] for each in found}
    assert told == {"a", "link", "pipe", "bad\\xff"}
    (pipe,) = [each.after for each in found if each.path.endswith("pipe")]
    assert pipe is not None and (pipe.sha256, pipe.mode[0]) == ("", "p")


def test_a_folder_without_end_is_looked_at_in_part(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workload_security.agent.scanning.MOST_FILES", 1)

    assert names(f"{folder}/**") == ["a"]
