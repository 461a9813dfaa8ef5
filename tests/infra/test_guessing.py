"""How many guesses a password is said to withstand, and how long that takes to say."""

import subprocess
import sys
import threading
import time

import pytest

from domicile.infra.guessing import estimate
from domicile.kernel.strength import Weakness

CONTEXT = ("ann@example.com", "ann", "example", "domicile")
BOMBS = [
    "4@8({[<369&#!1/|0$5+7%2" * 11,
    "@8{3g6!1|0$5+7%2zxcvbnm4<[(9lio" * 8,
    "a" * 256,
    "ab" * 128,
    "19901990" * 32,
    "qwertyuiop" * 25,
    "1" * 128 + "2" * 128,
    "\U0001f469\u200d\U0001f52c" * 85,
]


@pytest.mark.parametrize(
    ("password", "weakness"),
    [
        ("passwordpassword", Weakness.COMMON),
        ("123456789012345", Weakness.COMMON),
        ("qwertyuiopasdfgh", Weakness.COMMON),
        ("P@ssw0rdP@ssw0rd1", Weakness.COMMON),
        ("iLoveYouiLoveYou", Weakness.COMMON),
        ("password12345678", Weakness.COMMON),
        ("administrator1234", Weakness.COMMON),
        ("1qaz2wsx3edc4rfv", Weakness.COMMON),
        ("PaSsWoRd", Weakness.COMMON),
        ("letmein" * 9, Weakness.COMMON),
        ("password" * 32, Weakness.COMMON),
        ("abcdefghijklmnop", Weakness.SEQUENCE),
        ("zyxwvutsrqponmlk", Weakness.SEQUENCE),
        ("ababababababababab", Weakness.REPEATED),
        ("1" * 14 + "2", Weakness.REPEATED),
        ("xk9" * 80, Weakness.REPEATED),
        ("ann@example.com1", Weakness.CONTEXT),
        ("annannannannann", Weakness.CONTEXT),
    ],
)
def test_trivial_lengthenings_of_what_is_tried_first_are_weak(password: str, weakness: Weakness):
    found = estimate(password, CONTEXT)
    assert found.weakness is weakness
    assert found.score <= 1


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "an orchard under seven moons",
        "a pelican folds seven maps",
        "tF7#kQ2v",
        "été au bord du lac",
        "七つの月の下の果樹園で歌う",
        "x" * 72 + "an orchard under seven moons",
        "j4Zr8Wq1Lm6Tn3Kb9Vd5Hs2Fg7Pc0X" * 3,
    ],
)
def test_what_is_hard_to_guess_is_taken(password: str):
    found = estimate(password, CONTEXT)
    assert found.weakness is None
    assert found.score >= 2


def test_whoever_types_for_somebody_else_is_not_judged_by_their_name():
    assert estimate("annannann", ("ann",)).guesses_log10 < estimate("annannann", ()).guesses_log10 + 0.01
    assert estimate("zorblaxzorblax", ("zorblax",)).weakness is Weakness.CONTEXT
    assert estimate("zorblaxzorblax", ()).weakness is None


@pytest.mark.parametrize("password", BOMBS, ids=range(len(BOMBS)))
def test_no_password_takes_long_to_judge(password: str):
    estimate("load the lists", ())
    begun = time.thread_time()
    estimate(password[:256], CONTEXT)
    assert time.thread_time() - begun < 1.0


def test_two_threads_do_not_mix_their_words_up():
    wrong: list[str] = []

    def ask(mine: str, other: str) -> None:
        for _ in range(40):
            if estimate(mine * 2, (mine,)).weakness is not Weakness.CONTEXT:
                wrong.append(mine)
            if estimate(other * 2, (mine,)).weakness is not None:
                wrong.append(other)

    threads = [
        threading.Thread(target=ask, args=names) for names in (("zorblax", "quivmet"), ("quivmet", "zorblax"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_idle_server_does_not_hold_the_lists():
    text = (
        "import sys, domicile.apps.node; "
        "print({'zxcvbn', 'passlib', 'httpx2'} & {name.partition('.')[0] for name in sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
