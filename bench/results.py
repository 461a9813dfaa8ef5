"""The figures of a run: each with its yardstick, round by round, and whether it lands at its aim."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.rounds import Counted, Rates


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should come to."""

    value: float
    is_ceiling: bool = False

    def is_met_by(self, figure: float) -> bool:
        """Tell whether a figure lands."""
        return figure <= self.value if self.is_ceiling else figure >= self.value

    @property
    def sign(self) -> str:
        """Write the direction."""
        return "≤" if self.is_ceiling else "≥"


@dataclass(frozen=True, slots=True)
class Result:
    """One figure."""

    name: str
    own: list[float]
    """What Domicile did, in each round."""
    bare: list[float]
    """What the yardstick did in the same round; empty for a figure that is none of a ratio."""
    unit: str
    aim: Aim | None
    by_processor: float | None = None
    """The median ratio by processor time, which others on the machine disturb less; it does not see waiting."""

    @property
    def figures(self) -> list[float]:
        """The ratio of each round, or what was measured where there is no yardstick."""
        return [own / bare for own, bare in zip(self.own, self.bare, strict=True)] if self.bare else self.own

    @property
    def figure(self) -> float:
        """The median of the rounds."""
        return median(self.figures)

    @property
    def lands(self) -> bool | None:
        """Whether the median reaches the aim; None without an aim."""
        return self.aim.is_met_by(self.figure) if self.aim else None

    def as_json(self) -> dict[str, object]:
        """Give everything for a program."""
        return {
            "name": self.name,
            "unit": self.unit,
            "own": self.own,
            "bare": self.bare,
            "figures": self.figures,
            "median": self.figure,
            "by_processor": self.by_processor,
            "aim": f"{self.aim.sign} {self.aim.value:g}" if self.aim else None,
            "lands": self.lands,
        }


_Read = Callable[[Rates], Counted]
_RATES: tuple[tuple[str, _Read, _Read, float | None], ...] = (
    ("whoami, API key", lambda r: r.whoami_by_key, lambda r: r.hello, 0.35),
    ("whoami, account token", lambda r: r.whoami_by_token, lambda r: r.hello, 0.35),
    ("access check", lambda r: r.check, lambda r: r.hello, 0.50),
    ("forward authentication", lambda r: r.forward, lambda r: r.hello, 0.45),
    ("25 of 200 users, asked before", lambda r: r.users_held, lambda r: r.hello, 0.08),
    ("25 of 200 users, from the database", lambda r: r.users_read, lambda r: r.hello, None),
    ("sign-in, beside bare hashes", lambda r: r.sign_in, lambda r: r.hashes, 0.90),
    ("invite, beside bare inserts", lambda r: r.invite, lambda r: r.inserts, 0.20),
)


def results_of(
    rounds: Sequence[Rates], *, resident_mb: list[float], start_seconds: list[float]
) -> list[Result]:
    """Work the figures out, in the order of the table."""
    found = [Result("bare hello", [r.hello.rate for r in rounds], [], "/s", None)]
    found += [_ratio(rounds, name, own, bare, aim) for name, own, bare, aim in _RATES]
    storm, quiet = [r.storm.rate for r in rounds], [r.whoami_by_key.rate for r in rounds]
    found.append(Result("whoami while four sign in", storm, quiet, "/s", Aim(0.40)))
    storm, quiet = [_p99_ms(r.storm) for r in rounds], [_p99_ms(r.whoami_by_key) for r in rounds]
    found.append(Result("its 99th percentile", storm, quiet, "ms", Aim(8, is_ceiling=True)))
    found.append(Result("resident memory at rest", resident_mb, [], "MB", Aim(100, is_ceiling=True)))
    found.append(Result("start to first answer", start_seconds, [], "s", Aim(1.5, is_ceiling=True)))
    return found


def _ratio(rounds: Sequence[Rates], name: str, own: _Read, bare: _Read, aim: float | None) -> Result:
    return Result(
        name,
        [own(r).rate for r in rounds],
        [bare(r).rate for r in rounds],
        "/s",
        Aim(aim) if aim else None,
        median(own(r).rate_of_processor / bare(r).rate_of_processor for r in rounds),
    )


def _p99_ms(counted: Counted) -> float:
    return (counted.p99 or 0.0) * 1e3
