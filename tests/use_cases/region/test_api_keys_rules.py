"""The rules of what may be said of an API key, for any input."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domicile.kernel.errors import DomainError
from domicile.kernel.ids import RegionId
from domicile.kernel.permissions import (
    AccountStanding,
    AccountState,
    ApiKeyStanding,
    Circumstances,
    Standing,
    decide,
)
from domicile.kernel.roles import FULL_ACCESS, PREDEFINED_ROLES
from domicile.kernel.text import Refused
from domicile.kernel.urn import Principal
from domicile.region.api_keys.domain import (
    LONGEST_LIFE,
    NEVER,
    ApiKeyChange,
    ApiKeyWish,
    check_address,
    check_expiry,
    check_network,
    networks_of,
    parse_api_key_change,
    parse_new_api_key,
    parse_overlap,
)
from tests.support.region import ACCOUNT

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

MAPPED = ip_network("::ffff:0:0/96")

addresses = st.ip_addresses().filter(lambda address: address not in MAPPED)


@st.composite
def networks(draw: st.DrawFn):
    address = draw(addresses)
    return ip_network((address, draw(st.integers(0, address.max_prefixlen))), strict=False)


@given(addresses)
def test_an_address_is_accepted_in_any_spelling_and_kept_in_one(address: IPv4Address | IPv6Address):
    spellings = {str(address), address.exploded, str(address).upper()}

    assert {check_address(spelling) for spelling in spellings} == {str(address)}


@given(networks())
def test_a_network_is_accepted_in_any_spelling_and_kept_in_one(network):
    assume(network.version == 4 or not network.subnet_of(MAPPED))
    spellings = {str(network), network.exploded, str(network).upper()}

    assert {check_network(spelling) for spelling in spellings} == {str(network)}


@given(addresses, st.data())
def test_a_network_with_host_bits_is_refused_naming_the_one_that_was_meant(address, data: st.DataObject):
    prefix = data.draw(st.integers(0, address.max_prefixlen - 1))
    meant = ip_network((address, prefix), strict=False)
    assume(meant.network_address != address)

    with pytest.raises(Refused) as refused:
        check_network(f"{address}/{prefix}")

    assert str(meant) in str(refused.value)


@given(addresses, networks(), st.lists(addresses, max_size=3), st.lists(networks(), max_size=3))
def test_the_decision_agrees_with_the_lists(caller, network, ips, cidrs):
    kept = networks_of([str(ip) for ip in ips], [str(cidr) for cidr in [network, *cidrs]])
    role = PREDEFINED_ROLES[FULL_ACCESS]
    place = ApiKeyStanding(is_enabled=True, expiry=None, networks=kept, role=role)
    standing = Standing(
        Principal("apikey", "dom_de-1_x"),
        AccountStanding(ACCOUNT, RegionId("de-1"), AccountState.ACTIVE),
        place,
    )
    inside = caller in ips or any(caller in cidr for cidr in [network, *cidrs])

    assert decide(standing, "identity:user:read", Circumstances(NOW, caller)).allowed is inside


@given(st.text(max_size=60))
def test_whatever_is_typed_is_either_a_canonical_value_or_refused(text: str):
    for rule, read in ((check_address, ip_address), (check_network, ip_network)):
        try:
            kept = rule(text)
        except Refused:
            continue
        assert str(read(kept)) == kept
        assert rule(kept) == kept


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must be an IPv4 or IPv6 address"),
        ("192.0.2", "must be an IPv4 or IPv6 address"),
        ("192.0.2.256", "must be an IPv4 or IPv6 address"),
        ("192.0.02.1", "must be an IPv4 or IPv6 address"),
        ("3221225985", "must be an IPv4 or IPv6 address"),
        ("192.0.2.1/32", "must be an IPv4 or IPv6 address"),
        (" 192.0.2.1", "must be an IPv4 or IPv6 address"),
        ("192.0.2.1\0", "must be an IPv4 or IPv6 address"),
        ("١٩٢.0.2.1", "must be an IPv4 or IPv6 address"),
        ("fe80::1%eth0", "must not have a zone"),
        ("::ffff:192.0.2.1", "must be written as the IPv4 address 192.0.2.1"),
        ("::ffff:c000:201", "must be written as the IPv4 address 192.0.2.1"),
        ("example.com", "must be an IPv4 or IPv6 address"),
    ],
)
def test_what_is_no_address_is_refused_with_its_reason(text: str, reason: str):
    with pytest.raises(Refused) as refused:
        check_address(text)

    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("192.0.2.0", "must be a network such as 192.0.2.0/24"),
        ("192.0.2.0/", "must be a network such as 192.0.2.0/24"),
        ("192.0.2.0/33", "must be a network such as 192.0.2.0/24 or 2001:db8::/32"),
        ("192.0.2.0/-1", "must be a network such as 192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "must be a network such as 192.0.2.0/24"),
        ("192.0.2.0/0.0.0.255", "must be a network such as 192.0.2.0/24"),
        ("192.0.2.0/24/24", "must be a network such as 192.0.2.0/24"),
        ("2001:db8::/129", "must be a network such as 192.0.2.0/24 or 2001:db8::/32"),
        ("fe80::%eth0/64", "must not have a zone"),
        ("::ffff:0:0/96", "must be written as an IPv4 network"),
        ("::ffff:192.0.2.0/120", "must be written as an IPv4 network"),
        ("10.0.0.1/8", "has bits set beyond its prefix: the network is 10.0.0.0/8"),
        ("2001:db8::1/32", "has bits set beyond its prefix: the network is 2001:db8::/32"),
    ],
)
def test_what_is_no_network_is_refused_with_its_reason(text: str, reason: str):
    with pytest.raises(Refused) as refused:
        check_network(text)

    assert str(refused.value) == reason


def test_repeats_are_folded_and_faults_name_their_places():
    change = parse_api_key_change(
        ApiKeyWish(allowed_ips=["2001:DB8::1", "192.0.2.1", "2001:db8:0::1"]), now=NOW
    )
    with pytest.raises(DomainError) as refused:
        parse_api_key_change(ApiKeyWish(allowed_cidrs=["10.0.0.0/8", "10.0.0.1/8", "x"]), now=NOW)

    assert change == ApiKeyChange(allowed_ips=("2001:db8::1", "192.0.2.1"))
    assert refused.value.fields == {
        "allowedCIDRs": "entry 2 has bits set beyond its prefix: the network is 10.0.0.0/8; "
        "entry 3 must be a network such as 192.0.2.0/24"
    }


def test_a_list_holds_fifty_entries_and_not_one_more():
    fifty = [f"192.0.2.{n}" for n in range(50)]

    assert parse_api_key_change(ApiKeyWish(allowed_ips=fifty), now=NOW).allowed_ips == tuple(fifty)
    with pytest.raises(DomainError) as refused:
        parse_api_key_change(ApiKeyWish(allowed_ips=[*fifty, "192.0.2.99"]), now=NOW)
    assert refused.value.fields == {"allowedIPs": "must have at most 50 entries"}


def test_all_faults_are_told_at_once():
    wish = ApiKeyWish(
        alias=" ",
        description="two\nlines",
        role="Not A Role",
        locale="xx",
        time_zone="Mars/Olympus",
        allowed_ips=["x"],
        allowed_cidrs=["y"],
        expiry="tomorrow",
    )

    with pytest.raises(DomainError) as refused:
        parse_new_api_key(wish, now=NOW)

    named = "alias description roleID locale timezone allowedIPs allowedCIDRs expiry"
    assert set(refused.value.fields) == set(named.split())


@pytest.mark.parametrize("alias", ["", "  ", "x" * 101, "a\nb", "a\0b", "\u202egnp.exe", "\u200d"])
def test_an_alias_is_one_visible_line_of_at_most_a_hundred_characters(alias: str):
    with pytest.raises(DomainError) as refused:
        parse_new_api_key(ApiKeyWish(alias=alias, role="full-access"), now=NOW)

    assert set(refused.value.fields) == {"alias"}


def test_a_description_may_be_empty_and_has_at_most_five_hundred_characters():
    assert parse_api_key_change(ApiKeyWish(description=" "), now=NOW).description == ""
    assert parse_api_key_change(ApiKeyWish(description="x" * 500), now=NOW).description == "x" * 500
    with pytest.raises(DomainError):
        parse_api_key_change(ApiKeyWish(description="x" * 501), now=NOW)


def test_what_is_not_said_of_a_new_key_has_its_default():
    new = parse_new_api_key(ApiKeyWish(alias="Deployment", role="full-access", expiry=NEVER), now=NOW)

    assert (new.is_enabled, new.allowed_ips, new.allowed_cidrs, new.expires_at) == (True, (), (), None)
    assert (new.description, new.locale, new.time_zone) == ("", "en", "UTC")


@given(st.integers(1, int(LONGEST_LIFE.total_seconds())), st.integers(-14 * 60, 14 * 60))
def test_an_expiry_may_be_written_with_any_offset(seconds: int, minutes: int):
    moment = NOW + timedelta(seconds=seconds)
    local = moment + timedelta(minutes=minutes)
    sign, rest = ("-" if minutes < 0 else "+"), abs(minutes)
    written = f"{local:%Y-%m-%dT%H:%M:%S}{sign}{rest // 60:02d}:{rest % 60:02d}"

    assert check_expiry(written, now=NOW) == moment
    assert check_expiry(f"{moment:%Y-%m-%dT%H:%M:%SZ}", now=NOW) == moment


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        (NOW, "must lie in the future"),
        (NOW + SECOND, None),
        (NOW + LONGEST_LIFE, None),
        (NOW + LONGEST_LIFE + SECOND, "must be at most ten years away"),
    ],
)
def test_an_expiry_lies_in_the_future_and_within_ten_years(moment: datetime, reason: str | None):
    told = None
    try:
        check_expiry(f"{moment:%Y-%m-%dT%H:%M:%SZ}", now=NOW)
    except Refused as refused:
        told = str(refused)

    assert told == reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2030-01-31",
        "2030-01-31T12:00:00",
        "2030-01-31T12:00:00.5Z",
        "2030-01-31 12:00:00Z",
        "2030-02-30T12:00:00Z",
        "2030-01-31T12:00:60Z",
        "2030-01-31T12:00:00+24:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2030-01-31T12:00:00Z\n",
        "٢030-01-31T12:00:00Z",
    ],
)
def test_what_is_no_moment_of_whole_seconds_is_refused(text: str):
    with pytest.raises(Refused):
        check_expiry(text, now=NOW)


@pytest.mark.parametrize(("seconds", "fine"), [(-1, False), (0, True), (604_800, True), (604_801, False)])
def test_an_overlap_lasts_from_nothing_to_a_week(seconds: int, fine: bool):
    if fine:
        assert parse_overlap(seconds) == timedelta(seconds=seconds)
        return
    with pytest.raises(DomainError) as refused:
        parse_overlap(seconds)
    assert set(refused.value.fields) == {"overlapSeconds"}


def test_an_overlap_lasts_a_day_if_nothing_is_said():
    assert parse_overlap(None) == timedelta(days=1)
