"""Changes as people read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qbm.engine.report import describe
from qbm.model.change import (
    Change,
    Content,
    Disposal,
    RemoveTorrent,
    SetPreferences,
    SetShareLimits,
    SetUploadLimit,
)
from qbm.model.limit import GlobalLimits, Limit, ShareLimitAction, ShareLimits
from qbm.model.torrent import TorrentHash

_HASH = TorrentHash("a" * 40)
_TWO = ShareLimits(
    ratio_limit=2.0,
    seeding_time_limit=timedelta(days=1, minutes=90),
    share_limit_action=ShareLimitAction.DEFAULT,
)


def removal(content: Content | None) -> RemoveTorrent:
    """A removal with that content."""
    return RemoveTorrent(hash=_HASH, category="", tags=(), save_path="/data", content=content)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            SetShareLimits(_HASH, ShareLimits(), _TWO),
            "share limits: ratio 2, seeding time 1 d 1 h 30 min, action Default",
        ),
        (
            SetShareLimits(_HASH, _TWO, ShareLimits(ratio_limit=Limit.UNLIMITED)),
            "share limits: ratio none, seeding time qBittorrent's own, action none",
        ),
        (SetUploadLimit(_HASH, 0, 51_200), "upload limit 50 KiB/s"),
        (SetUploadLimit(_HASH, 51_200, 0), "upload limit none"),
        (
            SetPreferences(
                GlobalLimits(max_ratio=1.5, max_ratio_act=ShareLimitAction.REMOVE), GlobalLimits()
            ),
            "qBittorrent's limits for all torrents: ratio none, action Stop",
        ),
        (removal(None), "remove, its files stay"),
        (removal(Content(disposal=Disposal.KEEP, files=("/a",))), "remove, its files stay"),
        (
            removal(Content(disposal=Disposal.DELETE, files=("/a", "/b"), size=5 << 30)),
            "remove, 2 files (5 GiB) deleted for good",
        ),
    ],
)
def test_a_change_says_what_will_be(change: Change, words: str) -> None:
    assert describe(change) == words
