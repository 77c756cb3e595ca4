"""kill -9 in the middle of removals: every torrent is whole, or gone with its files in the bin.

Real servers, a tracker that does not know the torrents, real files (spec: safety,
invariant 3; commands, *Removing a torrent*).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
import requests

from qbm.gateways.recycle_bin import FileState, Records
from qbm.store import RunState, Store
from tests.disks import other_device
from tests.faults.doomed import LARGE, Doomed, Place
from tests.faults.removal_program import Runs, forked_runs
from tests.lab import library
from tests.lab.library import Content
from tests.lab.proxy import Moment, Pause, Proxy, ProxyOf, is_write, path_is
from tests.lab.servers import Server, differences, state_of
from tests.lab.suites import Suite
from tests.lab.tracker import Tracker, Works
from tests.program import Ended, Served, environment, qbm

_IS_SOAK = bool(os.environ.get("QBM_SOAK"))
_PIECE = 4 << 20
"""More than this is copied in several pieces."""
_Before: TypeAlias = Callable[[Place, Runs, Doomed, list[str]], None]
_REMOVING = path_is("torrents/delete")


@pytest.fixture
def place(trixie_server: Server, tracker: Tracker, tmp_path: Path) -> Place:
    """A newer server, with a bin beside its files."""
    made = Place(trixie_server, tracker, tmp_path / "config")
    made.pad(20)
    made.configure()
    return made


@pytest.fixture
def far_bin(trixie_server: Server, tmp_path: Path) -> Iterator[Path]:
    """A bin on another device than the files."""
    if tmp_path.stat().st_dev != trixie_server.save_path.stat().st_dev:
        yield tmp_path / "bin"
        return
    with other_device(trixie_server.save_path) as folder:
        yield folder / "bin"


@pytest.fixture
def far_place(place: Place, far_bin: Path) -> Place:
    """The same with a bin on another device, and a file that is copied in three pieces."""
    place.bin_folder = far_bin
    place.large = 2 * _PIECE + 1
    place.configure()
    return place


@pytest.fixture
def runs() -> Iterator[Runs]:
    """What forks runs."""
    with forked_runs(environment()) as running:
        yield running


def _again(place: Place, doomed: Doomed) -> Ended:
    ended = qbm(*place.words(), *doomed.words)
    assert ended.status == 0, (ended.output, ended.errors)
    return ended


def _assert_nothing_is_left_to_do(place: Place) -> None:
    ended = qbm(*place.words())
    assert ended.status == 0, ended.errors
    with Store.open(place.folder) as store:
        assert store.entries(place.runs()[-1].id) == []


# At every change of the disk and of the journal


@pytest.mark.soak
def test_a_removal_killed_at_any_write_is_ended_by_the_next_run(place: Place, runs: Runs) -> None:
    points = _killed_everywhere(place, runs, step=1 if _IS_SOAK else 6)
    if _IS_SOAK:
        assert {"before a commit", "after a commit"} <= {*points}
        renamed = [each for each in points if each.startswith("os.rename")]
        assert len(renamed) >= 10, "of each torrent two files, and its record four times"


@pytest.mark.soak
def test_a_removal_across_devices_killed_at_any_write_is_ended_by_the_next_run(
    far_place: Place, runs: Runs
) -> None:
    points = _killed_everywhere(far_place, runs, step=1 if _IS_SOAK else 8)
    if _IS_SOAK:
        pieces = [each for each in points if each.startswith("os.write of")]
        assert len(pieces) >= 2


@pytest.mark.soak
def test_a_run_that_finishes_a_removal_may_be_killed_at_any_write_as_well(
    place: Place, runs: Runs
) -> None:
    _killed_everywhere(place, runs, step=1 if _IS_SOAK else 16, before=_kill_between)


def _nothing_before(place: Place, runs: Runs, doomed: Doomed, words: list[str]) -> None:
    """What is to be removed is as it was made."""


def _killed_everywhere(
    place: Place, runs: Runs, step: int, before: _Before = _nothing_before
) -> list[str]:
    """Kill a run at each ``step``-th point, until one ends by itself; answers what they were.

    ``before`` is what happened to each run's torrents before.
    """
    points: list[str] = []
    stock: list[Doomed] = []
    done: list[Doomed] = []
    for number in itertools.count(1, step):
        if not stock:
            place.pad(40)
            stock = place.doom(20)
        doomed = stock.pop()
        done.append(doomed)
        earlier = len(place.runs())
        words = [*place.words(), *doomed.words]
        before(place, runs, doomed, words)
        killed = runs.killed(number, words)
        context = number, killed.at
        place.assert_nothing_lost([doomed], context)
        if killed.was_killed:
            points.append(killed.at)
            place.let_time_pass()
            again = runs.whole(words)
            assert again.status == 0, (context, again.output)
        place.assert_gone([doomed], context)
        place.assert_recorded([doomed], context)
        place.assert_settled(2, earlier, context)
        if not killed.was_killed:
            assert killed.status == 0, killed.output
            break
    assert number > 60, "hardly any points: are they still counted?"
    print(*points, sep="\n")
    third = runs.whole([*place.words(), *(word for each in done for word in each.words)])
    assert third.status == 0, third.output
    with Store.open(place.folder) as store:
        assert store.entries(place.runs()[-1].id) == []
    return points


# At every request that writes


def _child(place: Place, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "qbm", *place.words(), *words],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _killed_at(pause: Pause, child: subprocess.Popen[bytes]) -> bool:
    """Kill the child once it is at the pause; False if it ended without."""
    library.wait_for(lambda: pause.has_arrived or child.poll() is not None, bool, seconds=60)
    is_there = pause.has_arrived
    child.kill()
    child.wait()
    pause.go_on()
    return is_there


@pytest.mark.parametrize("server", [Suite.BULLSEYE, Suite.TRIXIE], indirect=True, ids=str)
def test_a_removal_killed_at_any_request_is_ended_by_the_next_run(
    server: Server, tracker: Tracker, proxy_of: ProxyOf, runs: Runs, tmp_path: Path
) -> None:
    place = Place(server, tracker, tmp_path / "config")
    proxy = proxy_of(server)
    place.configure(proxy.url)
    place.pad(20)
    stock = place.doom(6)
    for number, moment in ((number, moment) for number in itertools.count() for moment in Moment):
        doomed = stock.pop()
        before = len(place.runs())
        proxy.heal()
        pause = Pause(moment)
        proxy.inject(pause, is_write, skip=number)
        was_killed = _killed_at(pause, _child(place, *doomed.words))
        context = number, moment
        place.assert_nothing_lost([doomed], context)
        if was_killed:
            again = runs.whole([*place.words(), *doomed.words])
            assert again.status == 0, (context, again.output)
        place.assert_gone([doomed], context)
        place.assert_recorded([doomed], context)
        place.assert_settled(2, before, context)
        if not was_killed:
            break
    assert number == 2, "each of the two torrents is one request"


# At random


@pytest.mark.soak
def test_many_removals_killed_at_random_moments_lose_nothing(
    place: Place, proxy_of: ProxyOf
) -> None:
    """Five kills of runs over 10 removals in the suite; in ``make soak`` 200, over 50 each."""
    seed = random.randrange(2**32) if _IS_SOAK else 1
    print(f"seed {seed}")
    chance = random.Random(seed)
    proxy = proxy_of(place.server)
    place.configure(proxy.url)
    pairs, most, longest = (25, 200, 2.5) if _IS_SOAK else (5, 5, 0.8)
    place.pad(4 * pairs)
    kills = 0
    while kills < most:
        before = len(place.runs())
        doomed = place.doom(pairs)
        while kills < most and _any_there(place, doomed):
            if _killed_at_random(place, proxy, chance, longest):
                kills += 1
            place.assert_nothing_lost(doomed, (seed, kills))
            if chance.random() < 0.5:  # else the next one comes while the last may take effect
                place.let_time_pass()
        ended = qbm(*place.words())
        assert ended.status == 0, (seed, kills, ended.errors)
        place.assert_gone(doomed, (seed, kills))
        place.assert_recorded(doomed, (seed, kills))
        place.assert_settled(2 * pairs, before, (seed, kills))
    _assert_nothing_is_left_to_do(place)


def _any_there(place: Place, doomed: list[Doomed]) -> bool:
    there = place.server.api.by_hash()
    return any(one in there for each in doomed for one in each.hashes)


def _killed_at_random(place: Place, proxy: Proxy, chance: random.Random, longest: float) -> bool:
    """Kill a run up to ``longest`` seconds after its first request; False if it ended before."""
    asked = len(proxy.exchanges)
    child = _child(place)
    library.wait_for(lambda: len(proxy.exchanges), asked.__lt__, seconds=60)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(chance.uniform(0, longest))
    child.kill()
    return child.wait() == -signal.SIGKILL


# What comes next may be something else


def _cut_off(place: Place, runs: Runs) -> Doomed:
    """Torrents of which the first has just been taken off the server, when its run was killed."""
    [doomed] = place.doom()
    _kill_between(place, runs, doomed, [*place.words(), "--hash", doomed.hashes[0]])
    assert (place.server.save_path / doomed.alone.name / LARGE).is_file()
    place.assert_nothing_lost([doomed])
    return doomed


def _kill_between(place: Place, runs: Runs, doomed: Doomed, words: list[str]) -> None:
    """Kill a run when the first torrent is off the server, and its files are where they were."""
    first_into_the_bin = f"open '{place.bin / doomed.alone.name}/"
    killed = runs.killed_at(first_into_the_bin, words)
    assert killed.was_killed, killed.output
    assert doomed.hashes[0] not in place.server.api.by_hash()
    assert not [*(place.bin / doomed.alone.name).iterdir()]


def test_a_dry_run_after_a_kill_changes_nothing_and_says_what_is_unfinished(
    place: Place, runs: Runs
) -> None:
    doomed = _cut_off(place, runs)
    before, shown = place.picture(), state_of(place.server)
    dry = qbm(*place.words(), "--dry-run")
    assert dry.status == 0, dry.errors
    assert "cut off" in dry.output + dry.errors
    assert place.picture() == before
    assert not differences(shown, state_of(place.server))
    _again(place, doomed)
    place.assert_gone([doomed])
    place.assert_recorded([doomed])
    place.assert_settled(2)


def test_a_run_of_another_command_finishes_a_removal_all_the_same(place: Place, runs: Runs) -> None:
    doomed = _cut_off(place, runs)
    ended = qbm(*place.words("tag_update"), "--hash", doomed.keeper_hash)
    assert ended.status == 0, ended.errors
    home, gone = place.server.save_path, doomed.alone
    assert not (home / gone.name).exists()
    for path, content in gone.files.items():
        assert (place.bin / gone.name / path).read_bytes() == content
    place.assert_settled(1)
    _again(place, doomed)
    place.assert_gone([doomed])
    place.assert_settled(2)


def test_a_torrent_added_again_before_anybody_saw_it_gone_is_one_that_was_never_removed(
    place: Place, proxy_of: ProxyOf
) -> None:
    [doomed] = place.doom()
    proxy = proxy_of(place.server)
    place.configure(proxy.url)
    pause = Pause(Moment.AFTER)
    proxy.inject(pause, _REMOVING)
    assert _killed_at(pause, _child(place, "--hash", doomed.hashes[0]))
    library.wait_for(place.server.api.by_hash, lambda there: doomed.hashes[0] not in there)
    _add_again(place, doomed)
    ended = qbm(*place.words(), "--hash", doomed.hashes[0])
    assert ended.status == 0, ended.errors
    _assert_is_back(place, doomed)
    assert Records(place.folder).all() == ([], [])
    place.assert_settled(0)


def _add_again(place: Place, doomed: Doomed) -> None:
    """As its owner does who wants it back; its tracker knows it from now on."""
    place.tracker.answer(doomed.alone.infohash_v1, Works())
    library.add(place.server, doomed.alone, content=Content.ON_DISK, is_stopped=False)
    library.announced(place.server, doomed.hashes[0])


def _assert_is_back(place: Place, doomed: Doomed) -> None:
    assert place.server.api.by_hash()[doomed.hashes[0]]["progress"] == 1
    place.assert_nothing_lost([doomed])
    assert not [*place.bin.glob(f"{doomed.alone.name}/**/*.mkv")]


def test_a_torrent_added_again_after_a_kill_keeps_its_files(place: Place, runs: Runs) -> None:
    doomed = _cut_off(place, runs)
    _add_again(place, doomed)
    ended = qbm(*place.words(), *doomed.words)
    assert ended.status == 0, ended.errors
    _assert_is_back(place, doomed)
    [record] = [each for each in Records(place.folder).all()[0] if each.hash == doomed.hashes[0]]
    assert {each.state for each in record.files} == {FileState.KEPT}
    assert "added again" in record.files[0].why
    assert doomed.hashes[1] not in place.server.api.by_hash()
    place.assert_settled(2)
    _assert_nothing_is_left_to_do(place)


# Long copies


def test_a_copy_killed_in_the_middle_is_begun_anew(far_place: Place, runs: Runs) -> None:
    [doomed] = far_place.doom()
    words = [*far_place.words(), *doomed.words]
    killed = runs.killed_in_a_copy(words)
    assert killed.was_killed, killed.output
    home = far_place.server.save_path / doomed.alone.name / LARGE
    [part] = [each for each in far_place.bin.rglob("*.part") if each.stat().st_size]
    assert 0 < part.stat().st_size < home.stat().st_size
    far_place.assert_nothing_lost([doomed])
    _again(far_place, doomed)
    far_place.assert_gone([doomed])
    far_place.assert_recorded([doomed])
    far_place.assert_settled(2)


def test_ctrl_c_in_a_long_copy_ends_the_run_at_once_and_the_next_goes_on(
    far_place: Place, runs: Runs
) -> None:
    [doomed] = far_place.doom()
    stopped = runs.interrupted_in_a_copy([*far_place.words(), *doomed.words])
    assert stopped.status == 130, stopped.output
    assert "The next run ends the removal that was begun." in stopped.output
    assert (far_place.server.save_path / doomed.alone.name / LARGE).is_file()
    assert not far_place.strange_files(), "what was copied is taken away"
    far_place.assert_nothing_lost([doomed])
    assert far_place.runs()[0].state is RunState.INTERRUPTED
    _again(far_place, doomed)
    far_place.assert_gone([doomed])
    far_place.assert_recorded([doomed])
    far_place.assert_settled(2)


# The queue


@pytest.mark.parametrize("moment", Moment)
def test_a_queued_run_killed_in_a_removal_goes_on_when_the_server_starts_again(
    place: Place, proxy_of: ProxyOf, moment: Moment
) -> None:
    [doomed] = place.doom()
    proxy = proxy_of(place.server)
    place.configure(proxy.url)
    pause = Pause(moment)
    proxy.inject(pause, _REMOVING)
    with Served(place.folder) as served:
        body = {"commands": ["rem_unregistered"], "hashes": doomed.hashes}
        asked = requests.post(f"{served.url}/api/runs", json=body, timeout=30)
        assert asked.status_code == 202, asked.text
        pause.wait()
        served.end(signal.SIGKILL)
        pause.go_on()
        place.assert_nothing_lost([doomed])
        served.start()
        library.wait_for(lambda: place.runs()[0].ended_at, bool, seconds=60)
        place.assert_gone([doomed])
        place.assert_recorded([doomed])
    place.assert_settled(2)
    [run] = place.runs()
    assert (run.state, run.attempts, run.exit_code) == (RunState.DONE, 2, 0)
