"""kill -9 at every journal write and at every request that writes, then one more run.

The result must equal that of a run that nobody disturbed (spec: safety, invariant 3).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qbm.store import Store
from tests.faults.killer import KillPoint, kills
from tests.lab import library, torrents
from tests.lab.proxy import Delay, Moment, Pause, Proxy, is_write
from tests.lab.servers import Server, differences, state_of
from tests.program import classic, classic_command, environment, write_config

_URLS = [f"http://127.0.0.1:1/announce/{word}" for word in ("alpha", "beta")]
_JOB = ("--cat-update", "--tag-update")


@pytest.fixture
def hashes(trixie_server: Server) -> list[str]:
    made = [torrents.single(f"{number}.bin", _URLS[number % 2]) for number in range(4)]
    return library.add(trixie_server, *made)


def _sections(server: Server, url: str = "") -> dict[str, Any]:
    return {
        "qbt": {"host": url or server.url},
        "settings": {"force_auto_tmm": True},
        "cat": {"films": str(server.save_path)},
        "tracker": {"alpha": {"tag": ["A", "B"]}, "beta": {"tag": "C"}},
    }


def _put_back(server: Server, hashes: list[str]) -> None:
    joined = "|".join(hashes)
    server.api.post("torrents/setAutoManagement", hashes=joined, enable=False)
    server.api.post("torrents/setCategory", hashes=joined, category="")
    server.api.post("torrents/removeTags", hashes=joined, tags="A,B,C")
    server.api.post("torrents/removeCategories", categories="films")
    server.api.post("torrents/deleteTags", tags="A,B,C")


def _undisturbed(server: Server, hashes: list[str], folder: Path) -> dict[str, Any]:
    """What the server shows after a run that nobody disturbed; put back afterwards."""
    write_config(folder, _sections(server))
    ended = classic(folder, *_JOB)
    assert ended.status == 0, ended.errors
    after = state_of(server)
    _put_back(server, hashes)
    assert differences(after, state_of(server))
    return after


def _assert_settled(folder: Path) -> None:
    """Nothing is open in the journal, and no run is taken to be at work."""
    with Store.open(folder) as store:
        runs = store.runs()
        assert {run.ended_at is not None for run in runs} == {True}
        assert not any(store.open_intents(run.server) for run in runs)


def _words(folder: Path) -> list[str]:
    return ["run", "cat_update", "tag_update", "--config-dir", str(folder)]


def test_killed_at_every_journal_write_and_run_again(
    trixie_server: Server, hashes: list[str], tmp_path: Path
) -> None:
    wanted = _undisturbed(trixie_server, hashes, tmp_path / "calm")
    folder = tmp_path / "killed"
    write_config(folder, _sections(trixie_server))
    points: list[KillPoint] = []
    for point in kills("qbm", _words(folder)):
        points.append(point)
        ended = classic(folder, *_JOB)
        assert ended.status == 0, (point, ended.errors)
        assert not differences(wanted, state_of(trixie_server)), point
        _assert_settled(folder)
        _put_back(trixie_server, hashes)
    assert not differences(wanted, state_of(trixie_server))
    assert len(points) > 10


def _child(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        classic_command(folder, *_JOB),
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _pauses(child: subprocess.Popen[bytes], pause: Pause) -> bool:
    """Whether the child comes to the pause; False if it ends without."""
    library.wait_for(lambda: pause.has_arrived or child.poll() is not None, bool, seconds=60)
    return pause.has_arrived


@pytest.fixture
def proxy(trixie_server: Server) -> Iterator[Proxy]:
    with Proxy(trixie_server.url) as proxy:
        yield proxy


def test_killed_at_every_write_to_the_server_and_run_again(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path
) -> None:
    wanted = _undisturbed(trixie_server, hashes, tmp_path / "calm")
    folder = tmp_path / "killed"
    write_config(folder, _sections(trixie_server, proxy.url))
    for number, moment in ((number, moment) for number in itertools.count() for moment in Moment):
        proxy.forget()
        pause = Pause(moment)
        proxy.inject(pause, is_write, skip=number)
        child = _child(folder)
        if not _pauses(child, pause):
            assert child.returncode == 0
            break
        child.kill()
        child.wait()
        pause.go_on()
        ended = classic(folder, *_JOB)
        assert ended.status == 0, (number, moment, ended.errors)
        assert not differences(wanted, state_of(trixie_server)), (number, moment)
        _assert_settled(folder)
        _put_back(trixie_server, hashes)
    assert number >= 4
    assert not differences(wanted, state_of(trixie_server))


@pytest.mark.soak
def test_killed_at_random_moments_and_run_again(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path
) -> None:
    """Five kills in the suite, two hundred in ``make soak``; the seed is in the output."""
    wanted = _undisturbed(trixie_server, hashes, tmp_path / "calm")
    is_soak = bool(os.environ.get("QBM_SOAK"))
    seed = random.randrange(2**32) if is_soak else 1
    print(f"seed {seed}")
    chance = random.Random(seed)
    folder = tmp_path / "killed"
    write_config(folder, _sections(trixie_server, proxy.url))
    proxy.inject(Delay(0.02), times=1_000_000)
    for number in range(200 if is_soak else 5):
        child = _child(folder)
        # From its first request on, so that a slow start of Python is not all that is killed.
        seen = len(proxy.exchanges)
        library.wait_for(lambda: len(proxy.exchanges), seen.__lt__, seconds=60)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(chance.uniform(0, 0.6))
        child.kill()
        child.wait()
        if chance.random() < 0.5:  # else the next one finds what several kills have left
            ended = classic(folder, *_JOB)
            assert ended.status == 0, (seed, number, ended.errors)
            assert not differences(wanted, state_of(trixie_server)), (seed, number)
            _assert_settled(folder)
            _put_back(trixie_server, hashes)
    assert classic(folder, *_JOB).status == 0
    assert not differences(wanted, state_of(trixie_server)), seed
