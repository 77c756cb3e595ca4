"""The JSON of the Web API: which fields each generation has, and how it words them.

Fields that the simulator does not model have the value of a torrent that nobody uses.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from qbm.model.torrent import State
from qbm.model.tracker import TrackerStatus
from qbm.simulator.library import Library
from qbm.simulator.preferences import GLOBAL, Preferences
from qbm.simulator.profiles import Profile
from qbm.simulator.records import (
    NEVER,
    SimulatedCategory,
    SimulatedFile,
    SimulatedTorrent,
    SimulatedTracker,
)

Row = dict[str, object]

_PAUSED = {State.STOPPED_UP: State.PAUSED_UP, State.STOPPED_DL: State.PAUSED_DL}
_PRIVATE_MESSAGE = "This torrent is private"

_INFO: Row = {
    "dlspeed": 0,
    "downloaded": 0,
    "downloaded_session": 0,
    "eta": 8_640_000,
    "f_l_piece_prio": False,
    "force_start": False,
    "num_leechs": 0,
    "num_seeds": 0,
    "priority": 0,
    "seq_dl": False,
    "super_seeding": False,
    "time_active": 0,
    "uploaded": 0,
    "uploaded_session": 0,
    "upspeed": 0,
}
_INFO_WITH_PRIVATE: Row = {
    "comment": "",
    "popularity": 0,
    "reannounce": 0,
}
_INFO_WITH_PIECES: Row = {
    "connections_count": 0,
    "connections_limit": 100,
    "created_by": "",
    "creation_date": -1,
    "total_wasted": 0,
}

_PROPERTIES: Row = {
    "comment": "",
    "created_by": "",
    "creation_date": -1,
    "dl_limit": -1,
    "dl_speed": 0,
    "dl_speed_avg": 0,
    "eta": 8_640_000,
    "last_seen": NEVER,
    "nb_connections": 0,
    "nb_connections_limit": 100,
    "peers": 0,
    "reannounce": 0,
    "seeding_time": 0,
    "seeds": 0,
    "share_ratio": 0,
    "time_elapsed": 0,
    "total_downloaded": 0,
    "total_downloaded_session": 0,
    "total_uploaded": 0,
    "total_uploaded_session": 0,
    "total_wasted": 0,
    "up_limit": -1,
    "up_speed": 0,
    "up_speed_avg": 0,
}

_SERVER_STATE: Row = {
    "alltime_dl": 0,
    "alltime_ul": 0,
    "average_time_queue": 0,
    "connection_status": "firewalled",
    "dht_nodes": 0,
    "dl_info_data": 0,
    "dl_info_speed": 0,
    "dl_rate_limit": 0,
    "free_space_on_disk": 1 << 40,
    "global_ratio": "-",
    "queued_io_jobs": 0,
    "queueing": False,
    "refresh_interval": 1500,
    "total_peer_connections": 0,
    "up_info_data": 0,
    "up_info_speed": 0,
    "up_rate_limit": 0,
    "use_alt_speed_limits": False,
}


def info_template(profile: Profile, preferences: Preferences) -> Row:
    """The fields of ``torrents/info`` that are the same for every torrent, or nearly so."""
    row = dict(_INFO)
    row["max_ratio"] = preferences.max_ratio
    row["max_seeding_time"] = preferences.max_seeding_time
    if profile.tells_private:
        row |= _INFO_WITH_PRIVATE
        row["max_inactive_seeding_time"] = preferences.max_inactive_seeding_time
    if profile.tells_pieces:
        row |= _INFO_WITH_PIECES
    return row


def info(profile: Profile, template: Row, identity: str, torrent: SimulatedTorrent) -> Row:
    """A torrent as ``torrents/info`` shows it; ``template`` is ``info_template``'s."""
    row = template.copy()
    done = round(torrent.size * torrent.progress)
    row["added_on"] = torrent.added_on
    row["amount_left"] = torrent.size - done
    row["auto_tmm"] = torrent.auto_tmm
    row["availability"] = -1 if torrent.progress >= 1 else 0
    row["category"] = torrent.category
    row["completed"] = done
    row["completion_on"] = _time(profile, torrent.completion_on)
    row["hash"] = identity
    row["last_activity"] = torrent.last_activity
    row["magnet_uri"] = f"magnet:?xt=urn:btih:{torrent.infohash_v1 or identity}"
    row["name"] = torrent.name
    row["num_complete"] = num_complete(torrent)
    row["num_incomplete"] = _most(each.num_leeches for each in torrent.trackers)
    row["progress"] = _number(torrent.progress)
    row["ratio"] = _number(torrent.ratio)
    row["save_path"] = torrent.save_path
    row["seen_complete"] = profile.never
    row["size"] = torrent.size
    row["state"] = state(profile, torrent.state)
    row["tags"] = ", ".join(sorted(torrent.tags))
    row["total_size"] = total_size(torrent)
    row["tracker"] = _tracker(profile, torrent.trackers)
    # 4.2.5 writes "none" as -1 until either limit has been set.
    row["dl_limit"] = 0 if torrent.up_limit >= 0 else profile.unset_limit
    row["up_limit"] = max(profile.unset_limit, torrent.up_limit)
    if profile.tells_paths:
        row["content_path"] = content_path(torrent)
        row["download_path"] = torrent.download_path
        row["seeding_time"] = torrent.seeding_time
        row["infohash_v1"] = torrent.infohash_v1
        row["infohash_v2"] = torrent.infohash_v2
        row["trackers_count"] = len(torrent.trackers)
    if profile.tells_private:
        row["has_metadata"] = torrent.has_metadata
        row["private"] = torrent.private
        row["root_path"] = root_path(torrent)
    if profile.tells_pieces:
        row |= _pieces(torrent)
        row["share_limit_action"] = torrent.share_limit_action
        row["share_limits_mode"] = torrent.share_limits_mode
    _limit(profile, row, torrent)
    return {**row, **torrent.extra} if torrent.extra else row


