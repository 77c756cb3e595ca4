"""Automatic Torrent Management: whom the config wants in it, and whose files it will move."""

from __future__ import annotations

from collections.abc import Mapping

from qbm.config import Config
from qbm.model.reason import Code, Reason, because
from qbm.model.snapshot import Category
from qbm.model.torrent import Torrent
from qbm.model.unknown import UNKNOWN


def sparing_tag(torrent: Torrent, config: Config) -> str | None:
    """The torrent's tag that is in ``force_auto_tmm_ignore_tags``, if it has one."""
    return min(torrent.tags.intersection(config.settings.force_auto_tmm_ignore_tags), default=None)


def is_forced(torrent: Torrent, config: Config) -> bool:
    """Once it has a category, ``force_auto_tmm`` will switch its management on."""
    return config.settings.force_auto_tmm and sparing_tag(torrent, config) is None


def file_move(torrent: Torrent, category: str, categories: Mapping[str, Category]) -> list[Reason]:
    """What to say if qBittorrent, managing the torrent in ``category``, will move its files."""
    found = categories.get(category)
    if found is None or found.folder == torrent.save_path:
        return []
    if found.folder is UNKNOWN:
        return [because(Code.FILES_MAY_MOVE)]
    return [because(Code.FILES_WILL_MOVE, save_path=torrent.save_path, folder=found.folder)]
