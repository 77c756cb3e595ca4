"""``python -m tests.lab.classic_api``: records the older tool's Web API anew (eight minutes)."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.programs import older

from tests.lab.classic_api.play import Recording, played
from tests.lab.classic_api.scenes import SCENES, UNREACHABLE_SERVER
from tests.lab.classic_api.steps import Scene

CASES = Path(__file__).parents[2] / "cases/classic_api"
_SIDE_BY_SIDE = 2


def main() -> int:
    """Play the scenes and write the cases; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.classic_api", description=__doc__)
    parser.add_argument("--into", type=Path, default=CASES, help="the folder of the cases")
    parser.add_argument("--quick", action="store_true", help="all but the scene of seven minutes")
    arguments = parser.parse_args()
    if arguments.quick and arguments.into == CASES:
        parser.error("--quick leaves cases out: say --into, another folder to compare with")
    scenes = [one for one in SCENES if not (arguments.quick and one is UNREACHABLE_SERVER)]
    _write(arguments.into, _recorded(scenes))
    return 0


def _recorded(scenes: Sequence[Scene]) -> list[Recording]:
    program = older()
    print(f"recording {program.name} {program.version} in {len(scenes)} scenes")

    def one(scene: Scene) -> Recording:
        recording = played(scene, program)
        print(f"{scene.name}: {len(recording.cases)} cases", flush=True)
        return recording

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        return list(pool.map(one, scenes))


def _write(folder: Path, recordings: Iterable[Recording]) -> None:
    by_route: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for recording in recordings:
        for route, case in recording.cases:
            by_route[route].append(case)
        by_route["files"].extend(recording.files)
    folder.mkdir(parents=True, exist_ok=True)
    for name, entries in by_route.items():
        _raise_if_repeated(name, entries)
        text = json.dumps(entries, indent=1)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def _raise_if_repeated(name: str, entries: Iterable[dict[str, Any]]) -> None:
    """Two cases of one name could not be told apart by whoever names one."""
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        key = (entry.get("request", {}).get("method", ""), entry["name"])
        if key in seen:
            raise ValueError(f"{name}: two cases are called {key}")
        seen.add(key)


if __name__ == "__main__":
    raise SystemExit(main())
