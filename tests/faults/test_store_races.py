"""Several processes at once on one state folder."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from qbm.store import Store
from tests.faults.killer import KillPoint, Side, killing

NEVER = KillPoint(Side.AFTER, 1_000_000)


def at_once(act: str, folder: Path, count: int) -> None:
    """Run ``act`` in ``count`` children, which begin together; all must succeed."""
    command = killing(NEVER, f"tests.faults.store_program:{act}", [str(folder)])
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        assert [child.wait(timeout=60) for child in children] == [0] * count
    finally:
        for child in children:
            child.kill()
            child.communicate()


def visits(diary: Path) -> Iterable[str]:
    """Who came, in order; nobody came before the one before had gone."""
    lines = diary.read_text().splitlines()
    for comes, goes in zip(lines[::2], lines[1::2], strict=True):
        who = comes.removesuffix(" comes")
        assert goes == f"{who} goes", f"{who} was not alone"
        yield who


def test_first_starts_at_once_make_one_database(tmp_path: Path) -> None:
    at_once("accept", tmp_path / "state", 4)
    with Store.open(tmp_path / "state") as store:
        assert sorted(run.arrival for run in store.runs()) == [1, 2, 3, 4]
    assert not list((tmp_path / "state").glob("*backup*"))


def test_only_one_process_at_a_time_holds_a_state_folder(tmp_path: Path) -> None:
    at_once("hold_the_state", tmp_path, 3)
    came = list(visits(tmp_path / "diary"))
    assert len(came) == 9
    assert len(set(came)) == 3


def test_runs_on_one_server_never_overlap_and_go_in_the_order_of_arrival(tmp_path: Path) -> None:
    at_once("hold_the_server", tmp_path, 4)
    assert list(visits(tmp_path / "diary")) == ["1", "2", "3", "4"]
