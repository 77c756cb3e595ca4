"""What the server's paths stand for on this machine's disk."""

from __future__ import annotations

from collections.abc import Hashable

from qbm.gateways import disk
from qbm.model.ownership import INCOMPLETE_SUFFIX
from qbm.model.paths import PathMap, key
from qbm.model.unknown import UNKNOWN, Unknown


class OnDisk:
    """``ownership.Entries`` by the disk, asked once per path; see there for the answers.

    A path outside all roots stands for itself. Raises DiskError for what cannot be looked at.
    """

    def __init__(self, paths: PathMap) -> None:
        self.paths = paths
        self._known: dict[str, tuple[Hashable, ...]] = {}
        self._links: dict[str, frozenset[Hashable]] = {}

    def __call__(self, path: str) -> tuple[Hashable, ...]:
        """What ``path`` stands for; nothing if nothing is there."""
        if path not in self._known:
            self._known[path] = self._looked_up(path)
        return self._known[path]

    def links(self, path: str) -> frozenset[Hashable] | Unknown:
        """``ownership.Links``: where the symbolic links at or below ``path`` lead."""
        local = self.paths.local(path)
        if local is None:
            return UNKNOWN
        if path not in self._links:
            self._links[path] = disk.led_to_from(local)
        return self._links[path]

    def absent(self, path: str) -> Hashable:
        """What a file at ``path`` would be, where nothing is."""
        local = self.paths.local(path)
        return key(path) if local is None else disk.entry(local)

    def _looked_up(self, path: str) -> tuple[Hashable, ...]:
        local = self.paths.local(path)
        if local is None:
            return (key(path),)
        return disk.stands_for(local)


class OrByName:
    """The same where the disk does not decide whether a file is there: the server does.

    Where a file may lie with and without the suffix of incomplete ones and one of them is
    there, the other is not: what the server would delete is the one that is.
    """

    def __init__(self, entries: OnDisk) -> None:
        self._entries = entries

    def __call__(self, path: str) -> tuple[Hashable, ...]:
        """What ``path`` stands for; its name in its real folder if nothing is there."""
        if found := self._entries(path):
            return found
        if self._entries(_with_suffix_or_without(path)):
            return ()
        return (self._entries.absent(path),)


def _with_suffix_or_without(path: str) -> str:
    bare = path.removesuffix(INCOMPLETE_SUFFIX)
    return path + INCOMPLETE_SUFFIX if bare == path else bare
