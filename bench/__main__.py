"""Times ours beside the older tool on equal libraries of a real qBittorrent, in turn.

Each round begins with a fresh copy of one library and runs a program twice: first with all the
work to do, then with none. Afterwards categories and tags must be equal, whoever made them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

from bench import programs
from bench.collection import Collection
from bench.contest import ContestError, Round, Stage
from bench.floor import floor_of
from bench.programs import Program
from bench.verdict import TARGET_RATIO, Side, Verdict
from tests.lab.suites import Suite, SuiteMissingError, tree_of

_SHOWN_DIFFERENCES = 20


def main() -> int:
    """The exit status: 0, or 1 if a program failed, the results differ or a ratio is missed."""
    wanted = _arguments()
    with tempfile.TemporaryDirectory(prefix="qbm-bench-") as folder:
        try:
            verdict = _contest(wanted, Path(folder))
        except (SuiteMissingError, ContestError) as failure:
            print(failure, file=sys.stderr)
            return 1
    print(f"\n{verdict.text()}\n")
    print(f"kept in {_kept(verdict, wanted.results)}")
    return _judged(verdict, wanted.at_least)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--torrents", type=int, default=1000, metavar="N", help="library size")
    parser.add_argument(
        "--suite", type=Suite, choices=list(Suite), default=Suite.TRIXIE, help="whose server"
    )
    parser.add_argument("--ours-rounds", type=int, default=3, metavar="N", help="timed rounds")
    parser.add_argument("--older-rounds", type=int, default=3, metavar="N", help="timed rounds")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the JSON")
    parser.add_argument(
        "--at-least",
        type=float,
        default=0.0,
        metavar="RATIO",
        help=f"fail below this ratio; the target at 1,000 torrents is {TARGET_RATIO:g}",
    )
    return parser.parse_args()


def _contest(wanted: argparse.Namespace, folder: Path) -> Verdict:
    load = os.getloadavg()[0]
    tree = tree_of(wanted.suite)
    ours, older = programs.ours(), programs.older()
    stage = Stage(tree, Collection(wanted.torrents, folder / "content"), folder)
    _say(f"building a library of {wanted.torrents} torrents")
    stage.build()
    order = _in_turn([ours] * wanted.ours_rounds, [older] * wanted.older_rounds)
    timed = [(program, _timed(stage, program)) for program in order]
    sides = {
        program: Side(
            program, [each for who, each in timed if who is program], _counted(stage, program)
        )
        for program in (ours, older)
    }
    with stage.server() as server:
        floor = floor_of(server, stage.before, sides[older].timed[0].first.after)
    return Verdict(
        torrents=wanted.torrents,
        suite=wanted.suite,
        server_version=stage.server_version,
        load=load,
        ours=sides[ours],
        older=sides[older],
        floor=floor,
    )


def _in_turn(one: Sequence[Program], other: Sequence[Program]) -> list[Program]:
    return [each for pair in zip_longest(one, other) for each in pair if each]


def _timed(stage: Stage, program: Program) -> Round:
    done = stage.timed(program)
    _say(f"{program.name}: {done.first.seconds:.2f} s, then {done.second.seconds:.2f} s")
    return done


def _counted(stage: Stage, program: Program) -> Round:
    _say(f"{program.name}: counting requests")
    return stage.counted(program)


def _kept(verdict: Verdict, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    file = folder / f"bench-{verdict.suite}-{verdict.torrents}-{now}.json"
    file.write_text(json.dumps(verdict.record(), indent=2) + "\n", encoding="utf-8")
    return file


def _judged(verdict: Verdict, at_least: float) -> int:
    differences = verdict.differences()
    if differences:
        print(f"NOT EQUAL in {len(differences)} places:", file=sys.stderr)
        print(*differences[:_SHOWN_DIFFERENCES], sep="\n", file=sys.stderr)
        return 1
    print("categories and tags are equal")
    slow = [which for which in ("first run", "second run") if verdict.ratio(which) < at_least]
    if slow:
        print(f"less than {at_least:g} times faster: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
