"""A row of a torrent's tracker list, and what its address says."""

from __future__ import annotations

import re
from enum import IntEnum
from urllib.parse import urlsplit

from msgspec import Struct

_BEYOND_HOST = re.compile(r"(?<![:/])[/?]")
_PASSKEY = re.compile(r"[0-9A-Za-z]{20,}")
"""Passkeys are 32 hex digits or so; no word that a person writes is as long."""
_URL = re.compile(r"(?<!\w)\w++://\S+")
_LONGEST_READ = 2000
_LONGEST_MESSAGE = 200
_SCHEMES = frozenset({"http", "https", "udp", "ws", "wss"})


class TrackerStatus(IntEnum):
    """``status`` of ``torrents/trackers``; the last two exist from qBittorrent 5.2 on."""

    DISABLED = 0
    NOT_CONTACTED = 1
    WORKING = 2
    UPDATING = 3
    NOT_WORKING = 4
    TRACKER_ERROR = 5
    UNREACHABLE = 6


class Tracker(Struct, frozen=True, gc=False):
    """One row: a tracker, or a pseudo row such as ``** [DHT] **``.

    ``status`` is None where the server only told the URL (``sync/maindata``). ``is_updating``
    says that it is being asked just now, which newer servers tell beside the status.
    """

    url: str
    status: TrackerStatus | None = None
    msg: str = ""
    is_updating: bool = False

    @property
    def is_working(self) -> bool:
        """Its last answer was a good one."""
        return self.status is TrackerStatus.WORKING

    @property
    def is_real(self) -> bool:
        """It has a URL of a tracker's scheme; the DHT, PeX and LSD rows have none."""
        return self.url.partition("://")[0].lower() in _SCHEMES and "://" in self.url


def host_of(url: str) -> str:
    """The host name in a tracker's URL as it is written there; "" where there is none.

    Without port, user and passkey. Its case is kept, for it becomes a tag, and tags that
    people have already are spelled so.
    """
    try:
        name = urlsplit(url).hostname or ""
    except ValueError:  # such as an unclosed IPv6 bracket: people's torrents hold anything
        return ""
    start = url.lower().find(name, url.find("://"))
    return url[start : start + len(name)]


def without_passkey(text: str) -> str:
    """A tracker's address, or a part of one, as it may be shown, logged and kept.

    People paste announce URLs into their configs, and those hold their passkeys.
    """
    if beyond_host := _BEYOND_HOST.search(text):
        text = f"{text[: beyond_host.start()]}/…"
    return _PASSKEY.sub("…", text)


def as_one_line(msg: str) -> str:
    """A tracker's message without line breaks and characters that only steer a display.

    Nobody bounds what a tracker sends: of a long message, the beginning.
    """
    read = msg[:_LONGEST_READ]
    return " ".join("".join(each if each.isprintable() else " " for each in read).split())


def without_urls(text: str) -> str:
    """Text without the URLs in it, whose words say nothing."""
    return " ".join(_URL.sub(" ", text).split())


def shown_message(msg: str) -> str:
    """A tracker's message as it may be shown, logged and kept: one short line, no passkey.

    Of a URL only the host stays: the rest may hold a user's name, password or passkey.
    """
    line = _URL.sub(lambda url: f"{host_of(url[0])}/…", as_one_line(msg))
    shown = _PASSKEY.sub("…", line)
    return shown if len(shown) <= _LONGEST_MESSAGE else f"{shown[: _LONGEST_MESSAGE - 1]}…"
