"""What came out: as a table to read, and as JSON to keep."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import psutil

from bench.contest import Requests, Round, Run, State
from bench.floor import Floor
from bench.programs import Program

TARGET_RATIO = 30.0
"""How many times faster ours is to be at 1,000 torrents."""

_RUNS: dict[str, Callable[[Round], Run]] = {
    "first run": lambda each: each.first,
    "second run": lambda each: each.second,
}


@dataclass(frozen=True, slots=True)
class Side:
    """One program's rounds: some timed, one counted."""

    program: Program
    timed: Sequence[Round]
    counted: Round

    def median(self, which: str, value: str) -> float:
        """The median over the timed rounds of a run's ``value``, such as ``seconds``."""
        values: list[float] = [getattr(_RUNS[which](each), value) for each in self.timed]
        return statistics.median(values)

    def requests(self, which: str) -> Requests:
        """What the counted round's run sent."""
        found = _RUNS[which](self.counted).requests
        assert found
        return found

    @property
    def states(self) -> Iterator[tuple[str, State]]:
        """What every run left on its server, and which run it was."""
        for number, each in enumerate([*self.timed, self.counted], start=1):
            for which, run_of in _RUNS.items():
                yield f"{self.program.name}, round {number}, {which}", run_of(each).after


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both sides, and the floor, on one library; ``load`` is the machine's before it began."""

    torrents: int
    suite: str
    server_version: str
    load: float
    ours: Side
    older: Side
    floor: Floor

    def ratio(self, which: str) -> float:
        """How many times faster ours was."""
        return self.older.median(which, "seconds") / self.ours.median(which, "seconds")

    def most(self, which: str) -> float:
        """The ratio of a program that takes no time itself: only the server's."""
        is_first = which == "first run"
        floor = self.floor.read_seconds + (self.floor.write_seconds if is_first else 0)
        return self.older.median(which, "seconds") / floor

    def differences(self) -> list[str]:
        """Where any run left another state than the older tool's first timed run."""
        expected = self.older.timed[0].first.after
        return [
            f"{name}: {line}"
            for side in (self.older, self.ours)
            for name, state in side.states
            for line in expected.differences(state)
        ]

    def text(self) -> str:
        """The table."""
        return "\n".join(self._lines())

    def record(self) -> dict[str, Any]:
        """Everything but the states, for JSON."""
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "load_before": round(self.load, 2),
            "torrents": self.torrents,
            "suite": self.suite,
            "qbittorrent": self.server_version,
            "ratio": {which: round(self.ratio(which), 1) for which in _RUNS},
            "most_possible_ratio": {which: round(self.most(which), 1) for which in _RUNS},
            "floor": asdict(self.floor),
            **{side.program.name: _recorded(side) for side in (self.ours, self.older)},
        }

    def _lines(self) -> Iterator[str]:
        yield f"{self.torrents} torrents on qBittorrent {self.server_version} ({self.suite})"
        yield f"ours {self.ours.program.version}, older {self.older.program.version}"
        yield f"medians of {len(self.ours.timed)} and of {len(self.older.timed)} rounds"
        yield f"load before: {self.load:.1f} on {os.cpu_count()} cores"
        for which in _RUNS:
            yield ""
            yield f"{which:<22}{'ours':>12}{'older':>12}{'ratio':>10}"
            yield from self._costs(which)
            yield from self._traffic(which)
        yield ""
        reads, writes = self.floor.read_seconds, self.floor.write_seconds
        yield f"floor: the reads take {reads:.3f} s, the {self.floor.writes} writes {writes:.3f} s;"
        yield "       without any time of its own a program would be " + " and ".join(
            f"{self.most(which):.0f} times faster ({which})" for which in _RUNS
        )

    def _costs(self, which: str) -> Iterator[str]:
        for label, value, unit in (
            ("seconds", "seconds", 1.0),
            ("CPU seconds", "cpu_seconds", 1.0),
            ("peak memory, MiB", "peak_bytes", 2.0**20),
        ):
            ours = self.ours.median(which, value) / unit
            older = self.older.median(which, value) / unit
            yield f"{label:<22}{ours:>12.2f}{older:>12.2f}{older / ours:>9.1f}x"

    def _traffic(self, which: str) -> Iterator[str]:
        ours, older = self.ours.requests(which), self.older.requests(which)
        yield _row("requests", ours.paths.total(), older.paths.total())
        for path in sorted({*ours.paths, *older.paths}):
            yield _row(f"  {path}", ours.paths[path], older.paths[path])
        yield _row("writes", ours.writes, older.writes)
        yield _row("KiB sent", ours.sent_bytes // 1024, older.sent_bytes // 1024)
        yield _row("KiB received", ours.received_bytes // 1024, older.received_bytes // 1024)


def _row(label: str, ours: int, older: int) -> str:
    return f"{label:<28}{ours:>6}{older:>12}"


def _recorded(side: Side) -> dict[str, Any]:
    return {
        "version": side.program.version,
        **{
            which: {
                "seconds": [round(run_of(each).seconds, 3) for each in side.timed],
                "cpu_seconds": [round(run_of(each).cpu_seconds, 3) for each in side.timed],
                "peak_bytes": [run_of(each).peak_bytes for each in side.timed],
                "requests": _counted(side.requests(which)),
            }
            for which, run_of in _RUNS.items()
        },
    }


def _counted(requests: Requests) -> dict[str, Any]:
    return {
        "paths": dict(requests.paths),
        "writes": requests.writes,
        "sent_bytes": requests.sent_bytes,
        "received_bytes": requests.received_bytes,
    }


def machine() -> dict[str, Any]:
    """What the numbers depend on; nothing that says whose machine it is."""
    system = platform.freedesktop_os_release() if sys.platform == "linux" else {}
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "architecture": platform.machine(),
        "system": system.get("PRETTY_NAME", platform.system()),
        "python": platform.python_version(),
    }
