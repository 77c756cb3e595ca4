"""The rows of ``torrents/trackers`` as the real servers show them (spec: qbittorrent)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto

from qbm.model.tracker import Tracker, TrackerStatus

_HTML = "expected value (list, dict, int or string) in bencoded string"
_REFUSAL = "tracker sent a failure message"
_DNS = "Host not found (authoritative)"


class Generation(StrEnum):
    """Servers whose rows are alike."""

    V4_2 = "4.2.5"
    V4_5 = "4.5.2 and 5.1.0"
    V5_3 = "5.3.0"

    @property
    def tells_tracker_errors(self) -> bool:
        """It has a status of its own for a tracker that refuses a torrent."""
        return self is Generation.V5_3


class Condition(StrEnum):
    """What a tracker does."""

    WORKING = auto()
    WARNING = auto()
    UNREGISTERED = auto()
    ERROR = auto()
    MAINTENANCE = auto()
    OUTAGE = auto()
    EMPTY_REASON = auto()
    REFUSED = auto()
    TIMED_OUT = auto()
    RETRYING = auto()
    DNS = auto()
    HTTP_404 = auto()
    HTTP_503 = auto()
    HTTP_502 = auto()
    PAGE = auto()
    NEVER = auto()
    DISABLED = auto()


_REASONS: Mapping[Condition, str] = {
    Condition.UNREGISTERED: "Unregistered torrent",
    Condition.ERROR: "Ratio too low",
    Condition.MAINTENANCE: "Announce is currently unavailable",
    Condition.OUTAGE: "Tracker is down",
}
_TEXTS: Mapping[Condition, str] = {
    Condition.REFUSED: "Connection refused",
    Condition.TIMED_OUT: "timed out",
    Condition.DNS: _DNS,
    Condition.HTTP_404: "Not Found",
    Condition.HTTP_503: "Service Unavailable",
    Condition.HTTP_502: "Bad Gateway",
    Condition.PAGE: _HTML,
    Condition.EMPTY_REASON: _REFUSAL,
}
_HTTP = {Condition.HTTP_404, Condition.HTTP_503, Condition.HTTP_502}


def row(condition: Condition, generation: Generation, url: str) -> Tracker:
    """How this generation shows a tracker in this condition."""
    match condition:
        case Condition.WORKING:
            return Tracker(url, TrackerStatus.WORKING)
        case Condition.WARNING:
            msg = "" if generation is Generation.V4_2 else "Unregistered torrent"
            return Tracker(url, TrackerStatus.WORKING, msg)
        case Condition.NEVER:
            return Tracker(url, TrackerStatus.NOT_CONTACTED)
        case Condition.DISABLED:
            return Tracker(url, TrackerStatus.DISABLED, "Unregistered torrent")
        case Condition.RETRYING:
            if generation is Generation.V5_3:
                return Tracker(
                    url, TrackerStatus.TRACKER_ERROR, "Unregistered torrent", is_updating=True
                )
            return Tracker(url, TrackerStatus.UPDATING, "Unregistered torrent")
        case _:
            return _failing(condition, generation, url)


def _failing(condition: Condition, generation: Generation, url: str) -> Tracker:
    is_own_answer = condition in _REASONS or condition is Condition.EMPTY_REASON
    status = TrackerStatus.NOT_WORKING
    if generation is Generation.V5_3 and is_own_answer:
        status = TrackerStatus.TRACKER_ERROR
    if condition in _REASONS:
        return Tracker(url, status, _REASONS[condition])
    is_silent = generation is Generation.V4_2 and condition not in _HTTP
    return Tracker(url, status, "" if is_silent else _TEXTS[condition])
