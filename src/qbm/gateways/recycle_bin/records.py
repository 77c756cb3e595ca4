"""The records of removed torrents in the state folder, one folder each.

``<state>/removed/<run>-<hash>/`` holds ``manifest.json`` and what brings the torrent back:
its ``<hash>.torrent``, from old servers with its ``<hash>.fastresume``. Written before
anything is removed. They hold passkeys, so only this user may read them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qbm.errors import DiskError, StoreError, StoreTooNew, StoreUnwritable
from qbm.gateways.recycle_bin.bin import safe_name
from qbm.gateways.recycle_bin.record import VERSION, Record
from qbm.gateways.recycle_bin.writing import make_folder, write
from qbm.model.torrent import TorrentHash

MANIFEST: Final = "manifest.json"
_FOLDER: Final = "removed"


class Unreadable(Struct, frozen=True):
    """A record that cannot be used: the path of its manifest, and what is wrong with it."""

    path: str
    reason: str


class Records:
    """The records in one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / _FOLDER

    def folder(self, run_id: str, torrent: TorrentHash) -> Path:
        """Where the record of that removal is, or would be."""
        return self._folder / safe_name(f"{run_id}-{torrent}")

    def save(self, record: Record, kept: Mapping[str, bytes] | None = None) -> Record:
        """Write ``record``, and ``kept``: files by name, ``<hash>.torrent`` among them.

        Answers what is written: ``can_restore`` is set if a ``.torrent`` is there. The manifest
        comes last, so that where it is, all is. Without ``kept``, what was written with it
        before stays: a later state of the same removal.

        Raises:
            StoreUnwritable: it is not written, and nothing may be removed.
        """
        folder = self.folder(record.run_id, record.hash)
        names = {safe_name(name): raw for name, raw in (kept or {}).items()}
        try:
            make_folder(str(folder))
            for name, raw in names.items():
                write(str(folder / name), raw)
            can_restore = any(each.suffix == ".torrent" for each in folder.iterdir())
            written = replace(record, can_restore=can_restore)
            write(str(folder / MANIFEST), _encoded(written))
        except (OSError, DiskError) as error:
            raise StoreUnwritable(
                f"{folder}: the record of a removed torrent cannot be written ({_why(error)}), so "
                "the torrent was left alone. Make room there or make the folder writable, or name "
                "another state folder with QBM_STATE_DIR.",
            ) from error
        return written

    def load(self, run_id: str, torrent: TorrentHash) -> Record | None:
        """The record of that removal; None if there is none, or it was never whole.

        Raises:
            StoreTooNew: it was written by a newer version.
            StoreError: it cannot be read.
        """
        path = self.folder(run_id, torrent) / MANIFEST
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(
                f"{path}: {_why(error)}. It says where the files of a removed torrent are; let "
                "the user that runs qbm read it.",
            ) from error
        return _decoded(raw, path)

    def discard(self, run_id: str, torrent: TorrentHash) -> None:
        """Take away the record of a removal that did not come about; the manifest goes first.

        Raises:
            StoreUnwritable: it stays.
        """
        folder = self.folder(run_id, torrent)
        try:
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreUnwritable(
                f"{folder}: the record of a removal that did not come about cannot be deleted "
                f"({_why(error)}). Delete that folder by hand.",
            ) from error

    def kept(self, record: Record) -> dict[str, bytes]:
        """The files beside a record, by name: its ``.torrent`` and ``.fastresume``.

        Raises:
            StoreError: one cannot be read.
        """
        folder = self.folder(record.run_id, record.hash)
        try:
            return {
                each.name: each.read_bytes()
                for each in sorted(folder.iterdir())
                if each.suffix in {".torrent", ".fastresume"}
            }
        except OSError as error:
            raise StoreError(
                f"{folder}: {_why(error)}. It holds what brings a removed torrent back; let the "
                "user that runs qbm read it.",
            ) from error

    def all(self) -> tuple[list[Record], list[Unreadable]]:
        """All records, the oldest removal first, and those that cannot be used.

        Raises:
            StoreError: the folder of the records cannot be read.
        """
        found: list[Record] = []
        unreadable: list[Unreadable] = []
        for path in self._manifests():
            try:
                found.append(_decoded(path.read_bytes(), path))
            except FileNotFoundError:  # cut off before it was whole: nothing was removed
                continue
            except (OSError, StoreError) as error:
                unreadable.append(Unreadable(str(path), _why(error)))
        return sorted(found, key=lambda each: (each.removed_at, each.hash)), unreadable

    def _manifests(self) -> list[Path]:
        with suppress(FileNotFoundError):
            try:
                return [each / MANIFEST for each in sorted(self._folder.iterdir())]
            except PermissionError as error:
                raise StoreError(
                    f"{self._folder}: {_why(error)}. It holds the records of removed torrents; let "
                    "the user that runs qbm read it.",
                ) from error
        return []


def _encoded(record: Record) -> bytes:
    """As ASCII: names that are no text (surrogate escapes) are escaped as JSON can."""
    return json.dumps(msgspec.to_builtins(record), indent=1).encode("ascii")


def _decoded(raw: bytes, path: Path) -> Record:
    try:
        value: Any = json.loads(raw)
        version = value["version"]
        if isinstance(version, int) and version > VERSION:
            raise StoreTooNew(
                f"{path}: written by a newer version of qbm. Update qbm to restore from it.",
            )
        return msgspec.convert(value, Record)
    except (ValueError, LookupError, TypeError, msgspec.ValidationError) as error:
        raise StoreError(
            f"{path}: this is not a record of a removed torrent as qbm writes it ({error}). Put it "
            "back from a backup; the files it speaks of are in the recycle bin.",
        ) from error


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else str(error)
    return str(error)
