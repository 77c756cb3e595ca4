"""The demo's library: what lies where, and what the main job should make of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Final

from msgspec import Struct

from qbm.model.limit import ShareLimits

DISTRO: Final = "distro-tracker"
FILMS: Final = "open-films"
BOOKS: Final = "public-books"
UNLISTED: Final = "somewhere-else"


BIN: Final = ".RecycleBin"
ORPHANED: Final = "orphaned_data"
ORPHANS: Final = (
    PurePosixPath("films/Sintel (2010) 1080p/Sintel – deleted scene.mkv"),
    PurePosixPath("incoming/half of a book.pdf"),
)
"""Files below the root that no torrent owns."""
LIMITS: Final = ShareLimits(ratio_limit=2.0, seeding_time_limit=timedelta(days=30))
"""What the config's group of share limits sets."""


class Sample(Struct, frozen=True, kw_only=True):
    """A torrent of the demo, where it lies below the root, and how it should end.

    ``tracker`` is a word that occurs in its announce URL, "" for none; ``refusal`` is what that
    tracker answers instead of working. A torrent that ``is_removed`` leaves its files in the
    recycle bin, but for those that ``stay``. The files of one that ``is_linked`` have hard links
    in a media library outside the root.
    """

    name: str
    folder: str
    tracker: str
    refusal: str = ""
    files: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    is_complete: bool = True
    is_stopped: bool = False
    is_removed: bool = False
    is_limited: bool = False
    is_linked: bool = False
    stay: frozenset[str] = frozenset()
    ends_in: str = ""
    ends_with: frozenset[str] = frozenset()

    @property
    def paths(self) -> tuple[PurePosixPath, ...]:
        """Its files, below the root."""
        folder = PurePosixPath(self.folder)
        return tuple(folder / self.name / each for each in self.files) or (folder / self.name,)

    @property
    def stays(self) -> tuple[PurePosixPath, ...]:
        """Those of its files that another torrent owns."""
        return tuple(each for each in self.paths if each.name in self.stay)


SAMPLES: Final = (
    Sample(
        name="debian-13.2.0-amd64-netinst.iso",
        folder="software",
        tracker=DISTRO,
        ends_in="software",
        ends_with=frozenset({"linux", "~share_limit_1.distros"}),
        is_limited=True,
    ),
    Sample(
        name="archlinux-2026.11.01-x86_64.iso",
        folder="software/arch",
        tracker=DISTRO,
        ends_in="software",
        ends_with=frozenset({"linux", "~share_limit_1.distros"}),
        is_limited=True,
    ),
    Sample(
        name="Fedora-Workstation-Live-43",
        folder="software",
        tracker=DISTRO,
        files=("Fedora-Workstation-Live-43.iso", "CHECKSUM"),
        tags=frozenset({"keep"}),
        ends_in="software",
        ends_with=frozenset({"linux", "keep"}),
    ),
    Sample(
        name="Big Buck Bunny (2008) 2160p",
        folder="films",
        tracker=FILMS,
        files=("Big Buck Bunny.mkv", "Big Buck Bunny.en.srt"),
        is_linked=True,
        ends_in="films",
        ends_with=frozenset({"cinema", "free"}),
    ),
    Sample(
        name="Sintel (2010) 1080p.mkv",
        folder="films",
        tracker=FILMS,
        is_linked=True,
        ends_in="films",
        ends_with=frozenset({"cinema", "free"}),
    ),
    Sample(
        name="Tears of Steel (2012).mkv",
        folder="films/to sort",
        tracker=FILMS,
        ends_in="films",
        ends_with=frozenset({"cinema", "free", "noHL"}),
    ),
    Sample(
        name="Spring (2019) – still loading.mkv",
        folder="films",
        tracker=FILMS,
        is_complete=False,
        ends_with=frozenset({"cinema", "free", "stalledDL"}),
    ),
    Sample(
        name="Cosmos Laundromat (2015) 720p.mkv",
        folder="films",
        tracker=FILMS,
        refusal="Unregistered torrent",
        is_removed=True,
    ),
    Sample(
        name="Caminandes (all episodes)",
        folder="films",
        tracker=FILMS,
        refusal="Torrent not found",
        files=("1 Llama Drama.mkv", "2 Gran Dillama.mkv", "3 Llamigos.mkv"),
        is_removed=True,
        stay=frozenset({"3 Llamigos.mkv"}),
    ),
    Sample(
        name="3 Llamigos.mkv",
        folder="films/Caminandes (all episodes)",
        tracker=FILMS,
        ends_in="films",
        ends_with=frozenset({"cinema", "free", "noHL"}),
    ),
    Sample(
        name="Moby-Dick; or, The Whale (audiobook)",
        folder="incoming",
        tracker=BOOKS,
        files=("01 Loomings.mp3", "02 The Carpet-Bag.mp3"),
        ends_in="books",
        ends_with=frozenset({"books"}),
    ),
    Sample(
        name="紅樓夢.epub",
        folder="incoming",
        tracker=BOOKS,
        ends_in="books",
        ends_with=frozenset({"books"}),
    ),
    Sample(
        name="Alice's Adventures in Wonderland.epub",
        folder="incoming",
        tracker=BOOKS,
        is_stopped=True,
        ends_in="books",
        ends_with=frozenset({"books"}),
    ),
    Sample(
        name="Voyager Golden Record.flac",
        folder="incoming",
        tracker=UNLISTED,
        refusal="Your client is not on the whitelist",
        ends_with=frozenset({"unsorted", "issue"}),
    ),
    Sample(
        name="Apollo 11 – all the pictures",
        folder="incoming",
        tracker=UNLISTED,
        files=("AS11-40-5874.jpg", "AS11-40-5903.jpg"),
        ends_with=frozenset({"unsorted"}),
    ),
    Sample(
        name="dictionary.txt",
        folder="incoming",
        tracker="",
        ends_with=frozenset({"unsorted"}),
    ),
)


def config_text(url: str, root: PurePosixPath, local: Path) -> str:
    """A config for the library on the server at ``url``, as one would write it.

    The library is under ``root``, which on this machine is ``local``.
    """
    here = "" if Path(root) == local else f"  remote_dir: {local}\n"
    return f"""\
qbt:
  host: {url}

directory:                          # where the downloads are
  root_dir: {root}
{here}
cat:                                # category: its save paths, * spans folders
  software: {root}/software/*
  films: {root}/films/*

tracker:                            # part of a tracker's address: what its torrents get
  {DISTRO}:
    tag: linux
  {FILMS}:
    tag: [cinema, free]
  {BOOKS}:
    tag: books
    cat: books
  other:
    tag: unsorted

nohardlinks: [films]                # those with no link in a media library get noHL

share_limits:
  distros:
    priority: 1
    include_all_tags: linux         # as tag_update has just set it
    exclude_any_tags: keep
    max_ratio: 2
    max_seeding_time: 30d

settings:
  rem_unregistered_grace_minutes: 0 # only here, where all torrents are new: usually 10
"""
