"""A server whose complete torrents a run removes, and what is to be the same when they are back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import library
from tests.lab.servers import Server
from tests.lab.suites import Suite
from tests.program import Ended, qbm, write_config

_SAME = (
    *("name", "category", "tags", "save_path", "up_limit", "ratio_limit", "seeding_time_limit"),
    *("inactive_seeding_time_limit", "share_limit_action", "auto_tmm", "progress"),
)
STOPPED = {"pausedUP", "stoppedUP", "pausedDL", "stoppedDL"}


@dataclass
class House:
    """A server whose complete torrents a run removes, and the config of that."""

    server: Server
    folder: Path

    def configure(
        self, directory: dict[str, str] | None = None, name: str = "config.yml", **sections: Any
    ) -> None:
        """Write the config; every torrent's limit is reached at once."""
        home = {"root_dir": str(self.server.save_path)}
        if self.server.suite is Suite.BULLSEYE:  # it cannot export
            home["torrents_dir"] = str(self.server.torrents_folder)
        whole = {
            "qbt": {"host": self.server.url},
            "settings": {"max_removal_percent": 0},
            "directory": home | (directory or {}),
            "share_limits": {"all": {"priority": 1, "max_ratio": 0.0, "cleanup": True}},
            "cat": {"films": str(self.server.save_path / "films")},
            **sections,
        }
        write_config(self.folder, whole, name)

    @property
    def bin(self) -> Path:
        """The usual bin."""
        return self.server.save_path / ".RecycleBin"

    def words(self, *words: str) -> list[str]:
        """``words`` of ``qbm``, for this config."""
        return [*words, "--config-dir", str(self.folder)]

    def remove(self, *hashes: str) -> None:
        """A run removes them."""
        chosen = [word for each in hashes for word in ("--hash", each)]
        ended = qbm(*self.words("run", "share_limits"), *chosen)
        assert ended.status == 0, (ended.output, ended.errors)
        assert self.server.api.by_hash().keys().isdisjoint(hashes), ended.errors

    def restore(self, *words: str) -> Ended:
        """``qbm bin restore`` with these words; it went well."""
        ended = qbm(*self.words("bin", "restore", *words))
        assert ended.status == 0, (ended.output, ended.errors)
        return ended

    def settled(self, *hashes: str) -> list[dict[str, Any]]:
        """Their rows once they are complete and checked."""
        return library.settle(self.server, hashes, lambda row: row["progress"] == 1)


def shape(server: Server, torrent_hash: str) -> dict[str, Any]:
    """All of a torrent that is to be the same again."""
    row = server.api.by_hash()[torrent_hash]
    return {
        **{name: row.get(name) for name in _SAME},
        "tags": sorted(filter(None, row["tags"].split(", "))),
        "is stopped": row["state"] in STOPPED,
        "files": [
            (each["name"], each["size"], each["priority"])
            for each in server.api.files(torrent_hash)
        ],
    }


def files_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below ``folder``: inode, mtime and content, by its path."""
    return {
        str(each.relative_to(folder)): (
            each.stat().st_ino,
            each.stat().st_mtime_ns,
            each.read_bytes(),
        )
        for each in sorted(folder.rglob("*"))
        if each.is_file() and ".RecycleBin" not in each.parts
    }
