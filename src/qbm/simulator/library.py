"""The server's torrents, categories and tags, and what each write does to them."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from pathlib import Path
from typing import Self

from msgspec.structs import replace

from qbm.model.torrent import State
from qbm.simulator import disk
from qbm.simulator.calls import RefusedError
from qbm.simulator.preferences import Preferences
from qbm.simulator.profiles import FolderNames, Profile, SamePath
from qbm.simulator.records import NEVER, SimulatedCategory, SimulatedTorrent

_STOPPED = {True: State.STOPPED_UP, False: State.STOPPED_DL}
_STARTED = {True: State.STALLED_UP, False: State.STALLED_DL}
_CHECKING = {True: State.CHECKING_UP, False: State.CHECKING_DL}
_FORBIDDEN = re.compile(r'[:?"*<>|]+')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Edit = Callable[[SimulatedTorrent], SimulatedTorrent]


@dataclass(frozen=True, slots=True)
class _Check:
    """A check under way: the torrent as it was before, and the reads that still show it."""

    before: SimulatedTorrent
    reads: int


@dataclass(slots=True)
class Library:
    """What one server knows; every method is one write of the Web API.

    ``hashes`` is the parameter of that name: joined by ``|``, any case, ``all`` for every
    torrent; unknown ones are passed over in silence.
    """

    profile: Profile
    save_path: str
    torrents: dict[str, SimulatedTorrent] = field(default_factory=dict)
    categories: dict[str, SimulatedCategory] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)
    preferences: Preferences = field(default_factory=Preferences)
    disk: Path | None = None
    """The folder that is the server's ``/``; without one, no content is looked at."""
    checking_reads: int = 1
    """How many times ``torrents/info`` shows a torrent as being checked."""
    checks: dict[str, _Check] = field(default_factory=dict)
    """The torrents that are being checked."""

    def copy(self) -> Self:
        """This state, untouched by later writes."""
        return type(self)(
            profile=self.profile,
            save_path=self.save_path,
            torrents=dict(self.torrents),
            categories=dict(self.categories),
            tags=dict(self.tags),
            preferences=replaced(self.preferences),
            disk=self.disk,
            checking_reads=self.checking_reads,
            checks=dict(self.checks),
        )

    def add(self, torrent: SimulatedTorrent) -> str:
        """Adds or replaces a torrent, its category and its tags; answers the server's hash.

        Raises:
            ValueError: it has no hash that this generation knows.
        """
        identity = self.identity(torrent)
        if not identity:
            raise ValueError(f"{torrent.name!r} has no hash that {self.profile.version} knows")
        if torrent.category:
            self._make_category(SimulatedCategory(torrent.category))
        self.tags.update(dict.fromkeys(sorted(torrent.tags)))
        path = self.formatted(torrent.save_path or self.save_path)
        self.torrents[identity] = replace(torrent, save_path=path)
        if self.disk is not None:
            disk.write(self.disk, self.torrents[identity])
        return identity

    def take(self, torrent: SimulatedTorrent) -> str | None:
        """``torrents/add``: adds a torrent that is not there yet; answers its hash, else None.

        Its category is made, nothing is written to the disk.
        """
        identity = self.identity(torrent)
        if not identity or identity in self.torrents:
            return None
        if torrent.category:
            self._make_category(SimulatedCategory(torrent.category))
        path = self.formatted(torrent.save_path or self.save_path)
        self.torrents[identity] = replace(torrent, save_path=path)
        return identity

    def rename(self, identity: str, name: str) -> None:
        """``torrents/rename``: the files keep their names.

        Raises:
            RefusedError: 404 without such a torrent, 409 without a name.
        """
        torrent = self._known(identity)
        if not name.strip():
            raise RefusedError(409, "Incorrect torrent name")
        changed = replace(torrent, name=name, files=torrent.listing)
        self.torrents[identity.lower()] = changed

    def rename_file(self, identity: str, old: str, new: str) -> None:
        """``torrents/renameFile``, by path; on the disk as well.

        Raises:
            RefusedError: 404 without such a torrent, 409 if a path cannot be.
        """
        torrent = self._known(identity)
        names = [each.name for each in torrent.listing]
        if not new or old not in names or new in names:
            raise RefusedError(409)
        files = tuple(
            replace(each, name=new) if each.name == old else each for each in torrent.listing
        )
        if self.disk is not None:
            disk.rename(self.disk, torrent, old, new)
        self.torrents[identity.lower()] = replace(torrent, files=files)

    def rank_files(self, identity: str, indexes: Collection[int], priority: int) -> None:
        """``torrents/filePrio``: 0 is "not wanted", all others are alike.

        Raises:
            RefusedError: 404 without such a torrent, 409 without such a file.
        """
        torrent = self._known(identity)
        if not all(0 <= each < len(torrent.listing) for each in indexes):
            raise RefusedError(409, "File ID is not valid")
        files = tuple(
            replace(each, is_wanted=priority > 0) if index in indexes else each
            for index, each in enumerate(torrent.listing)
        )
        self.torrents[identity.lower()] = replace(torrent, files=files)

    def identity(self, torrent: SimulatedTorrent) -> str:
        """The ``hash`` of a torrent: its v2 hash cut short where it has one and it is known."""
        return (self.profile.knows_v2 and torrent.infohash_v2[:40]) or torrent.infohash_v1

    def chosen(self, hashes: str) -> list[str]:
        """The torrents that a write's ``hashes`` means."""
        if hashes == "all":
            return list(self.torrents)
        return [each for each in hashes.lower().split("|") if each in self.torrents]

    def add_tags(self, hashes: str, tags: str) -> None:
        """``torrents/addTags``: a tag of no torrent is not made."""
        names = _names(tags)
        chosen = self.chosen(hashes)
        if chosen:
            self.tags.update(dict.fromkeys(names))
        self._edit(chosen, lambda torrent: replace(torrent, tags=torrent.tags.union(names)))

    def remove_tags(self, hashes: str, tags: str) -> None:
        """``torrents/removeTags``: all tags, if none is named."""
        names = frozenset(_names(tags)) if any(tags.split(",")) else None
        self._edit(
            self.chosen(hashes),
            lambda torrent: replace(
                torrent, tags=frozenset() if names is None else torrent.tags - names
            ),
        )

    def create_tags(self, tags: str) -> None:
        """``torrents/createTags``."""
        self.tags.update(dict.fromkeys(_names(tags)))

    def delete_tags(self, tags: str) -> None:
        """``torrents/deleteTags``: from the torrents that have them, too."""
        names = frozenset(_names(tags))
        self.tags = {tag: None for tag in self.tags if tag not in names}
        self._edit(
            list(self.torrents),
            lambda torrent: replace(torrent, tags=torrent.tags.difference(names)),
        )

    def set_category(self, hashes: str, name: str) -> None:
        """``torrents/setCategory``; "" is no category.

        Raises:
            RefusedError: 409 if there is no such category (and a torrent to set it on).
        """
        chosen = self.chosen(hashes)
        if chosen and name and name not in self.categories:
            raise RefusedError(409, "Incorrect category name")
        self._edit(chosen, lambda torrent: self._settled(replace(torrent, category=name)))

    def create_category(self, category: SimulatedCategory) -> None:
        """``torrents/createCategory``.

        Raises:
            RefusedError: 400 without a name, 409 for an impossible one or one that exists.
        """
        name = category.name
        if not name:
            raise RefusedError(400, "Category cannot be empty")
        if name[0] == "/" or name[-1] == "/" or "//" in name or "\\" in name:
            raise RefusedError(409, "Incorrect category name")
        if name in self.categories:
            raise RefusedError(409, "Unable to create category")
        self._make_category(replace(category, save_path=self._written(category.save_path)))

    def edit_category(self, name: str, save_path: str | None) -> None:
        """``torrents/editCategory``: the new path makes the category's torrents manual.

        Raises:
            RefusedError: 400 without a name, or a path where that is needed; 404 or 409 if
                there is none of that name, 409 where the same path is refused.
        """
        if save_path is None and self.profile.edit_needs_path:
            raise RefusedError(400)
        if not name:
            raise RefusedError(400, "Category cannot be empty")
        category = self.categories.get(name)
        if category is None:
            raise RefusedError(*self.profile.missing_category)
        if save_path is None:
            return
        path = self._written(save_path)
        # 4.2.5 compares with the whole path, slash at the end and all.
        present = self.category_path(name) if self.profile.path_suffix else category.save_path
        if path == present and self.profile.same_path is SamePath.REFUSED:
            raise RefusedError(409, "Unable to edit category")
        if path == present:
            return
        self.categories[name] = replace(category, save_path=path)
        self._edit(
            [each for each, torrent in self.torrents.items() if torrent.category == name],
            lambda torrent: replace(
                self._settled(torrent) if self.profile.edit_moves else torrent, auto_tmm=False
            ),
        )

    def remove_categories(self, names: str) -> None:
        """``torrents/removeCategories``: one a line; the newest servers take children along."""
        gone = {each for name in names.split("\n") for each in self._with_children(name)}
        self.categories = {
            name: category for name, category in self.categories.items() if name not in gone
        }
        self._edit(
            [each for each, torrent in self.torrents.items() if torrent.category in gone],
            lambda torrent: self._settled(replace(torrent, category="")),
        )

    def set_auto_management(self, hashes: str, *, enable: bool) -> None:
        """``torrents/setAutoManagement``; switched on, the category decides on the path."""
        self._edit(
            self.chosen(hashes), lambda torrent: self._settled(replace(torrent, auto_tmm=enable))
        )

    def start(self, hashes: str) -> None:
        """``torrents/start``, or ``resume``; a running one goes on as it is."""
        self._edit(self.chosen(hashes), _started)

    def stop(self, hashes: str) -> None:
        """``torrents/stop``, or ``pause``."""
        self._edit(
            self.chosen(hashes),
            lambda torrent: replace(torrent, state=_STOPPED[torrent.progress >= 1]),
        )

    def delete(self, hashes: str, *, with_files: bool) -> None:
        """``torrents/delete``."""
        for each in dict.fromkeys(self.chosen(hashes)):
            torrent = self.torrents.pop(each)
            if with_files and self.disk is not None:
                disk.delete(self.disk, torrent)

    def recheck(self, hashes: str) -> None:
        """``torrents/recheck``: for some reads it is being checked, then it is as found."""
        for each in self.chosen(hashes):
            torrent = self.torrents[each]
            if torrent.has_metadata and each not in self.checks:
                self.checks[each] = _Check(torrent, self.checking_reads)
                is_done = torrent.progress >= 1
                self.torrents[each] = replace(torrent, state=_CHECKING[is_done], progress=0.0)

    def check(self) -> None:
        """Brings every check nearer to its end; called by each read of ``torrents/info``."""
        for each, check in list(self.checks.items()):
            if each not in self.torrents:
                del self.checks[each]
            elif check.reads:
                self.checks[each] = replaced(check, reads=check.reads - 1)
            else:
                del self.checks[each]
                found = self._found(check.before)
                changed = replace(self.torrents[each], progress=found.progress, files=found.files)
                self.torrents[each] = replace(
                    changed, state=found.state, completion_on=found.completion_on
                )

    def edit(self, hashes: str, **fields: object) -> None:
        """Gives the torrents other values, such as limits."""
        self._edit(self.chosen(hashes), lambda torrent: replace(torrent, **fields))

    def _found(self, torrent: SimulatedTorrent) -> SimulatedTorrent:
        """What a check makes of a torrent; when it was completed first, stays."""
        if self.disk is None:
            share = torrent.progress if torrent.found is None else torrent.found
            files = tuple(replace(each, progress=share) for each in torrent.files)
        else:
            whole = disk.whole_files(self.disk, torrent)
            files = tuple(
                replace(each, progress=float(each.name in whole)) for each in torrent.listing
            )
            size = sum(each.size for each in files)
            share = sum(each.size * each.progress for each in files) / size if size else 1.0
        is_stopped = torrent.state in _STOPPED.values()
        return replace(
            torrent,
            progress=share,
            files=files,
            state=(_STOPPED if is_stopped else _STARTED)[share >= 1],
            completion_on=(
                int(time.time())
                if share >= 1 and torrent.completion_on == NEVER
                else torrent.completion_on
            ),
        )

    def category_path(self, name: str) -> str:
        """Where automatic management puts torrents of a category; ``name`` "" is none."""
        return self.formatted(self._category_path(name))

    def formatted(self, path: str) -> str:
        """A path as this generation writes it."""
        if self.profile.path_suffix:
            return path.rstrip("/") + self.profile.path_suffix
        return _clean(path)

    def _category_path(self, name: str) -> str:
        category = self.categories.get(name)
        if category is None:
            return self.save_path
        if category.save_path:
            return posixpath.join(self.save_path, category.save_path)
        parent, _, last = name.rpartition("/") if self.profile.nests_categories else ("", "", name)
        return posixpath.join(self._category_path(parent), _folder_name(self.profile, last))

    def _settled(self, torrent: SimulatedTorrent) -> SimulatedTorrent:
        """The torrent where automatic management, if it is on, puts it."""
        if not torrent.auto_tmm:
            return torrent
        return replace(torrent, save_path=self.category_path(torrent.category))

    def _known(self, identity: str) -> SimulatedTorrent:
        torrent = self.torrents.get(identity.lower())
        if torrent is None:
            raise RefusedError(404)
        return torrent

    def _edit(self, chosen: Iterable[str], edit: Edit) -> None:
        for each in chosen:
            self.torrents[each] = edit(self.torrents[each])

    def _make_category(self, category: SimulatedCategory) -> None:
        parent = category.name.rpartition("/")[0]
        if parent and self.profile.nests_categories:
            self._make_category(SimulatedCategory(parent))
        self.categories.setdefault(category.name, category)

    def _written(self, path: str) -> str:
        """A category's path as this generation keeps it."""
        return path if self.profile.path_suffix else _clean(path)

    def _with_children(self, name: str) -> list[str]:
        if name not in self.categories:
            return []
        if not self.profile.nests_categories:
            return [name]
        return [each for each in self.categories if each == name or each.startswith(f"{name}/")]


def _started(torrent: SimulatedTorrent) -> SimulatedTorrent:
    if torrent.state not in _STOPPED.values():
        return torrent
    return replace(torrent, state=_STARTED[torrent.progress >= 1])


def _names(tags: str) -> list[str]:
    """The tags of a comma-separated parameter: trimmed, none empty, none twice."""
    return list(dict.fromkeys(filter(None, (tag.strip() for tag in tags.split(",")))))


def _clean(path: str) -> str:
    return posixpath.normpath(path) if path else ""


def _folder_name(profile: Profile, name: str) -> str:
    """The folder of a category without a path; measured name by name."""
    match profile.folder_names:
        case FolderNames.BLANKED_TRIMMED:
            return _FORBIDDEN.sub(" ", name).strip()
        case FolderNames.BLANKED:
            return _FORBIDDEN.sub(" ", name)
        case FolderNames.UNDERSCORED:
            trimmed = _CONTROL.sub("_", name.strip())
            return "_" if trimmed in {"", ".", ".."} else trimmed
