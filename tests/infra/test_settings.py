"""The configuration: sound without a file, overruled in one order, every fault explained at once and none guessed at."""

from pathlib import Path

import pytest

from domicile.infra.settings import Settings, SettingsError, load_settings

ONE_FILE = 'database = "sqlite+aiosqlite:////x.db"\n'
PASSWORD = "pw-canary-55d0"


def load(folder: Path, text: str = "", **environ: str) -> Settings:
    config = folder / "domicile.toml"
    config.write_text(text)
    return load_settings(config, folder, environ)


def faults_of(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load(folder, text, **environ)
    return "\n".join(refused.value.faults)


def test_without_a_file_there_are_three_regions_each_with_a_file_of_its_own(tmp_path: Path):
    settings = load_settings(None, tmp_path, {})

    assert [entry.id for entry in settings.regions] == ["us-1", "de-1", "jp-1"]
    databases = {settings.identity_database, *(entry.database for entry in settings.regions)}
    assert databases == {
        f"sqlite+aiosqlite:///{tmp_path}/{name}.db"
        for name in ("identity", "region-us-1", "region-de-1", "region-jp-1")
    }
    assert settings.public_url == "http://localhost:8800"
    assert settings.root_key.file == tmp_path / "secret.key"
    assert settings.mail is None


def test_arguments_win_over_the_environment_and_the_environment_over_the_file(tmp_path: Path):
    (tmp_path / "domicile.toml").write_text("[server]\nport = 1001\n")
    environ = {"DOMICILE_CONFIG": str(tmp_path / "domicile.toml"), "DOMICILE_DATA": str(tmp_path / "data")}

    assert load_settings(None, None, environ).server.port == 1001
    assert load_settings(None, None, environ).data == tmp_path / "data"
    environ["DOMICILE_PORT"] = "1002"
    assert load_settings(None, None, environ).server.port == 1002
    assert load_settings(None, None, environ, port=1003).server.port == 1003
    assert load_settings(None, tmp_path, environ).data == tmp_path


def test_a_public_address_is_taken_as_written_without_its_last_slash(tmp_path: Path):
    settings = load(tmp_path, '[server]\npublic_url = "https://id.example.com/"\n')

    assert settings.public_url == "https://id.example.com"
    assert {entry.public_url for entry in settings.regions} == {"https://id.example.com"}


def test_a_discreet_region_and_a_closed_one_are_known_as_such(tmp_path: Path):
    text = '[[regions]]\nid = "de-1"\nname = "Germany"\ndiscreet = true\nopen = false\n'

    (region,) = load(tmp_path, text).region_list()

    assert (region.is_discreet, region.is_open) == (True, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[regions]]\nid = "Germany"\nname = "x"\n', "not a region id"),
        ('[[regions]]\nid = "de-1"\nname = "x"\n[[regions]]\nid = "de-1"\nname = "y"\n', "there twice"),
        (f'[identity]\n{ONE_FILE}[[regions]]\nid = "de-1"\nname = "x"\n{ONE_FILE}', "a database of its own"),
        ('[identity]\ndatabase = "mysql://x"\n', "must begin with"),
        ('[server]\npublic_url = "id.example.com"\n', "https://"),
        ('[server]\nregions = ["us-9"]\n', "us-9"),
        ('[server]\nport = "x"\n', "port"),
        ("[server]\nprot = 1\n", "prot"),
        ("[sessions]\nidle_minutes = 0\n", "idle_minutes"),
        ("[sessions]\nidle_minutes = 61\n", "idle_minutes"),
        ("[sessions]\nabsolute_hours = 25\n", "absolute_hours"),
        ("[passwords]\nmin_length = 3\n", "min_length"),
        ("regions = []\n", "at least one region"),
        ("not toml", "TOML"),
        ('namespace = "a b"\n', "namespace"),
    ],
)
def test_each_fault_is_explained(tmp_path: Path, text: str, said: str):
    assert said in faults_of(tmp_path, text)


@pytest.mark.parametrize("port", ["x", "-1", "65536", "٣"])
def test_a_port_that_is_none_is_a_fault(tmp_path: Path, port: str):
    assert "port" in faults_of(tmp_path, "", DOMICILE_PORT=port).lower()


def test_faults_are_told_together(tmp_path: Path):
    text = 'namespace = "a b"\n[server]\npublic_url = "x"\n[[regions]]\nid = "X"\nname = "x"\n'

    assert len(faults_of(tmp_path, text).splitlines()) >= 3


def test_a_missing_file_is_a_fault(tmp_path: Path):
    with pytest.raises(SettingsError, match="nowhere"):
        load_settings(tmp_path / "nowhere.toml", tmp_path, {})


def test_a_fault_never_shows_the_password_of_a_database(tmp_path: Path):
    text = (
        f'[identity]\ndatabase = "mysql://user:{PASSWORD}@db/x"\n'
        f'[[regions]]\nid = "de-1"\nname = "x"\ndatabase = "mysql://user:{PASSWORD}@db/x"\n'
    )

    assert PASSWORD not in faults_of(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("min_length = 7", "min_length"),
        ("min_length = 65", "min_length"),
        ("min_length_with_factor = 7", "min_length_with_factor"),
        ("min_length = 12\nmin_length_with_factor = 13", "must not be more than passwords.min_length"),
        (
            'blocklist_file = "/nowhere/list.txt"',
            "/nowhere/list.txt cannot be read: No such file or directory",
        ),
        ('breached_url = "http://ranges.example.com/"', "passwords.breached_url: must begin with https://"),
        ('breached_url = "ranges.example.com"', "passwords.breached_url"),
        ('breached_url = "https://ranges.example.com/?q="', "without a query"),
        ('breached_url = "https://me:secret@ranges.example.com/"', "passwords.breached_url"),
        ('breached_url = "file:///etc/passwd"', "passwords.breached_url"),
        ('breached_url = "https://"', "passwords.breached_url"),
    ],
)
def test_a_fault_in_the_rules_for_passwords_is_explained(tmp_path: Path, line: str, said: str):
    assert said in faults_of(tmp_path, f"[passwords]\n{line}\n")


def test_lists_and_range_services_are_off_unless_they_are_named(tmp_path: Path):
    assert (load(tmp_path).passwords.blocklist_file, load(tmp_path).passwords.breached_url) == ("", "")
    (tmp_path / "list.txt").write_text("seven moons over acme\n", encoding="utf-8")
    text = f'[passwords]\nblocklist_file = "{tmp_path}/list.txt"\nbreached_url = "http://127.0.0.1:9/range"\n'
    passwords = load(tmp_path, text).passwords
    assert (passwords.min_length, passwords.min_length_with_factor) == (15, 8)
    assert passwords.blocklist_file == f"{tmp_path}/list.txt"
