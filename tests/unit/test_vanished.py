"""A server that shows fewer torrents than before is not believed at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from qbm.model.torrent import TorrentHash
from qbm.store import FileList, Store
from tests.factories import NOW, a_hash

_SERVER = "here"
_LISTED = [a_hash(str(number)) for number in range(4)]


def _missing(
    store: Store, present: list[TorrentHash], now: datetime
) -> tuple[dict[TorrentHash, datetime], int]:
    gone, remembered = store.missing(_SERVER, present, now)
    return dict(gone), remembered


def test_what_is_missing_is_missing_since_it_was_first_missed(tmp_path: Path) -> None:
    later = NOW + timedelta(minutes=5)
    with Store.open(tmp_path) as store:
        store.keep_file_lists(_SERVER, {each: FileList("f", ()) for each in _LISTED})
        assert _missing(store, _LISTED, NOW) == ({}, 4)
        assert _missing(store, _LISTED[:2], NOW) == (dict.fromkeys(_LISTED[2:], NOW), 4)
        assert _missing(store, _LISTED[:1], later) == (
            {_LISTED[1]: later, _LISTED[2]: NOW, _LISTED[3]: NOW},
            4,
        )


def test_what_is_back_was_never_missing(tmp_path: Path) -> None:
    later = NOW + timedelta(minutes=5)
    with Store.open(tmp_path) as store:
        store.keep_file_lists(_SERVER, {each: FileList("f", ()) for each in _LISTED})
        _missing(store, [], NOW)
        assert _missing(store, _LISTED, later) == ({}, 4)
        assert _missing(store, [], later)[0] == dict.fromkeys(_LISTED, later)