def _limit(profile: Profile, row: Row, torrent: SimulatedTorrent) -> None:
    """A torrent's own limits, and the one that counts: its own unless that is the server's."""
    for name, limit in (
        ("ratio", torrent.ratio_limit),
        ("seeding_time", torrent.seeding_time_limit),
        ("inactive_seeding_time", torrent.inactive_seeding_time_limit),
    )[: 3 if profile.tells_private else 2]:
        row[f"{name}_limit"] = _number(limit)
        if limit != GLOBAL:
            row[f"max_{name}"] = _number(limit)


def num_complete(torrent: SimulatedTorrent) -> int:
    """The swarm's seeds as a tracker counts them; 0 if none tells."""
    if torrent.num_complete is not None:
        return torrent.num_complete
    return _most(each.num_seeds for each in torrent.trackers)


def stand_in(torrent: SimulatedTorrent) -> bytes:
    """A ``.torrent`` that only tells the name: nobody has given the right one."""
    name = torrent.name.encode()
    return b"d4:infod4:name%d:%s12:piece lengthi%deee" % (len(name), name, torrent.piece_size)


def properties(profile: Profile, identity: str, torrent: SimulatedTorrent) -> Row:
    """A torrent as ``torrents/properties`` shows it."""
    row = _PROPERTIES | {
        "addition_date": torrent.added_on,
        "completion_date": torrent.completion_on,
        "peers_total": _most(each.num_leeches for each in torrent.trackers),
        "save_path": torrent.save_path,
        "seeding_time": torrent.seeding_time,
        "seeds_total": num_complete(torrent),
        "share_ratio": _number(torrent.ratio),
        "total_size": total_size(torrent),
        "up_limit": torrent.up_limit if torrent.up_limit > 0 else -1,
        **_pieces(torrent),
    }
    if profile.tells_paths:
        row |= {
            "download_path": torrent.download_path,
            "hash": identity,
            "infohash_v1": torrent.infohash_v1,
            "infohash_v2": torrent.infohash_v2,
            "is_private": bool(torrent.private),
            "name": torrent.name,
        }
    if profile.tells_private:
        row |= {
            "dl_speed_avg": -1,
            "has_metadata": torrent.has_metadata,
            "popularity": 0,
            "private": torrent.private,
            "progress": _number(torrent.progress),
        }
    if profile.tells_pieces:
        row["availability"] = -1 if torrent.progress >= 1 else 0
    return row


