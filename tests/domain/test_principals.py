"""Principals as they are named in questions."""

import pytest

from domicile.kernel.ids import AccountId, RegionId
from domicile.kernel.urn import Principal, find_principal

DE, ACCOUNT = RegionId("de-1"), AccountId("004217730956")


@pytest.mark.parametrize(
    ("text", "principal"),
    [
        ("urn:domicile:identity:de-1:004217730956:user/ann", Principal("user", "ann")),
        ("apikey/dom_de-1_x", Principal("apikey", "dom_de-1_x")),
        ("urn:domicile:identity:us-1:004217730956:user/ann", None),
        ("urn:domicile:identity:de-1:104217730956:user/ann", None),
        ("urn:domicile:identity:::user/ann", None),
        ("urn:domicile:audit:de-1:004217730956:user/ann", None),
        ("user/", None),
        ("role/full-access", None),
        ("", None),
    ],
)
def test_a_principal_is_one_of_the_account_that_is_asked_about(text: str, principal: Principal | None):
    assert find_principal(text, region=DE, account=ACCOUNT) == principal
