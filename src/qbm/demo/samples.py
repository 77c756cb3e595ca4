"""The demo's library: what lies where, and what the main job should make of it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

DISTRO: Final = "distro-tracker"
FILMS: Final = "open-films"
BOOKS: Final = "public-books"
UNLISTED: Final = "somewhere-else"


class Sample(Struct, frozen=True, kw_only=True):
    """A torrent of the demo, where it lies below the root, and how it should end.

    ``tracker`` is a word that occurs in its announce URL, "" for none.
    """

    name: str
    folder: str
    tracker: str
    files: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    is_complete: bool = True
    ends_in: str
    ends_with: frozenset[str]


SAMPLES: Final = (
    Sample(
        name="debian-13.2.0-amd64-netinst.iso",
        folder="software",
        tracker=DISTRO,
        ends_in="software",
        ends_with=frozenset({"linux"}),
    ),
    Sample(
        name="archlinux-2026.11.01-x86_64.iso",
        folder="software/arch",
        tracker=DISTRO,
        ends_in="software",
        ends_with=frozenset({"linux"}),
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
        ends_in="films",
        ends_with=frozenset({"cinema", "free"}),
    ),
    Sample(
        name="Sintel (2010) 1080p.mkv",
        folder="films",
        tracker=FILMS,
        ends_in="films",
        ends_with=frozenset({"cinema", "free"}),
    ),
    Sample(
        name="Tears of Steel (2012).mkv",
        folder="films/to sort",
        tracker=FILMS,
        ends_in="films",
        ends_with=frozenset({"cinema", "free"}),
    ),
    Sample(
        name="Spring (2019) – still loading.mkv",
        folder="films",
        tracker=FILMS,
        is_complete=False,
        ends_in="",
        ends_with=frozenset({"cinema", "free"}),
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
        name="Apollo 11 – all the pictures",
        folder="incoming",
        tracker=UNLISTED,
        files=("AS11-40-5874.jpg", "AS11-40-5903.jpg"),
        ends_in="",
        ends_with=frozenset({"unsorted"}),
    ),
    Sample(
        name="dictionary.txt",
        folder="incoming",
        tracker="",
        ends_in="",
        ends_with=frozenset({"unsorted"}),
    ),
)


def config_text(url: str, root: PurePosixPath) -> str:
    """A config for the library under ``root`` on the server at ``url``, as one would write it."""
    return f"""\
qbt:
  host: {url}

cat:                                # category: its save paths, * spans folders
  software: {root}/software/*
  films:
    - {root}/films
    - {root}/films/to sort

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
"""