def pseudo_trackers(profile: Profile, torrent: SimulatedTorrent) -> list[Row]:
    """The rows of DHT, PeX and LSD, all switched off; they tell that a torrent is private."""
    return [
        {
            "url": f"** [{name}] **",
            "status": int(TrackerStatus.DISABLED),
            "tier": profile.pseudo_tier,
            "msg": _PRIVATE_MESSAGE if torrent.private else "",
            "num_peers": 0,
            "num_seeds": 0,
            "num_leeches": 0,
            "num_downloaded": 0,
        }
        for name in ("DHT", "PeX", "LSD")
    ]


def trackers(profile: Profile, torrent: SimulatedTorrent) -> list[Row]:
    """The rows of a torrent's own trackers."""
    return [_tracker_row(profile, each) for each in torrent.trackers]


def files(profile: Profile, torrent: SimulatedTorrent) -> list[Row]:
    """A torrent as ``torrents/files`` shows it; the first row tells whether it is complete."""
    rows: list[Row] = []
    offset = 0
    for index, each in enumerate(torrent.listing):
        row = _file_row(profile, torrent.piece_size, offset, each)
        offset += _padded(each.size, torrent) if torrent.infohash_v2 else each.size
        if profile.indexes_files:
            row["index"] = index
        rows.append(row)
    return rows


def mark_seed(rows: list[Row], torrent: SimulatedTorrent) -> list[Row]:
    """The rows of ``torrents/files`` itself: ``is_seed`` stands in the first."""
    if rows:
        rows[0]["is_seed"] = torrent.progress >= 1
    return rows


def category(profile: Profile, each: SimulatedCategory) -> Row:
    """A category as ``torrents/categories`` shows it."""
    row: Row = {"name": each.name, "savePath": each.save_path}
    if profile.categories_have_limits:
        row |= {
            "download_path": each.download_path,
            "inactive_seeding_time_limit": -2,
            "ratio_limit": -2,
            "seeding_time_limit": -2,
            "share_limit_action": "Default",
            "share_limits_mode": "Default",
        }
    elif profile.categories_have_download_path and each.download_path is not None:
        row["download_path"] = each.download_path
    return row


def categories(profile: Profile, library: Library) -> dict[str, Row]:
    """All categories by name, sorted as the server does."""
    return {
        name: category(profile, library.categories[name]) for name in sorted(library.categories)
    }


def tracker_map(library: Library) -> dict[str, list[str]]:
    """``trackers`` of ``sync/maindata``: the torrents of each tracker's URL."""
    found: dict[str, list[str]] = {}
    for identity, torrent in library.torrents.items():
        for each in torrent.trackers:
            found.setdefault(each.url, []).append(identity)
    return found


def tracker_errors(torrent: SimulatedTorrent) -> Row:
    """What the newest servers' ``sync/maindata`` says of a torrent's trackers."""
    statuses = {each.status for each in torrent.trackers}
    return {
        "has_tracker_error": TrackerStatus.TRACKER_ERROR in statuses,
        "has_tracker_warning": any(
            each.msg for each in torrent.trackers if each.status is TrackerStatus.WORKING
        ),
        "has_other_announce_error": not statuses.isdisjoint(
            {TrackerStatus.NOT_WORKING, TrackerStatus.UNREACHABLE}
        ),
    }


def server_state() -> Row:
    """The part of ``server_state`` that all generations share."""
    return dict(_SERVER_STATE)


def preferences(library: Library) -> Row:
    """The part of ``app/preferences`` that qbm may look at."""
    preferences = library.preferences
    temp_path = preferences.temp_path or posixpath.join(library.save_path, "temp")
    return {
        **preferences.shown(library.profile),
        "auto_tmm_enabled": False,
        "bypass_local_auth": False,
        "category_changed_tmm_enabled": False,
        "queueing_enabled": False,
        "save_path": library.formatted(library.save_path),
        "save_path_changed_tmm_enabled": False,
        "temp_path": library.formatted(temp_path),
        "temp_path_enabled": preferences.temp_path_enabled,
        "torrent_changed_tmm_enabled": True,
        "web_ui_csrf_protection_enabled": True,
        "web_ui_max_auth_fail_count": 5,
    }


def state(profile: Profile, each: State) -> str:
    """A state in the generation's words."""
    return str(each if profile.says_stopped else _PAUSED.get(each, each))


