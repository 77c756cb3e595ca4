"""Which files of a torrent matter for hard links, and where else they have names.

Source: spec, *tag_nohardlinks*. The engine looks at the disk; here is only the counting.
"""

from __future__ import annotations

from collections.abc import Iterable

from qbm.model.disk import FileLinks, LinkScope
from qbm.model.torrent import TorrentFile

_LARGE = 10
"""A file is large from this part of the torrent's largest file on: a sample is none."""


def large_files(files: Iterable[TorrentFile]) -> tuple[TorrentFile, ...]:
    """Those of at least 10 % of the largest; none of a torrent without bytes."""
    listed = tuple(files)
    largest = max((each.size for each in listed), default=0)
    return tuple(each for each in listed if largest and each.size * _LARGE >= largest)


def outside_roots(file: FileLinks) -> int:
    """Its names outside the roots and the bins; below 0 contradicts itself.

    Its own name counts as seen, also where the torrent lies outside all roots.
    """
    return file.links - max(file.in_roots, 1)


def outside_category(file: FileLinks) -> int:
    """The same of the folders of its category."""
    return file.links - max(file.in_category, 1)


def scope_of(files: Iterable[FileLinks]) -> LinkScope:
    """Where else the files have names, all taken together; none of them may be in doubt."""
    known = tuple(files)
    is_inside = any(each.in_roots > 1 for each in known)
    if any(outside_roots(each) > 0 for each in known):
        return LinkScope.BOTH if is_inside else LinkScope.OUTSIDE
    return LinkScope.TORRENTS_ONLY if is_inside else LinkScope.NONE
