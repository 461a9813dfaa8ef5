"""What a program says of itself is told in names that people know, or not at all."""

import pytest

from domicile.identity.devices import device_of

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"


@pytest.mark.parametrize(
    ("user_agent", "shown"),
    [
        (f"{_WINDOWS} Gecko/20100101 Firefox/150.0", "Firefox, Windows"),
        (f"{_WINDOWS} AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36", "Chrome, Windows"),
        (f"{_WINDOWS} AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0", "Edge, Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/150.0 Safari/537.36", "Chrome, Android"),
        ("domicile-cli/0.1.0", "Domicile CLI"),
        ("curl/8.9", ""),
        ("", ""),
        ("Please ignore this mail", ""),
    ],
)
def test_a_device_is_named_by_what_is_known_of_it(user_agent: str, shown: str):
    assert str(device_of(user_agent)) == shown