def content_path(torrent: SimulatedTorrent) -> str:
    """The folder of a torrent with several files, the file of one with one."""
    if not torrent.files:
        return posixpath.join(torrent.home, torrent.name) if torrent.has_metadata else ""
    if len(torrent.files) == 1:
        return posixpath.join(torrent.home, torrent.files[0].name)
    return root_path(torrent) or torrent.home


def root_path(torrent: SimulatedTorrent) -> str:
    """The folder that all of a torrent's files are in; "" if there is none."""
    tops = {each.name.partition("/")[0] for each in torrent.files if "/" in each.name}
    if len(tops) != 1 or any("/" not in each.name for each in torrent.files):
        return ""
    return posixpath.join(torrent.home, *tops)


def total_size(torrent: SimulatedTorrent) -> int:
    """The size with the padding of version 2: each file begins a piece there."""
    if not torrent.has_metadata:
        return -1
    if not torrent.infohash_v2 and all(each.is_wanted for each in torrent.files):
        return torrent.size
    if not torrent.infohash_v2:
        return sum(each.size for each in torrent.files)
    padded = sum(_padded(each.size, torrent) for each in torrent.listing)
    if not torrent.infohash_v1:
        return padded
    # A hybrid's last file has nothing after it to begin a piece.
    return padded - -torrent.listing[-1].size % torrent.piece_size


def _padded(size: int, torrent: SimulatedTorrent) -> int:
    return -(-size // torrent.piece_size) * torrent.piece_size


def _pieces(torrent: SimulatedTorrent) -> Row:
    if not torrent.has_metadata:
        return {"piece_size": -1, "pieces_have": 0, "pieces_num": -1}
    count = -(-total_size(torrent) // torrent.piece_size)
    return {
        "piece_size": torrent.piece_size,
        "pieces_have": int(count * torrent.progress),
        "pieces_num": count,
    }


def _most(counts: Iterable[int]) -> int:
    """The largest count that a tracker told; 0 if none did."""
    return max((each for each in counts if each > 0), default=0)


def _tracker(profile: Profile, rows: Iterable[SimulatedTracker]) -> str:
    """``tracker``: the last one that works, else what the generation shows then."""
    first = working = ""
    for each in rows:
        first = first or each.url
        if each.status is TrackerStatus.WORKING:
            working = each.url
    return working or (first if profile.tells_first_tracker else "")


def _tracker_row(profile: Profile, each: SimulatedTracker) -> Row:
    is_working = each.status is TrackerStatus.WORKING
    row: Row = {
        "url": each.url,
        "status": _status(profile, each),
        "tier": each.tier,
        "msg": "" if is_working and not profile.repeats_warnings else each.msg,
        "num_peers": 0 if is_working else profile.unknown_peers,
        "num_seeds": each.num_seeds,
        "num_leeches": each.num_leeches,
        "num_downloaded": each.num_downloaded,
    }
    if profile.tells_tracker_errors:
        row["endpoints"] = []
        row["min_announce"] = 0
        row["next_announce"] = 0
        row["updating"] = each.is_updating or each.status is TrackerStatus.UPDATING
    return row


def _status(profile: Profile, tracker: SimulatedTracker) -> int:
    """A tracker's status in the generation's numbers: 5 and 6 are new, and 3 went with them."""
    status = tracker.status
    if profile.tells_tracker_errors:
        return int(
            TrackerStatus.NOT_CONTACTED if status is TrackerStatus.UPDATING else status,
        )
    if tracker.is_updating:
        return int(TrackerStatus.UPDATING)
    return int(min(status, TrackerStatus.NOT_WORKING))


def _file_row(profile: Profile, piece_size: int, offset: int, each: SimulatedFile) -> Row:
    last = max(offset, offset + each.size - 1)
    return {
        "name": each.name,
        "size": each.size,
        "progress": _number(each.progress),
        "priority": profile.normal_priority if each.is_wanted else 0,
        "availability": -1 if each.progress >= 1 else 0,
        "piece_range": [offset // piece_size, last // piece_size],
    }


def _time(profile: Profile, seconds: int) -> int:
    return profile.never if seconds == NEVER else seconds


def _number(value: float) -> float:
    """Qt writes whole numbers without a point."""
    return int(value) if value == int(value) else value
