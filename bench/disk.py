"""Times rem_orphaned and tag_nohardlinks beside the older tool, on equal files and servers.

Each command has a config folder of its own, so that its first run knows nothing yet; the second
has nothing left to do. After each run files and tags must be what the commands are there for.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench import programs
from bench.contest import ContestError, Stage, cost_of
from bench.programs import Program
from bench.shelf import Left, Shelf
from bench.verdict import machine
from tests.lab.servers import Server
from tests.lab.suites import Suite, SuiteMissingError, tree_of

_SHOWN_DIFFERENCES = 20
_RUNS = ("first run", "second run")
_EXPECTED: Mapping[str, Callable[[Shelf, Left], Left]] = {
    "rem_orphaned": Shelf.after_orphans,
    "tag_nohardlinks": Shelf.after_tags,
}


@dataclass(frozen=True, slots=True)
class Timed:
    """One run of one command and what it cost; ``wrong`` is where it left something else."""

    command: str
    which: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    wrong: Sequence[str]


def main() -> int:
    """The exit status: 1 if a program failed, or left anything but what it should."""
    wanted = _arguments()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="qbm-disk-") as folder:
        try:
            timed = _contest(wanted, Path(folder))
        except (SuiteMissingError, ContestError) as failure:
            print(failure, file=sys.stderr)
            return 1
    print(f"\n{_table(timed, wanted, load)}\n")
    print(f"kept in {_kept(timed, wanted, load)}")
    return _judged(timed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.disk",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--torrents", type=int, default=10_000, metavar="N", help="library size")
    parser.add_argument(
        "--suite", type=Suite, choices=list(Suite), default=Suite.TRIXIE, help="whose server"
    )
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="of each, in turn")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the JSON")
    return parser.parse_args()


def _contest(wanted: argparse.Namespace, folder: Path) -> dict[Program, list[Timed]]:
    both = (programs.ours(), programs.older())
    shelf = Shelf(wanted.torrents, folder / "content")
    stage = Stage(tree_of(wanted.suite), shelf, folder)
    _say(f"building a library of {wanted.torrents} torrents")
    stage.build()
    timed: dict[Program, list[Timed]] = {program: [] for program in both}
    for _ in range(wanted.rounds):
        for program in both:
            shelf.lay()
            with stage.server() as server:
                timed[program] += _round(program, stage, shelf, server)
    return timed


def _round(program: Program, stage: Stage, shelf: Shelf, server: Server) -> Iterator[Timed]:
    before = shelf.left(server)
    for command, expected_after in _EXPECTED.items():
        config = stage.config(server.url)
        before = expected_after(shelf, before)
        for which in _RUNS:
            cost = cost_of(program, config, [f"--{command.replace('_', '-')}"])
            _say(f"{program.name}: {command}, {which}: {cost['seconds']:.2f} s")
            wrong = before.differences(shelf.left(server))
            yield Timed(command=command, which=which, wrong=wrong, **cost)


def _of(timed: Sequence[Timed], command: str, which: str, value: str) -> float:
    """The median over the rounds."""
    values: list[float] = [
        getattr(each, value) for each in timed if (each.command, each.which) == (command, which)
    ]
    return median(values)


def _table(
    timed: Mapping[Program, Sequence[Timed]], wanted: argparse.Namespace, load: float
) -> str:
    ours, older = timed
    lines = [
        f"{wanted.torrents} torrents on {wanted.suite}'s qBittorrent, rounds: {wanted.rounds}",
        f"ours {ours.version}, older {older.version}",
        f"load before: {load:.1f} on {os.cpu_count()} cores",
    ]
    for command in _EXPECTED:
        for which in _RUNS:
            title = f"{command}, {which}"
            lines += ["", f"{title:<30}{'ours':>12}{'older':>12}{'ratio':>10}"]
            for label, value, unit in (
                ("seconds", "seconds", 1.0),
                ("CPU seconds", "cpu_seconds", 1.0),
                ("peak memory, MiB", "peak_bytes", 2.0**20),
            ):
                mine, theirs = (_of(timed[who], command, which, value) for who in (ours, older))
                costs = f"{mine / unit:>12.2f}{theirs / unit:>12.2f}{theirs / mine:>9.1f}x"
                lines.append(f"{label:<30}{costs}")
    return "\n".join(lines)


def _kept(
    timed: Mapping[Program, Sequence[Timed]], wanted: argparse.Namespace, load: float
) -> Path:
    now = datetime.now(UTC)
    ours, older = timed
    record: dict[str, Any] = {
        "at": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "load_before": round(load, 2),
        "torrents": wanted.torrents,
        "suite": wanted.suite,
        "ratio": {
            f"{command}, {which}": round(
                _of(timed[older], command, which, "seconds")
                / _of(timed[ours], command, which, "seconds"),
                1,
            )
            for command in _EXPECTED
            for which in _RUNS
        },
        **{
            program.name: {"version": program.version, "runs": [asdict(each) for each in all_]}
            for program, all_ in timed.items()
        },
    }
    wanted.results.mkdir(parents=True, exist_ok=True)
    file: Path = wanted.results / f"disk-{wanted.torrents}-{now:%Y%m%dT%H%M%SZ}.json"
    file.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return file


def _judged(timed: Mapping[Program, Sequence[Timed]]) -> int:
    wrong = [
        f"{program.name}, {each.command}, {each.which}: {line}"
        for program, all_ in timed.items()
        for each in all_
        for line in each.wrong
    ]
    if wrong:
        print(f"NOT EQUAL in {len(wrong)} places:", file=sys.stderr)
        print(*wrong[:_SHOWN_DIFFERENCES], sep="\n", file=sys.stderr)
        return 1
    print("tags and files are equal")
    return 0


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
