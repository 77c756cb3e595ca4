"""The library that the two disk commands go through: files in folders, half of them linked away.

Nothing in it meets a deliberate difference between the programs, so what they leave must be
equal, and can be told beforehand.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.contest import State
from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.servers import Server
from tests.lab.torrents import Torrent

_ORPHANS = 40
"""Fewer than both programs' cap of 50."""
_PER_FOLDER = 1000
_SERIES_FILES = ("one.mkv", "two.mkv", "info.nfo")
_UNLINKED_TAG = "noHL"
_SET_ASIDE = "orphaned_data"


@dataclass(frozen=True, slots=True)
class Left:
    """What the commands are there to change: tags on the server, files on the disk.

    ``links`` has, for each file below the library's folder, how many links it has.
    """

    state: State
    links: Mapping[str, int]

    def differences(self, other: Left) -> list[str]:
        """Where ``other`` differs, one line each."""
        return self.state.differences(other.state) + [
            f"{path}: {self.links.get(path)} and {other.links.get(path)} links"
            for path in sorted({*self.links, *other.links})
            if self.links.get(path) != other.links.get(path)
        ]


@dataclass(frozen=True)
class Shelf:
    """``count`` torrents, complete, below ``folder``: nine of ten single files, the rest series.

    All files of every second one are hard linked into a media library outside the root.
    """

    count: int
    folder: Path

    @property
    def root(self) -> Path:
        """What both programs are told to look through."""
        return self.folder / "root"

    @cached_property
    def torrents(self) -> list[Torrent]:
        """Those of even numbers are linked."""
        return [
            torrents.folder(f"Series {number:05}", paths=_SERIES_FILES, size=200)
            if self._is_series(number)
            else torrents.single(f"Film {number:05}.mkv", size=200)
            for number in range(self.count)
        ]

    def lay(self) -> None:
        """Puts the files as they were before any run, whatever is there now."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for number, torrent in enumerate(self.torrents):
            place = self._place(number)
            torrent.write(self.root / place)
            if self._is_linked(number):
                library.hard_link(torrent, self.root / place, self.folder / "media" / place)
        for orphan in self._orphans():
            path = self.root / orphan
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(orphan, encoding="utf-8")

    def fill(self, server: Server) -> None:
        """Lays the files and adds everything, stopped: a server's own announcing would be noise."""
        self.lay()
        by_place: dict[str, list[Torrent]] = {}
        for number, torrent in enumerate(self.torrents):
            by_place.setdefault(self._place(number), []).append(torrent)
        for place, found in by_place.items():
            library.add(
                server,
                *found,
                content=Content.ON_DISK,
                category=place.split("/", maxsplit=1)[0],
                save_path=self.root / place,
            )

    def config(self, address: str, username: str, password: str) -> str:
        """The YAML file for a server at ``address`` (``host:port``), as a user has it.

        Files of any age may go: those of a bench are minutes old.
        """
        return f"""\
qbt:
  host: {address}
  user: {username}
  pass: {password}
settings:
  force_auto_tmm: false
  nohardlinks_tag: {_UNLINKED_TAG}
directory:
  root_dir: {self.root}
cat:
  films: {self.root}/films
  tv: {self.root}/tv
tracker:
  other:
    tag: other
nohardlinks:
  films:
  tv:
recyclebin:
  enabled: false
orphaned:
  min_file_age_minutes: 0
"""

    def left(self, server: Server) -> Left:
        """As it is now, once nothing moves on the server."""
        return Left(State.of(server), self._links())

    def after_orphans(self, before: Left) -> Left:
        """What ``rem_orphaned`` is to leave."""
        root = self.root.relative_to(self.folder)
        moved = {str(root / each): str(root / _SET_ASIDE / each) for each in self._orphans()}
        links = {moved.get(path, path): count for path, count in before.links.items()}
        return Left(before.state, links)

    def after_tags(self, before: Left) -> Left:
        """What ``tag_nohardlinks`` is to leave: every torrent without links has the tag."""
        unlinked = {
            each.hash for number, each in enumerate(self.torrents) if not self._is_linked(number)
        }
        rows = {
            key: (category, tuple(sorted({*tags, _UNLINKED_TAG})) if key in unlinked else tags)
            for key, (category, tags) in before.state.torrents.items()
        }
        return Left(State(rows, before.state.categories), before.links)

    def _links(self) -> dict[str, int]:
        found = {}
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = Path(folder, name)
                found[str(path.relative_to(self.folder))] = path.lstat().st_nlink
        return found

    def _orphans(self) -> list[str]:
        """Their paths below the root: beside torrents' files, and in folders of their own."""
        return [
            f"films/000/left {number:02}.mkv" if number % 2 else f"films/old {number:02}/left.mkv"
            for number in range(_ORPHANS)
        ]

    def _place(self, number: int) -> str:
        """The save path below the root, whose first folder is the category."""
        category = "tv" if self._is_series(number) else "films"
        return f"{category}/{number // _PER_FOLDER:03}"

    @staticmethod
    def _is_series(number: int) -> bool:
        """Both linked and unlinked ones, in pairs."""
        return number % 20 < 2

    @staticmethod
    def _is_linked(number: int) -> bool:
        return number % 2 == 0
