"""Moving and deleting files that nobody owns: each looked at again right before."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from qbm.config import Config
from qbm.engine.batches import Numbered
from qbm.engine.clearing import Clearer, settle_files
from qbm.engine.lease import Lease
from qbm.engine.tools import Tools
from qbm.errors import Interrupted
from qbm.gateways import disk
from qbm.model.change import DeleteFile, FileChange, MoveFile
from qbm.model.command import CommandName
from qbm.model.plan import Applied, Failed, Outcome, Planned, Stale
from qbm.model.reason import Code, because
from qbm.model.torrent import State
from qbm.simulator import Credentials, SimulatedTorrent, Simulator
from qbm.simulator.records import SimulatedCategory, SimulatedFile
from qbm.store import MovedOrphan, NewRun, Trigger, this_process
from tests.disks import other_device
from tests.engine import tools_on

T = TypeVar("T")


def torrent(number: int, *files: str, **facts: Any) -> SimulatedTorrent:
    """A complete torrent with ``files`` of 10 bytes each."""
    return SimulatedTorrent(
        **{
            "name": f"torrent {number}",
            "infohash_v1": f"{number:040x}",
            "save_path": "/data/films",
            "completion_on": 1_750_000_000,
            "files": tuple(SimulatedFile(name=each, size=10) for each in files),
            **facts,
        }
    )


class Place:
    """A simulated server that seeds one file, and files that nobody owns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "disk/data"
        self.orphaned = self.data / "orphaned_data"
        self.simulator = Simulator(credentials=Credentials(required=False), disk=folder / "disk")
        self.simulator.add([torrent(1, "kept.mkv")])
        self.before: Callable[[], object] = lambda: None
        self.sent: list[int] = []
        self.run_id = ""

    def stray(self, name: str, text: str = "an orphan") -> Path:
        """A file below the root."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def move(self, path: Path) -> MoveFile:
        """What a plan has of it."""
        target = self.orphaned / path.relative_to(self.data)
        return MoveFile(source=str(path), target=str(target), stamp=_stamp(path))

    def delete(self, path: Path) -> DeleteFile:
        """The same, to delete it."""
        return DeleteFile(path=str(path), stamp=_stamp(path))

    def clear(self, *changes: FileChange, stops: bool = False) -> list[Outcome | None]:
        """What comes of ``changes``; ``before`` happens when they are journaled already."""

        async def clearing(tools: Tools, config: Config) -> list[Outcome | None]:
            entries = self._recorded(changes, tools)

            def sending(some: Sequence[Numbered]) -> None:
                self.sent += [each.id for each in some]
                if stops:
                    tools.stop.request()

            lease = Lease(self.run_id, this_process(), tools)
            await lease.take()
            self.before()
            outcomes: Mapping[int, Outcome] = {}
            try:
                outcomes = await Clearer(lease, config, tools, sending).clear(0, entries)
            finally:
                tools.lock.release()
                self.journal = {
                    each.planned.change: each for each in tools.store.entries(self.run_id)
                }
            return [outcomes.get(each.id) for each in entries]

        return self._with_tools(clearing)

    def settle(self, *changes: FileChange) -> int:
        """Settle ``changes`` as of a run that was killed when it had intended them."""

        async def settling(tools: Tools, config: Config) -> int:
            entries = self._recorded(changes, tools)
            tools.store.intend([each.id for each in entries], 0, tools.clock.now())
            self.before()
            try:
                return await settle_files(config, tools)
            finally:
                self.journal = {
                    each.planned.change: each for each in tools.store.entries(self.run_id)
                }

        return self._with_tools(settling)

    def orphans(self) -> list[MovedOrphan]:
        """Those that are written down."""

        async def asking(tools: Tools, _: Config) -> list[MovedOrphan]:
            return tools.store.orphans()

        return self._with_tools(asking)

    def _with_tools(self, work: Callable[[Tools, Config], Awaitable[T]]) -> T:
        directory = {"root_dir": "/data", "remote_dir": str(self.data)}
        with self.simulator.run_in_thread() as url:
            config = Config.model_validate(
                {"qbt": {"host": url}, "directory": directory, "cat": {"films": "/data/films"}}
            )

            async def whole() -> T:
                async with tools_on(url, self.folder / "state") as tools:
                    await tools.server.connect()
                    return await work(tools, config)

            return asyncio.run(whole())

    def _recorded(self, changes: Sequence[FileChange], tools: Tools) -> list[Numbered]:
        new = NewRun(
            server=tools.identity,
            config_file="config.yml",
            trigger=Trigger.CLI,
            holder=this_process(),
            commands=(CommandName.REM_ORPHANED,),
        )
        self.run_id = tools.store.accept(new, datetime.now(UTC)).id
        planned = [
            Planned(each, CommandName.REM_ORPHANED, because(Code.ORPHAN)) for each in changes
        ]
        numbers = tools.store.record(self.run_id, planned)
        return [Numbered(*each) for each in zip(numbers, planned, strict=True)]


def _stamp(path: Path) -> disk.Stamp:
    found = disk.stamp(str(path))
    assert found is not None
    return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty one."""
    return Place(tmp_path)


