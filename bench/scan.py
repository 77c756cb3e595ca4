"""Times the scan of the roots beside `find`, in turn, on one tree of many small folders.

Both list each file with its device, inode, links, size and time. They must have seen the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.programs import environment
from bench.verdict import machine

_GAUGE = Path(__file__).with_name("gauge.py")
_LIMIT_SECONDS = 600
_FILES_PER_FOLDER = 10
_FOLDERS_PER_FOLDER = 100
_PRINTED = r"%D %i %n %s %T@ %p\n"
_SCAN = """
import sys
from qbm.gateways import disk
found = disk.scan([sys.argv[1]])
assert found is not None and not found.unreadable and not found.absent
if sys.argv[2:] == ["--print"]:
    for folder in found.folders.values():
        for name, each in folder.files():
            print(each.device, each.inode, each.links, each.size)
"""

MOST_TIMES_FIND = 1.5
MOST_BYTES = 400 * 2**20
"""Of memory, the interpreter and all that the scan has found included."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one listing took; ``peak_bytes`` of memory."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def main() -> int:
    """The exit status: 1 if the scan is too slow, takes too much memory or saw something else."""
    wanted = _arguments()
    load = os.getloadavg()[0]
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="qbm-scan-", dir=wanted.folder) as name:
        folder = Path(name)
        tree = folder / "tree"
        _say(f"making {wanted.files} files in {wanted.files // _FILES_PER_FOLDER} folders")
        _make(tree, wanted.files)
        programs = {"find": _find(tree), "scan": [sys.executable, "-c", _SCAN, str(tree)]}
        _say("comparing what both see")
        are_equal = _seen([*programs["scan"], "--print"]) == _seen(programs["find"])
        costs: dict[str, list[Cost]] = {each: [] for each in programs}
        for _ in range(wanted.rounds):
            for which, command in programs.items():
                costs[which].append(_gauged(command, folder))
                _say(f"{which}: {costs[which][-1].seconds:.2f} s")
        _say("removing the tree")
    print(f"\n{_table(costs, wanted.files, load)}\n")
    print(f"kept in {_kept(costs, wanted, load)}")
    return _judged(costs, are_equal=are_equal)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.scan",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--files", type=int, default=1_000_000, metavar="N", help="in N/10 folders")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of each, in turn")
    parser.add_argument(
        "--folder", type=Path, default=Path(".bench"), help="where the tree is made"
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the JSON")
    return parser.parse_args()


def _make(tree: Path, files: int) -> None:
    for number in range(files):
        if number % _FILES_PER_FOLDER == 0:
            upper, lower = divmod(number // _FILES_PER_FOLDER, _FOLDERS_PER_FOLDER)
            folder = f"{tree}/Season {upper:05}/Film {lower:03}"
            Path(folder).mkdir(parents=True)
        os.close(os.open(f"{folder}/film {number:07}.mkv", os.O_CREAT | os.O_WRONLY))


def _find(tree: Path) -> Sequence[str]:
    return ["find", str(tree), "-type", "f", "-printf", _PRINTED]


def _seen(command: Sequence[str]) -> list[str]:
    """Device, inode, links and size of each file, in order."""
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment()).stdout
    return sorted(" ".join(line.split(" ")[:4]) for line in output.decode().splitlines())


def _gauged(command: Sequence[str], folder: Path) -> Cost:
    report, output = folder / "cost.json", folder / "output.txt"
    gauge = [sys.executable, "-I", "-S", _GAUGE, _LIMIT_SECONDS, report, output]
    subprocess.run([*map(str, gauge), *command], env=environment(), check=True)
    cost = json.loads(report.read_text(encoding="utf-8"))
    if cost.pop("exit_code") != 0:
        sys.exit(output.read_text(encoding="utf-8", errors="replace"))
    return Cost(**cost)


def _times_find(costs: Mapping[str, Sequence[Cost]]) -> float:
    """The median over the rounds: what else the machine does meets both of a round alike."""
    pairs = zip(costs["scan"], costs["find"], strict=True)
    return median(scan.seconds / find.seconds for scan, find in pairs)


def _table(costs: Mapping[str, Sequence[Cost]], files: int, load: float) -> str:
    rows = [
        f"{files} files in {files // _FILES_PER_FOLDER} folders",
        f"load before: {load:.1f} on {os.cpu_count()} cores",
        f"{'':<22}{'scan':>12}{'find':>12}",
    ]
    for label, value, unit in (
        ("seconds", "seconds", 1.0),
        ("CPU seconds", "cpu_seconds", 1.0),
        ("peak memory, MiB", "peak_bytes", 2.0**20),
    ):
        medians = [median(getattr(each, value) for each in costs[who]) for who in ("scan", "find")]
        rows.append(f"{label:<22}" + "".join(f"{each / unit:>12.2f}" for each in medians))
    rows.append(f"{'times find, median':<22}{_times_find(costs):>12.2f}")
    return "\n".join(rows)


def _kept(costs: Mapping[str, Sequence[Cost]], wanted: argparse.Namespace, load: float) -> Path:
    now = datetime.now(UTC)
    record = {
        "at": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "load_before": round(load, 2),
        "files": wanted.files,
        "times_find": round(_times_find(costs), 3),
        **{which: [asdict(each) for each in all_] for which, all_ in costs.items()},
    }
    wanted.results.mkdir(parents=True, exist_ok=True)
    file: Path = wanted.results / f"scan-{wanted.files}-{now:%Y%m%dT%H%M%SZ}.json"
    file.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return file


def _judged(costs: Mapping[str, Sequence[Cost]], *, are_equal: bool) -> int:
    peak = max(each.peak_bytes for each in costs["scan"])
    failures = [] if are_equal else ["the scan and find have NOT seen the same"]
    if _times_find(costs) > MOST_TIMES_FIND:
        failures.append(f"more than {MOST_TIMES_FIND:g} times find")
    if peak > MOST_BYTES:
        failures.append(f"more than {MOST_BYTES >> 20} MiB")
    print(*failures, sep="\n", file=sys.stderr)
    return 1 if failures else 0


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
