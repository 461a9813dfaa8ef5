"""The root key comes from one place, and is told by none: not by errors, prints or the list of processes."""

import time
from pathlib import Path

import pytest

from domicile.infra.root_key import RootKeySource
from domicile.infra.secrets import SecretText
from domicile.infra.settings import Settings, SettingsError, load_settings

KEY = "c0ffee11" * 8
OTHER = "5eed5eed" * 8


def load(folder: Path, text: str = "", **environ: str) -> Settings:
    config = folder / "domicile.toml"
    config.write_text(text)
    return load_settings(config, folder, environ)


def faults_of(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load(folder, text, **environ)
    return refused.value.faults


def script(folder: Path, body: str) -> str:
    path = folder / "fetch-key"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return str(path)


def refused_by(source: RootKeySource) -> str:
    with pytest.raises(ValueError, match=r".") as refused:
        source.open()
    (fault,) = source.faults()
    assert fault == str(refused.value)
    return fault


def test_each_source_gives_the_same_key(tmp_path: Path):
    (tmp_path / "root.key").write_text(f"{KEY}\n")
    command = script(tmp_path, f'echo "  {KEY}"; echo')

    sources = [
        load(tmp_path, f'secret_key_file = "{tmp_path / "root.key"}"').root_key,
        load(tmp_path, f'secret_key_command = ["{command}", "--any", "argument"]').root_key,
        load(tmp_path, DOMICILE_SECRET_KEY=KEY).root_key,
    ]

    assert len({source.open().derive("x") for source in sources}) == 1
    assert [source.name for source in sources] == [
        str(tmp_path / "root.key"),
        "secret_key_command",
        "DOMICILE_SECRET_KEY",
    ]
    assert not (tmp_path / "secret.key").exists()


@pytest.mark.parametrize(
    ("text", "environ", "named"),
    [
        (
            'secret_key_file = "/run/key"\nsecret_key_command = ["/bin/fetch"]',
            {},
            "2 sources, secret_key_file and secret_key_command",
        ),
        (
            'secret_key_file = "/run/key"',
            {"DOMICILE_SECRET_KEY": KEY},
            "2 sources, secret_key_file and DOMICILE_SECRET_KEY",
        ),
        (
            'secret_key_command = ["/bin/fetch"]',
            {"DOMICILE_SECRET_KEY": KEY},
            "2 sources, secret_key_command and DOMICILE_SECRET_KEY",
        ),
    ],
)
def test_two_sources_at_once_are_refused_by_their_names(
    tmp_path: Path, text: str, environ: dict[str, str], named: str
):
    (fault,) = faults_of(tmp_path, text, **environ)

    assert named in fault
    assert "give exactly one" in fault
    assert KEY not in fault


@pytest.mark.parametrize("given", ["pw-canary-55d0", KEY[:-2], f"0x{KEY}", "ö" * 64])
def test_what_is_no_key_in_the_environment_is_refused_without_being_shown(tmp_path: Path, given: str):
    (fault,) = faults_of(tmp_path, "", DOMICILE_SECRET_KEY=given)

    assert fault == "DOMICILE_SECRET_KEY must hold at least 64 hexadecimal digits"


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path):
    assert load(tmp_path, DOMICILE_SECRET_KEY="").root_key.name == str(tmp_path / "secret.key")


def test_a_program_must_be_named_by_its_whole_path(tmp_path: Path):
    (fault,) = faults_of(tmp_path, 'secret_key_command = ["vault", "kv", "get"]')

    assert "whole path" in fault


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (f"echo {KEY} >&2; echo {OTHER}; exit 3", "ended with status 3"),
        (f"echo 'error: {KEY}'", "must hold at least 64 hexadecimal digits"),
        ("head -c 5000 /dev/zero | tr '\\0' a", "wrote something else than a key"),
        ("printf '\\377\\376'", "wrote something else than a key"),
        ("exit 0", "must hold at least 64 hexadecimal digits"),
        ("cat", "must hold at least 64 hexadecimal digits"),
    ],
)
def test_a_command_that_gives_no_key_is_refused_without_its_words(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], body: str, why: str
):
    source = RootKeySource(tmp_path / "secret.key", (script(tmp_path, body),))

    fault = refused_by(source)

    assert fault.startswith("secret_key_command")
    assert why in fault
    said = fault + "".join(capfd.readouterr())
    assert KEY not in said
    assert OTHER not in said


def test_a_command_that_is_not_there_is_refused(tmp_path: Path):
    assert "No such file" in refused_by(RootKeySource(tmp_path / "k", (str(tmp_path / "none"),)))


def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("domicile.infra.root_key._COMMAND_SECONDS", 0.3)
    mark = tmp_path / "survived"
    source = RootKeySource(tmp_path / "k", (script(tmp_path, f"(sleep 1.5; touch {mark}) & sleep 60"),))
    begun = time.monotonic()

    with pytest.raises(ValueError, match="did not end within"):
        source.open()

    assert time.monotonic() - begun < 5
    with pytest.raises(ValueError, match="did not end within"):
        RootKeySource(tmp_path / "k", ("/bin/sleep", "3")).open()
    monkeypatch.setattr("domicile.infra.root_key._COMMAND_SECONDS", 2.0)
    with pytest.raises(ValueError, match="did not end within"):
        RootKeySource(tmp_path / "k", ("/bin/sleep", "3")).open()
    assert not mark.exists()


def test_arguments_of_the_command_are_no_shell(tmp_path: Path):
    source = RootKeySource(tmp_path / "k", ("/bin/echo", f"{KEY}; touch {tmp_path / 'made'}"))

    with pytest.raises(ValueError, match="hexadecimal"):
        source.open()
    assert not (tmp_path / "made").exists()


def test_looking_for_faults_makes_no_key(tmp_path: Path):
    source = RootKeySource(tmp_path / "data" / "secret.key")

    assert source.faults() == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_could_not_be_made_is_a_fault(tmp_path: Path):
    (tmp_path / "in the way").write_text("")

    (fault,) = RootKeySource(tmp_path / "in the way" / "secret.key").faults()

    assert "cannot be made" in fault


def test_a_file_that_holds_no_text_is_refused(tmp_path: Path):
    (tmp_path / "secret.key").write_bytes(bytes(range(128, 192)))

    assert "64 hexadecimal" in refused_by(RootKeySource(tmp_path / "secret.key"))


def test_a_folder_in_the_place_of_the_file_is_a_fault(tmp_path: Path):
    (fault,) = RootKeySource(tmp_path).faults()

    assert fault == f"{tmp_path} cannot be read: Is a directory"


def test_nothing_that_is_printed_holds_the_key_or_an_argument(tmp_path: Path):
    shown = repr(RootKeySource(tmp_path, ("/bin/fetch", "--token=pw-canary"), SecretText(KEY)))
    shown += repr(RootKeySource(tmp_path, ("/bin/fetch", "--token=pw-canary")))
    settings = load(tmp_path, DOMICILE_SECRET_KEY=KEY)

    assert KEY not in shown + repr(settings) + str(settings)
    assert "canary" not in shown
