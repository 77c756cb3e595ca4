"""What a server can do, by the version of its Web API; no version is ever refused."""

from __future__ import annotations

import re
from typing import TypeAlias

from msgspec import Struct

Version: TypeAlias = tuple[int, ...]

OLDEST: Version = (4, 2)
"""The oldest qBittorrent that the contract tests run against."""
NEWEST: Version = (5, 3)
"""The newest; a later patch of it is no news."""

_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)+)(?:[a-zA-Z]\w*)?")


class Capabilities(Struct, frozen=True, kw_only=True):
    """What decides how something is asked; each is named after what it allows."""

    include_trackers: bool
    """``torrents/info?includeTrackers=true`` (5.1.0)."""
    include_files: bool
    """``torrents/info?includeFiles=true`` (5.3.0)."""
    maindata_trackers: bool
    """``sync/maindata`` may hold a map of trackers: 4.5.2 has it and 4.2.5 has not. What is
    between shows by its answer."""
    export: bool
    """``torrents/export`` (4.5)."""
    renames_paths: bool
    """``torrents/renameFile`` by path (4.3.3); 4.2.5 knows files by number, in their folder."""
    says_start: bool
    """``torrents/start``; servers before 5.0 say ``resume``."""
    tells_tracker_errors: bool
    """A tracker that refuses a torrent has a status of its own (5.2): no longer 4 but 5."""


def parse_version(text: str) -> Version | None:
    """The numbers of ``v4.5.2``, ``5.2.0beta1`` or ``2.8.19``; None for any other text."""
    found = _NUMBERS.fullmatch(text.strip())
    return tuple(int(number) for number in found[1].split(".")) if found else None


def capabilities_of(api_version: Version) -> Capabilities:
    """The capabilities that this version of the Web API has."""
    return Capabilities(
        include_trackers=api_version >= (2, 11, 4),
        include_files=api_version >= (2, 11, 8),
        maindata_trackers=api_version >= (2, 6),
        export=api_version >= (2, 8, 14),
        renames_paths=api_version >= (2, 8),
        says_start=api_version >= (2, 11),
        tells_tracker_errors=api_version >= (2, 11, 5),
    )


def version_warning(version: str) -> str | None:
    """What to tell the user about a qBittorrent that no test has seen; None if one has."""
    numbers = parse_version(version)
    if numbers is None:
        return f"qBittorrent calls its version {version!r}, which is not known. Going on."
    if numbers < OLDEST:
        return (
            f"qBittorrent {version} is older than {_dotted(OLDEST)}, the oldest that was tested. "
            "Going on; please update qBittorrent."
        )
    if numbers[:2] > NEWEST:
        return (
            f"qBittorrent {version} is newer than {_dotted(NEWEST)}, the newest that was tested. "
            "Going on; please look for an update of this program."
        )
    return None


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
