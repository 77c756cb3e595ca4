"""Two runs on one server never overlap (spec: safety, invariant 6)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from qbm.store import Run, Store
from tests.lab import library, torrents
from tests.lab.proxy import Delay, Proxy, is_write
from tests.lab.servers import Server
from tests.program import classic_command, environment, write_config

_URLS = [f"http://127.0.0.1:1/announce/{word}" for word in ("alpha", "beta")]


def _started(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        classic_command(folder, "--cat-update", "--tag-update"),
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def _runs(*folders: Path) -> list[Run]:
    """All runs, by when they started."""
    found: list[Run] = []
    for folder in folders:
        with Store.open(folder) as store:
            found += store.runs()
    return sorted(found, key=lambda run: run.started_at or run.created_at)


@pytest.mark.parametrize("state", ["one state folder", "a state folder each"])
def test_runs_started_together_take_turns_and_the_one_that_waits_says_so(
    trixie_server: Server, tmp_path: Path, state: str
) -> None:
    library.add(trixie_server, *(torrents.single(f"{n}.bin", _URLS[n % 2]) for n in range(4)))
    folders = [tmp_path / "one", tmp_path / ("one" if state == "one state folder" else "two")]
    with Proxy(trixie_server.url) as proxy:
        proxy.inject(Delay(0.3), is_write, times=100)
        sections: dict[str, Any] = {
            "qbt": {"host": proxy.url},
            "cat": {"all": str(trixie_server.save_path)},
            "tracker": {"alpha": {"tag": "A"}, "beta": {"tag": "B"}},
        }
        for folder in folders:
            write_config(folder, sections)
        children = [_started(folder) for folder in folders]
        outputs = [child.communicate(timeout=60)[0] for child in children]
        assert [child.returncode for child in children] == [0, 0], outputs
        first, second = _runs(*dict.fromkeys(folders))
        assert first.ended_at is not None
        assert second.started_at is not None
        assert first.ended_at <= second.started_at
        assert first.stats["tagged"] == 4
        assert second.stats["tagged"] == 0
        assert len(proxy.writes) == 4  # one run's: the other found nothing to do
    assert sum("aiting" in output for output in outputs) == 1, outputs
