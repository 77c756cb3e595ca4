"""Libraries in which torrents are to be removed, and what must hold of their files."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from qbm.gateways.disk import is_temporary
from qbm.gateways.recycle_bin import FileState, Record, Records
from qbm.store import Run, Store
from tests.lab import library, torrents
from tests.lab.servers import Server
from tests.lab.suites import Suite
from tests.lab.torrents import Torrent
from tests.lab.tracker import UNREGISTERED, Tracker
from tests.program import write_config

BOTH = "both.nfo"
"""The file that a torrent which is to go shares with one that stays."""
LARGE = "sub/large.mkv"

A_MINUTE_AGO = """
UPDATE journal SET intended_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', intended_at, '-60 seconds')
WHERE intended_at IS NOT NULL AND concluded_at IS NULL
"""


@dataclass(frozen=True)
class Doomed:
    """Two torrents that are to go: ``partly`` shares a file with ``keeper``, which stays."""

    alone: Torrent
    partly: Torrent
    keeper: Torrent
    hashes: tuple[str, str]
    """Of the two, on the server."""
    keeper_hash: str

    @property
    def words(self) -> tuple[str, ...]:
        """Flags of ``qbm`` that choose them."""
        return tuple(word for each in self.hashes for word in ("--hash", each))

    @property
    def files(self) -> Iterator[tuple[str, str, bytes]]:
        """Hash, path below the save path, and content, of all files of the two."""
        for torrent, torrent_hash in zip((self.alone, self.partly), self.hashes, strict=True):
            for path, content in torrent.files.items():
                yield torrent_hash, f"{torrent.name}/{path}", content


@dataclass
class Place:
    """A server, a folder with its config, and what goes into the bin of it.

    ``bin_folder`` None is the usual one, in the save path.
    """

    server: Server
    tracker: Tracker
    folder: Path
    bin_folder: Path | None = None
    large: int = 1000
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def bin(self) -> Path:
        """The recycle bin."""
        return self.bin_folder or self.server.save_path / ".RecycleBin"

    def configure(self, url: str = "") -> None:
        """Write the config; ``url`` is where the server is found, if through a proxy."""
        directory = {"root_dir": str(self.server.save_path)}
        if self.bin_folder:
            directory["recycle_bin"] = str(self.bin_folder)
        if self.server.suite is Suite.BULLSEYE:  # it cannot export
            directory["torrents_dir"] = str(self.server.torrents_folder)
        settings = dict.fromkeys(
            ("rem_unregistered_grace_minutes", "rem_unregistered_max_torrents"), 0
        )
        sections: dict[str, Any] = {
            "qbt": {"host": url or self.server.url},
            "settings": {**settings, "max_removal_percent": 0},
            "directory": directory,
            "recyclebin": {"save_torrents": True},
            "cat": {"films": str(self.server.save_path)},
            "tracker": {"other": {"tag": "seen"}},
        }
        write_config(self.folder, sections)

    def words(self, *commands: str) -> list[str]:
        """The words of a run; of ``rem_unregistered``, if no other is named."""
        named = commands or ("rem_unregistered",)
        return ["run", *named, "--config-dir", str(self.folder)]

    def pad(self, number: int) -> None:
        """Have torrents that the tracker knows, so that the others are few beside them."""
        prefix = f"known {next(self._numbers)}"
        known = torrents.many(number, self.tracker.url("fine"), prefix=prefix)
        library.add(self.server, *known)

    def doom(self, number: int = 1) -> list[Doomed]:
        """Add so many pairs of torrents that the tracker does not know."""
        self.tracker.answer("gone", UNREGISTERED)
        gone, fine = self.tracker.url("gone"), self.tracker.url("fine")
        made = [self._made(gone, fine) for _ in range(number)]
        stays = library.add(self.server, *(each[2] for each in made))
        goes = library.add(
            self.server, *(one for each in made for one in each[:2]), is_stopped=False
        )
        for each in goes:
            library.announced(self.server, each)
        return [
            Doomed(*each, hashes=(goes[2 * index], goes[2 * index + 1]), keeper_hash=stays[index])
            for index, each in enumerate(made)
        ]

    def _made(self, gone: str, fine: str) -> tuple[Torrent, Torrent, Torrent]:
        """Content of one's own; ``alone`` goes first, so that each kill finds the same order."""
        number = next(self._numbers)
        files = {
            "one.mkv": torrents.content_of(f"one {number}"),
            LARGE: torrents.content_of(f"{number}", self.large),
        }
        partly = torrents.folder(f"partly {number}", gone, paths=("own.mkv", BOTH))
        keeper = torrents.folder(f"partly {number}", fine, paths=(BOTH, "other.mkv"))
        tiers = torrents.tiers(gone)
        some = (Torrent(f"alone {number}", files, tiers=tiers, source=f"{n}") for n in count())
        alone = next(each for each in some if each.hash < partly.hash)
        return alone, partly, keeper

    # What must hold

    def assert_nothing_lost(self, doomed: Iterable[Doomed], context: object = "") -> None:
        """At any time: none is on the server without its files, and each file is somewhere."""
        there = self.server.api.by_hash()
        home = self.server.save_path
        for each in doomed:
            for torrent_hash, path, content in each.files:
                is_home = _holds(home / path, content)
                assert is_home or torrent_hash not in there, (context, path, "seeds without it")
                assert is_home or _holds(self.bin / path, content), (context, path, "is lost")
            self._assert_kept(each, there, context)

    def assert_gone(self, doomed: Iterable[Doomed], context: object = "") -> None:
        """They are off the server, and each file is whole in one place: the bin, if its own."""
        there = self.server.api.by_hash()
        home = self.server.save_path
        for each in doomed:
            assert there.keys().isdisjoint(each.hashes), context
            for _, path, content in each.files:
                goes, stays = self.bin / path, home / path
                if path.endswith(BOTH):
                    goes, stays = stays, goes
                assert _holds(goes, content), (context, path, "is not where it belongs")
                assert not stays.exists(), (context, path, "is in two places")
            assert not (home / each.alone.name).exists(), (context, "an empty folder is left")
            self._assert_kept(each, there, context)

    def _assert_kept(self, doomed: Doomed, there: dict[str, Any], context: object) -> None:
        assert doomed.keeper_hash in there, (context, "the other torrent is gone")
        for path, content in doomed.keeper.files.items():
            kept = self.server.save_path / doomed.keeper.name / path
            assert _holds(kept, content), (context, kept, "belongs to a torrent that stays")

    def assert_recorded(self, doomed: Sequence[Doomed], context: object = "") -> None:
        """Each has one record, with all that brings it back, that says where its files are."""
        records, unreadable = Records(self.folder).all()
        assert not unreadable, context
        folders = [*(self.folder / "removed").iterdir()]
        assert len(folders) == len(records), (context, "of a removal that was never begun")
        by_hash = Counter[str](each.hash for each in records)
        wanted = [one for each in doomed for one in each.hashes]
        assert {one: by_hash[one] for one in wanted} == dict.fromkeys(wanted, 1), context
        for record in records:
            if record.hash in wanted:
                self._assert_whole(record, context)

    def _assert_whole(self, record: Record, context: object) -> None:
        assert record.can_restore, (context, record.name)
        kept = {
            each.name for each in Records(self.folder).folder(record.run_id, record.hash).iterdir()
        }
        assert {"manifest.json", f"{record.hash}.torrent"} <= kept, (context, kept)
        assert not any(_is_temporary(each) for each in kept), (context, kept)
        assert any(
            record.hash[-8:] in each.name or record.hash in each.name for each in self._copies()
        ), (context, "no copy of its .torrent")
        for file in record.files:
            is_shared = file.name.endswith(BOTH)
            state = FileState.KEPT if is_shared else FileState.MOVED
            assert file.state is state, (context, record.name, file)
            assert is_shared or Path(file.target).is_relative_to(self.bin), (context, file)
            assert is_shared or Path(file.target).is_file(), (context, file)

    def _copies(self) -> list[Path]:
        """What ``save_torrents`` has left in the bin."""
        return [*self.bin.glob("torrents*/*.torrent")]

    def assert_settled(self, removed: int, before: int = 0, context: object = "") -> None:
        """Real runs after the first ``before`` count each removal once; nothing is left open."""
        runs = self.runs()[before:]
        with Store.open(self.folder) as store:
            assert not [one for run in runs for one in store.open_intents(run.server)], context
        assert all(run.ended_at for run in runs), context
        counted = sum((Counter(run.stats) for run in runs if not run.dry_run), Counter[str]())
        assert (counted["rem_unreg"], counted["deleted_contents"]) == (removed, removed), (
            context,
            [(run.state, run.stats) for run in runs],
        )
        assert not self.strange_files(), context

    def runs(self) -> list[Run]:
        """All runs, the oldest first."""
        with Store.open(self.folder) as store:
            return sorted(store.runs(100_000), key=lambda run: run.arrival)

    def let_time_pass(self) -> None:
        """Whatever a killed run asked of the server last, it asked a minute ago.

        Else the next run waits a while for what it may still bring about.
        """
        with closing(sqlite3.connect(self.folder / "qbm.db")) as raw, raw:
            if raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'journal'").fetchone():
                raw.execute(A_MINUTE_AGO)

    def picture(self) -> dict[Path, tuple[int, int, bytes]]:
        """All files and folders of the library, the bin and the records, as they are."""
        folders = {self.server.save_path, self.bin, self.folder / "removed"}
        found: dict[Path, tuple[int, int, bytes]] = {}
        for path in (each for folder in folders for each in [folder, *folder.rglob("*")]):
            if path.exists():
                about = path.lstat()
                content = path.read_bytes() if path.is_file() else b""
                found[path] = about.st_ino, about.st_mtime_ns, content
        return found

    def strange_files(self) -> list[Path]:
        """Temporary and empty files in the library and in the bin."""
        folders = {self.server.save_path, self.bin}
        return [
            each
            for folder in folders
            for each in folder.rglob("*")
            if each.is_file() and (_is_temporary(each.name) or not each.stat().st_size)
        ]


def _is_temporary(name: str) -> bool:
    return is_temporary(name) or name.endswith(".new")


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