def test_orphans_move_and_are_written_down(place: Place) -> None:
    stray = place.stray("old/pack/a.mkv")
    change = place.move(stray)
    assert place.clear(change) == [Applied()]
    assert (place.orphaned / "old/pack/a.mkv").read_text() == "an orphan"
    assert not (place.data / "old").exists(), "folders that this left empty go"
    [orphan] = place.orphans()
    assert (orphan.source, orphan.target, orphan.run_id) == (
        change.source,
        change.target,
        place.run_id,
    )


def test_orphans_are_deleted_where_nothing_is_kept(place: Place) -> None:
    stray = place.stray("old/a.mkv")
    assert place.clear(place.delete(stray)) == [Applied()]
    assert not (place.data / "old").exists()
    assert place.orphans() == []


@pytest.mark.parametrize("folder", ["films", "films/new"])
def test_a_file_of_a_torrent_that_is_new_since_stays(place: Place, folder: str) -> None:
    stray = place.stray(f"{folder}/a.mkv", "0123456789")
    place.before = lambda: place.simulator.add([torrent(2, "a.mkv", save_path=f"/data/{folder}")])
    [outcome] = place.clear(place.move(stray))
    assert isinstance(outcome, Stale)
    assert "torrent 2" in outcome.detail
    assert stray.exists()
    assert place.sent == [], "it was not journaled as begun"


def test_a_file_that_a_new_torrent_reaches_through_a_link_stays(place: Place) -> None:
    stray = place.stray("elsewhere/a.mkv", "0123456789")

    def add() -> None:
        place.simulator.add([torrent(2, "pack/b.mkv", "pack/c.mkv")])
        link = place.data / "films/pack/b.mkv"
        link.unlink()
        link.symlink_to("../../elsewhere/a.mkv")

    place.before = add
    [outcome] = place.clear(place.move(stray))
    assert isinstance(outcome, Stale)
    assert "torrent 2" in outcome.detail
    assert stray.exists()


def test_a_file_in_a_folder_that_a_new_torrent_reaches_through_a_link_stays(place: Place) -> None:
    stray = place.stray("elsewhere/a.mkv", "0123456789")
    (place.data / "linked").symlink_to("elsewhere")
    place.before = lambda: place.simulator.add([torrent(2, "a.mkv", save_path="/data/linked")])
    [outcome] = place.clear(place.move(stray))
    assert isinstance(outcome, Stale)
    assert "torrent 2" in outcome.detail
    assert stray.exists()


def test_nothing_moves_while_the_server_loads(place: Place) -> None:
    stray = place.stray("old/a.mkv")
    place.before = lambda: place.simulator.add(
        [torrent(2, "b.mkv", state=State.CHECKING_RESUME_DATA)]
    )
    [outcome] = place.clear(place.move(stray))
    assert isinstance(outcome, Stale)
    assert "loading" in outcome.detail
    assert stray.exists()


def test_nothing_moves_where_a_torrent_does_not_tell_its_files(place: Place) -> None:
    inside, outside = place.stray("films/pack/a.mkv"), place.stray("old/a.mkv")
    place.before = lambda: place.simulator.add(
        [
            torrent(
                2,
                save_path="/data/films/pack",
                has_metadata=False,
                extra={"total_size": 100, "content_path": "/data/films/pack"},
            )
        ]
    )
    inner, outer = place.clear(place.move(inside), place.move(outside))
    assert isinstance(inner, Stale)
    assert "torrent 2" in inner.detail
    assert inside.exists()
    assert outer == Applied()


@pytest.mark.parametrize("how", ["written", "replaced", "gone"])
def test_a_file_that_is_another_one_by_now_stays(place: Place, how: str) -> None:
    stray = place.stray("old/a.mkv")
    moving, deleting = place.move(stray), place.delete(stray)

    def change() -> None:
        if how == "written":
            stray.write_text("something else")
        elif how == "replaced":
            stray.rename(stray.with_name("b.mkv"))
            stray.write_text("an orphan")
            os.utime(stray, ns=(moving.stamp.mtime_ns, moving.stamp.mtime_ns))
        else:
            stray.unlink()

    place.before = change
    for each in (moving, deleting):
        [outcome] = place.clear(each)
        assert isinstance(outcome, Stale)
        place.before = lambda: None
    assert stray.exists() is (how != "gone")
    assert not place.orphaned.exists()


