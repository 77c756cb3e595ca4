"""Equal libraries on equal servers, one for qbit-manage 4.14.0 and one for us: equal outcomes.

What differs on purpose is a row of ``differences``; every row must be seen. The older tool is a
black box in a virtual environment of its own (``make bench`` installs the same one).
"""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest
from bench import programs
from bench.programs import Program

from tests.differential.differences import DIFFERENCES, between, rows_of
from tests.differential.library import Shelf, build
from tests.differential.outcome import Outcome, asked_of, contents, files_of, steady
from tests.differential.scenes import SCENES, Look, Scene
from tests.lab import library
from tests.lab.proxy import Proxy
from tests.lab.servers import Server, StartServers
from tests.lab.suites import LAB, Suite
from tests.lab.tracker import Tracker
from tests.program import ROOT, classic, write_config

_RUN_SECONDS = 120
_DOCS = ROOT / "docs/explanation/differences.md"

Run: TypeAlias = Callable[[Path, Scene], None]


@pytest.fixture(scope="session")
def older() -> Program:
    """The older tool; installed by the first worker that asks."""
    LAB.mkdir(parents=True, exist_ok=True)
    with (LAB / "older.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return programs.older()
        except subprocess.CalledProcessError as failed:
            pytest.skip(f"the older tool cannot be installed here: {failed}")


@pytest.mark.parametrize("suite", [Suite.BOOKWORM, Suite.TRIXIE], ids=str)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_ends_as_with_the_older_tool_but_for_what_is_listed(
    scene: Scene,
    suite: Suite,
    start_servers: StartServers,
    tracker: Tracker,
    older: Program,
    tmp_path: Path,
) -> None:
    def run_older(folder: Path, scene: Scene) -> None:
        command = [*map(str, (older.python, *older.command)), "--run", *scene.flags]
        subprocess.run(
            [*command, "--config-dir", str(folder)],
            env=dict(programs.environment()),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_RUN_SECONDS,
            check=True,
        )

    def run_ours(folder: Path, scene: Scene) -> None:
        ended = classic(folder, *scene.flags)
        assert ended.status == 0, ended.errors[-2000:]

    entries = scene.entries(tracker)

    def outcome_of(side: tuple[Server, Run]) -> Outcome:
        server, run = side
        shelf = build(server, entries)
        return _outcome(scene, shelf, run, tmp_path / f"{server.port}")

    servers = start_servers([suite, suite])
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(outcome_of, zip(servers, (run_older, run_ours), strict=True))
    rows = rows_of(scene.name, suite)
    seen = list(between(theirs, ours))
    unexplained = [one for one in seen if not any(row.covers(one) for row in rows)]
    unseen = [(row.docs, pattern) for row in rows for pattern in row.unseen(seen)]
    assert not unexplained, "\n".join(map(str, unexplained))
    assert not unseen, "\n".join(map(str, unseen))


@pytest.mark.parametrize("first_cell", sorted({each.docs for each in DIFFERENCES}))
def test_every_difference_stands_in_the_docs(first_cell: str) -> None:
    assert f"| {first_cell} |" in _DOCS.read_text(encoding="utf-8")


def _outcome(scene: Scene, shelf: Shelf, run: Run, folder: Path) -> Outcome:
    if scene.preferences:
        shelf.server.api.set_preferences(**scene.preferences)
    before = contents(shelf)
    scene.prepare(shelf)
    with Proxy(shelf.server.url) as proxy:
        write_config(folder, scene.config(shelf, proxy.url))
        for _ in range(scene.runs):
            run(folder, scene)
            library.settle(shelf.server, list(shelf.server.api.by_hash()))
            awaited = [shelf.hashes[label] for label in scene.completes]
            library.settle(shelf.server, awaited, lambda row: row["progress"] == 1)
        exchanges = list(proxy.exchanges)
    outcome = dict(steady(shelf))
    if Look.STATES not in scene.looks:
        outcome = {key: value for key, value in outcome.items() if "is stopped" not in key}
    if Look.FILES in scene.looks:
        outcome |= files_of(shelf, before)
    if Look.ASKED in scene.looks:
        outcome |= asked_of(shelf, exchanges)
    return outcome
