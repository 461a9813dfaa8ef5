"""Whom passkeys are made for: the platform's own domain and nobody else's, on pages that browsers count as safe."""

from pathlib import Path

import pytest

from domicile.infra.settings import Settings, SettingsError, load_settings


def load(folder: Path, text: str) -> Settings:
    (folder / "domicile.toml").write_text(text)
    return load_settings(folder / "domicile.toml", folder, {})


def server(url: str, passkeys: str = "") -> str:
    return f'[server]\npublic_url = "{url}"\n[passkeys]\n{passkeys}'


@pytest.mark.parametrize(
    ("url", "rp_id", "origin"),
    [
        ("https://id.example.com", "id.example.com", "https://id.example.com"),
        ("https://ID.Example.com:443/", "id.example.com", "https://id.example.com"),
        ("https://id.example.com:8443", "id.example.com", "https://id.example.com:8443"),
        ("http://localhost:8800", "localhost", "http://localhost:8800"),
    ],
)
def test_by_itself_it_is_the_host_of_the_public_address(tmp_path: Path, url: str, rp_id: str, origin: str):
    passkeys = load(tmp_path, server(url)).passkeys

    assert passkeys.are_possible
    assert (passkeys.rp_id, passkeys.origins) == (rp_id, (origin,))


def test_a_server_on_one_machine_is_known_by_a_name_that_browsers_make_passkeys_for(tmp_path: Path):
    for host in ("127.0.0.1", "::1", "0.0.0.0", "::"):  # noqa: S104  # that is the point
        settings = load_settings(None, tmp_path, {}, host=host)
        assert settings.public_url == "http://localhost:8800"
        assert settings.passkeys.are_possible


@pytest.mark.parametrize("url", ["http://127.0.0.1:8800", "http://[::1]:8800", "https://192.0.2.7"])
def test_an_ip_address_has_no_passkeys_and_is_no_fault(tmp_path: Path, url: str):
    assert not load(tmp_path, server(url)).passkeys.are_possible


def test_a_parent_domain_and_further_pages_within_it_may_be_named(tmp_path: Path):
    wanted = (
        'rp_id = "example.com"\norigins = ["https://id.example.com", "https://console.example.com:8443"]\n'
    )

    passkeys = load(tmp_path, server("https://id.example.com", wanted)).passkeys

    assert passkeys.rp_id == "example.com"
    assert passkeys.origins == ("https://id.example.com", "https://console.example.com:8443")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ('rp_id = "customer.test"', "never a customer's domain"),
        ('rp_id = "console.id.example.com"', "or a parent domain"),
        ('rp_id = "ample.com"', "or a parent domain"),
        ('rp_id = "com"', "top-level domain"),
        ('rp_id = "https://id.example.com"', "without scheme"),
        ('rp_id = "id.example.com:443"', "without scheme"),
        ('rp_id = "ID.example.com"', "small ASCII letters"),
        ('rp_id = "bücher.example.com"', "small ASCII letters"),
        ('rp_id = "192.0.2.7"', "must be a domain"),
        ('rp_id = ".example.com"', "must be a domain"),
        ('rp_id = "example.com."', "must be a domain"),
        ('origins = ["https://id.example.com/"]', "host and port alone"),
        ('origins = ["https://id.example.com:443"]', "host and port alone"),
        ('origins = ["https://ann@id.example.com"]', "host and port alone"),
        ('origins = ["https://*.example.com"]', "not within"),
        ('origins = ["http://id.example.com"]', "https://"),
        ('origins = ["https://id.example.com.evil.test"]', "not within"),
        ('origins = ["https://id.example.com:x"]', "port"),
        ('origins = ["null"]', "host and port alone"),
        ('rp_name = ""', "rp_name"),
        ("rp_nam = 1", "no such setting"),
    ],
)
def test_what_a_browser_would_refuse_or_what_is_somebody_elses_is_explained(
    tmp_path: Path, wanted: str, said: str
):
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, server("https://id.example.com", wanted + "\n"))

    assert said in "\n".join(refused.value.faults)
