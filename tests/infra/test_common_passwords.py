"""The passwords that everybody tries first."""

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from domicile.infra.guessing import estimate


def test_none_of_the_three_thousand_most_common_passwords_may_be_set():
    common = FREQUENCY_LISTS["passwords"][:3000]
    assert len(common) == 3000
    assert [each for each in common if estimate(each, ()).weakness is None] == []