def test_a_name_that_is_taken_by_then_is_not_overwritten(place: Place) -> None:
    stray = place.stray("old/a.mkv")
    place.stray("orphaned_data/old/a.mkv", "earlier")
    [outcome] = place.clear(place.move(stray))
    assert isinstance(outcome, Stale)
    assert stray.read_text() == "an orphan"
    assert (place.orphaned / "old/a.mkv").read_text() == "earlier"


def test_one_that_cannot_be_moved_does_not_keep_the_others_back(place: Place) -> None:
    first, second = place.stray("old/a.mkv"), place.stray("old/b.mkv")
    change = place.move(first)
    place.orphaned.mkdir()
    blocked = MoveFile(
        source=change.source, target=f"{place.orphaned}/{'x' * 300}/a", stamp=change.stamp
    )
    outcomes = place.clear(blocked, place.move(second))
    assert isinstance(outcomes[0], Failed)
    assert outcomes[1] == Applied()
    assert first.exists()


def test_a_stop_leaves_the_rest_where_it_was_and_the_journal_complete(place: Place) -> None:
    changes = [place.move(place.stray(f"old/{number}")) for number in range(3)]
    with pytest.raises(Interrupted):
        place.clear(*changes, stops=True)
    assert {each.state for each in place.journal.values()} == {"stale"}
    assert all(Path(each.source).exists() for each in changes)


def test_hard_links_of_one_file_all_move(place: Place) -> None:
    first = place.stray("old/a.mkv")
    second = first.with_name("b.mkv")
    os.link(first, second)
    assert place.clear(place.move(first), place.move(second)) == [Applied(), Applied()]


@pytest.mark.parametrize("name", ["films", "tv", "tv/hd", "sub"])
def test_save_paths_of_categories_stay_although_they_are_empty(place: Place, name: str) -> None:
    place.simulator.library.create_category(SimulatedCategory("tv", "/data/tv/hd"))
    place.simulator.library.create_category(SimulatedCategory("sub"))
    stray = place.stray(f"{name}/a.mkv")
    assert place.clear(place.move(stray)) == [Applied()]
    assert (place.data / name).is_dir()


def test_many_are_journaled_in_parts(place: Place) -> None:
    changes = [place.move(place.stray(f"old/{number:03}")) for number in range(120)]
    assert set(place.clear(*changes)) == {Applied()}
    assert len(place.sent) == 120
    assert len(place.orphans()) == 120


# After a kill


def test_a_move_that_was_not_begun_is_planned_anew(place: Place) -> None:
    stray = place.stray("old/a.mkv")
    change = place.move(stray)
    assert place.settle(change) == 1
    assert place.journal[change].state == "unconfirmed"
    assert stray.exists()


def test_a_move_that_was_done_counts_and_is_written_down(place: Place) -> None:
    stray = place.stray("old/a.mkv")
    change = place.move(stray)
    Path(change.target).parent.mkdir(parents=True)
    stray.rename(change.target)
    place.settle(change)
    assert place.journal[change].state == "applied"
    assert [each.target for each in place.orphans()] == [change.target]
    assert not (place.data / "old").exists()


def test_a_copy_that_was_cut_off_is_taken_back(place: Place, tmp_path: Path) -> None:
    stray = place.stray("old/a.mkv", "x" * 5_000_000)
    change = place.move(stray)
    with other_device(tmp_path) as far:
        change = MoveFile(source=change.source, target=f"{far}/a.mkv", stamp=change.stamp)
        stops = iter([False, True, True])
        fate = disk.move(
            change.source, change.target, change.stamp, is_stopped=lambda: next(stops, True)
        )
        assert fate is disk.Fate.STOPPED
        place.settle(change)
        assert [*far.iterdir()] == []
    assert place.journal[change].state == "unconfirmed"
    assert stray.stat().st_size == 5_000_000


def test_a_deletion_that_was_done_counts_and_one_that_was_not_does_not(place: Place) -> None:
    done, left = place.stray("old/a.mkv"), place.stray("older/b.mkv")
    changes = [place.delete(done), place.delete(left)]
    done.unlink()
    assert place.settle(*changes) == 2
    assert [place.journal[each].state for each in changes] == ["applied", "unconfirmed"]
    assert left.exists()
    assert not (place.data / "old").exists()


def test_nothing_open_costs_nothing(place: Place) -> None:
    assert place.settle() == 0
