"""Hashes of other systems: each scheme verified, each absurd cost refused before it costs anything."""

import time

import pytest

from domicile.infra.imported_hashes import accept_hash, is_imported, matches
from domicile.kernel.text import Refused
from tests.support.old_hashes import SCHEMES, old_hash

PASSWORD = "pässwörd of old"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_hash_of_each_scheme_is_taken_over_and_verified(scheme: str):
    kept = accept_hash(old_hash(scheme, PASSWORD))

    assert is_imported(kept)
    assert matches(kept, PASSWORD)
    assert not matches(kept, PASSWORD + "!")
    assert not matches(kept, "")
    assert not matches(kept, "a\x00b")
    assert not matches(kept, "x" * 256)


# Made by other programs: SHA-crypt by `openssl passwd`, the last one is a test vector of the first bcrypt.
VECTORS = [
    (
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        "Hello world!",
    ),
    ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
    ("$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"),
    ("$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
]


@pytest.mark.parametrize(("text", "password"), VECTORS)
def test_published_vectors_are_verified(text: str, password: str):
    kept = accept_hash(text)
    assert matches(kept, password)
    assert not matches(kept, "another")


def test_a_bcrypt_hash_knows_the_first_72_bytes_and_the_password_is_then_hashed_whole():
    long = "a" * 72
    kept = accept_hash(old_hash("bcrypt", long))
    assert matches(kept, long)
    assert matches(kept, long + " and more")


@pytest.mark.parametrize(
    "text",
    [
        "$2b$31$abcdefghijklmnopqrstuuSNDjDqKAR1p5q6t2Fkyne3ZzuHx5rBi",
        "$2b$15$abcdefghijklmnopqrstuuSNDjDqKAR1p5q6t2Fkyne3ZzuHx5rBi",
        "$2b$03$abcdefghijklmnopqrstuuSNDjDqKAR1p5q6t2Fkyne3ZzuHx5rBi",
        "$scrypt$ln=30,r=8,p=1$c2FsdHNhbHRzYWx0$cHpMhGbeRp0CCR4",
        "$scrypt$ln=18,r=8,p=1$c2FsdHNhbHRzYWx0$cHpMhGbeRp0CCR4",
        "$scrypt$ln=14,r=64,p=9$c2FsdHNhbHRzYWx0$cHpMhGbeRp0CCR4",
        "$scrypt$ln=0,r=8,p=1$c2FsdHNhbHRzYWx0$cHpMhGbeRp0CCR4",
        "$pbkdf2-sha512$99999999$c2FsdA$cHpMhGbeRp0CCR4",
        "$pbkdf2-sha256$0$c2FsdA$cHpMhGbeRp0CCR4",
        "pbkdf2_sha256$4000000$salt$oC0DMILBNKszf47alt2YmpO4OOiZ0cYzUZ1bGgRrmXk=",
        "$6$rounds=999999999$saltstring$" + "a" * 86,
        "$5$rounds=10$saltstring$" + "a" * 43,
        "$argon2id$v=19$m=4194304,t=3,p=1$c2FsdHNhbHRzYWx0$" + "a" * 43,
        "$argon2id$v=19$m=65536,t=1000,p=1$c2FsdHNhbHRzYWx0$" + "a" * 43,
        "$argon2id$v=19$m=65536,t=3,p=200$c2FsdHNhbHRzYWx0$" + "a" * 43,
    ],
)
def test_a_cost_that_would_hold_everybody_up_is_refused_at_once_and_never_paid(text: str):
    begun = time.thread_time()
    with pytest.raises(Refused, match="cost"):
        accept_hash(text)
    assert not matches(f"imported:{text}", PASSWORD)
    assert time.thread_time() - begun < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
        "{SSHA}c2FsdA==",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "imported:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n",
        "$argon2id$v=19$m=ⅷ,t=3,p=1$c2FsdHNhbHRzYWx0$" + "a" * 43,
        "$6$saltstring$" + "a" * 600,
    ],
)
def test_what_is_no_hash_that_is_known_is_refused(text: str):
    with pytest.raises(Refused, match="not a hash that can be taken over"):
        accept_hash(text)
    assert not matches(f"imported:{text}", PASSWORD)


@pytest.mark.parametrize(
    "text",
    [
        "$6$saltstring$" + "a" * 43,
        "$5$saltstring$" + "a" * 86,
        "$pbkdf2-sha256$10$c2FsdA$short",
        "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0$x",
    ],
)
def test_a_damaged_hash_is_refused(text: str):
    with pytest.raises(Refused, match="damaged"):
        accept_hash(text)
