"""What is written down of the bins follows what is left in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qbm.engine.binned import Place
from qbm.engine.emptied import Books
from qbm.gateways import disk
from qbm.gateways.recycle_bin import FileState, Record, RecordedFile, Records
from qbm.model.change import Disposal, RestoreTorrent
from qbm.model.command import CommandName
from qbm.model.disk import Bin
from qbm.model.plan import Planned
from qbm.model.reason import Code, because
from qbm.store import Intent, MovedOrphan, Run, Store
from tests.factories import NOW, a_torrent
from tests.store_factories import SERVER, a_new_run


class Keeper:
    """A state folder with a run that has removed things, and a bin."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.state_dir = folder / "state"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.store = store
        self.records = Records(self.state_dir)
        self.run: Run = store.accept(a_new_run(), NOW)
        self.identity = SERVER
        self.clock = self

    def now(self) -> Any:
        """The clock of the tools."""
        return NOW

    def removed(self, *files: RecordedFile, run_id: str = "", **facts: Any) -> Record:
        usual: dict[str, Any] = {"reason": "", "removed_at": NOW, "disposal": Disposal.RECYCLE}
        record = Record.of(a_torrent(), files, run_id=run_id or self.run.id, **{**usual, **facts})
        return self.records.save(record, {f"{record.hash}.torrent": b"x"})

    def file(self, name: str, **facts: Any) -> RecordedFile:
        """A file that was moved into the bin, and is there."""
        path = self.bin / name
        path.write_bytes(b"abc")
        usual: dict[str, Any] = {
            "name": name,
            "size": 3,
            "source": f"/data/{name}",
            "target": str(path),
            "stamp": disk.stamp(str(path)),
            "state": FileState.MOVED,
            "at": NOW,
        }
        return RecordedFile(**{**usual, **facts})

    def settle(
        self, days: int | None = 1, *, intents: tuple[Intent, ...] = (), is_known: bool = True
    ) -> list[Record]:
        """Bring the books up to date; answers the records that are left."""
        places = [Place(Bin.RECYCLE_BIN, str(self.bin))] if is_known else []
        found, _ = self.records.all()
        books = Books(found, self.store.orphans(), intents, places)
        books.bring_up_to_date(days, self)  # type: ignore[arg-type]  # has what it takes of tools
        return self.records.all()[0]


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    with Store.open(tmp_path / "state") as store:
        yield Keeper(tmp_path, store)


def states(record: Record) -> list[FileState]:
    return [each.state for each in record.files]


def test_a_file_that_is_gone_is_written_down_as_deleted_and_the_torrent_stays(
    keeper: Keeper,
) -> None:
    keeper.removed(keeper.file("a"), keeper.file("b"))
    (keeper.bin / "a").unlink()
    [record] = keeper.settle()
    assert states(record) == [FileState.DELETED, FileState.MOVED]
    assert record.can_restore


def test_what_is_not_in_a_bin_that_was_looked_into_stays_written_down(keeper: Keeper) -> None:
    keeper.removed(keeper.file("a"))
    (keeper.bin / "a").unlink()
    [record] = keeper.settle(is_known=False)
    assert states(record) == [FileState.MOVED]


def test_the_record_of_another_servers_torrent_is_left_to_that_server(keeper: Keeper) -> None:
    other = keeper.store.accept(a_new_run(server="host http://127.0.0.1:1"), NOW)
    keeper.removed(keeper.file("a"), run_id=other.id)
    (keeper.bin / "a").unlink()
    [record] = keeper.settle()
    assert states(record) == [FileState.MOVED]


def test_a_record_that_a_restore_is_at_work_with_is_left_alone(keeper: Keeper) -> None:
    record = keeper.removed(keeper.file("a"), removed_at=NOW - timedelta(days=99))
    (keeper.bin / "a").unlink()
    restore = RestoreTorrent(hash=record.hash, removed_by=record.run_id)
    planned = Planned(restore, CommandName.RESTORE, because(Code.ORPHAN))
    [left] = keeper.settle(intents=(Intent(1, "other", planned, NOW),))
    assert states(left) == [FileState.MOVED]


@pytest.mark.parametrize(
    ("ago", "days", "is_left"),
    [(31, 0, False), (29, 0, True), (31, 90, True), (91, 90, False), (4000, None, True)],
)
def test_a_record_without_files_is_kept_for_a_month_and_as_long_as_files_are(
    ago: int, days: int | None, is_left: bool, keeper: Keeper
) -> None:
    at = NOW - timedelta(days=ago)
    deleted = keeper.file("a", state=FileState.DELETED, at=at)
    keeper.removed(deleted, removed_at=NOW - timedelta(days=ago + 1))
    assert bool(keeper.settle(days)) is is_left


def test_a_record_with_a_file_in_the_bin_is_never_discarded(keeper: Keeper) -> None:
    long_ago = NOW - timedelta(days=999)
    keeper.removed(keeper.file("a", at=long_ago), removed_at=long_ago)
    assert len(keeper.settle(0)) == 1


def test_an_orphan_that_is_gone_is_forgotten(keeper: Keeper) -> None:
    orphans = [
        MovedOrphan(
            server=SERVER,
            run_id=keeper.run.id,
            source=f"/data/{name}",
            target=str(keeper.bin / name),
            stamp=disk.Stamp(1, 2, 3, 4),
            moved_at=NOW,
        )
        for name in ("gone", "there")
    ]
    (keeper.bin / "there").touch()
    keeper.store.keep_orphans(orphans)
    books = Books([], orphans, [], [Place(Bin.ORPHANED_DIR, str(keeper.bin))])
    books.bring_up_to_date(None, keeper)  # type: ignore[arg-type]  # as above
    assert [each.target for each in keeper.store.orphans()] == [str(keeper.bin / "there")]
