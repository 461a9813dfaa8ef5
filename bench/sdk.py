"""`python -m bench.sdk`: what verifying an account token costs a service with the SDK, beside PyJWT's bare `decode` of the same token."""

import argparse
import os
import platform
import time
from collections.abc import Callable, Sequence
from statistics import median

import jwt

from domicile_sdk import Manifest
from domicile_sdk.following import Follower
from domicile_sdk.testing import FakeRegion
from domicile_sdk.transport import converse

_MANIFEST = Manifest("workload", "Workload security", 1, {"full-access": frozenset({"workload:policy:read"})})
_SEEN_PER_DECODE = 50
"""A token that was seen is verified so many times more often, so that both take as long to measure."""


def main() -> None:
    """Measure round by round, and print a row of a table for each way."""
    parser = argparse.ArgumentParser(prog="python -m bench.sdk", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=1000, help="verified in each round")
    wanted = parser.parse_args()
    region = FakeRegion(_MANIFEST, begins_at=time.time())
    rounds = [_measure(region, wanted.tokens) for _ in range(wanted.rounds + 1)][1:]
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, PyJWT {jwt.__version__}, ", end="")
    print(f"{wanted.rounds} rounds of {wanted.tokens} tokens, load average {os.getloadavg()[0]:.1f}\n")
    print("| verified by | median | as a part of PyJWT's decode | spread |\n| --- | --- | --- | --- |")
    for name in rounds[0]:
        ratios = [each[name] / each["PyJWT, bare decode"] for each in rounds]
        spread = f"{min(ratios):.3g} to {max(ratios):.3g}"
        print(
            f"| {name} | {median(each[name] for each in rounds):.3g} µs | {median(ratios):.3g} | {spread} |"
        )


def _measure(region: FakeRegion, count: int) -> dict[str, float]:
    """Give the microseconds of processor time of one verification, by each way, of the same new tokens."""
    follower = Follower(region.service())
    for steps in (follower.fetch_keys(), follower.read_feed()):
        converse(steps, region.answer)
    tokens = [region.token() for _ in range(count)]
    headers = [f"Bearer {token}" for token in tokens]
    audience, key = region.service().audience, _public_key(region)

    def decode(token: str) -> object:
        return jwt.decode(token, key, algorithms=["ES256"], audience=audience)

    first = _microseconds(follower.recognise, headers)
    seen = _microseconds(follower.recognise, headers * _SEEN_PER_DECODE)
    bare = _microseconds(decode, tokens)
    return {"the SDK, seen before": seen, "the SDK, for the first time": first, "PyJWT, bare decode": bare}


def _public_key(region: FakeRegion) -> jwt.PyJWK:
    (described,) = region.published_keys()
    return jwt.PyJWK(dict(described))


def _microseconds(verify: Callable[[str], object], texts: Sequence[str]) -> float:
    begun = time.process_time()  # which others on the machine disturb less
    for text in texts:
        if verify(text) is None:
            raise AssertionError("a good token was not recognised")
    return (time.process_time() - begun) / len(texts) * 1e6


if __name__ == "__main__":
    main()
