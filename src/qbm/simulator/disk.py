"""A torrent's content on this machine's disk, as far as deleting and rechecking look at it.

The simulator knows no bytes: a file that is there at its full size is whole.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from qbm.simulator.records import SimulatedTorrent


def write(root: Path, torrent: SimulatedTorrent) -> None:
    """Writes its whole files at their full size; ``root`` is where the server's ``/`` is."""
    for each in torrent.listing:
        if each.progress >= 1:
            path = _path(root, torrent, each.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.truncate(each.size)


def delete(root: Path, torrent: SimulatedTorrent) -> None:
    """Deletes its files, then the folders of its own that are empty; what is missing is well."""
    folders: set[PurePosixPath] = set()
    for each in torrent.listing:
        _path(root, torrent, each.name).unlink(missing_ok=True)
        folders.update(PurePosixPath(each.name).parents)
    for folder in sorted(folders - {PurePosixPath()}, reverse=True):
        path = _path(root, torrent, str(folder))
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def rename(root: Path, torrent: SimulatedTorrent, old: str, new: str) -> None:
    """Renames one of its files, if it is there and nothing has the new name."""
    source, target = _path(root, torrent, old), _path(root, torrent, new)
    if source.is_file() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)


def whole_files(root: Path, torrent: SimulatedTorrent) -> frozenset[str]:
    """The names of its files that are there at their full size."""
    return frozenset(
        each.name
        for each in torrent.listing
        if (path := _path(root, torrent, each.name)).is_file() and path.stat().st_size == each.size
    )


def _path(root: Path, torrent: SimulatedTorrent, name: str) -> Path:
    return root / torrent.home.lstrip("/") / name
