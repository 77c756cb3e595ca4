"""Guards over a run as a whole: what is refused before anything is applied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from qbm.config import Config
from qbm.engine.planning import removals
from qbm.engine.request import RunRequest
from qbm.gateways.qbittorrent import version_warning
from qbm.model.plan import Notice, Plan, Refused, Skipped
from qbm.model.reason import Code, Reason, because
from qbm.model.snapshot import Selection, Snapshot
from qbm.model.torrent import TorrentHash

_NEVER_REFUSED: Final = 10
"""Removals in one run that are never too many, however small the library."""
_NAMES_LISTED: Final = 20
_ALARMING: Final = frozenset(
    {
        Code.UNREGISTERED_EN_MASSE,
        Code.CONTENT_UNHEARD,
        Code.BIN_UNREADABLE,
        Code.BINNED_UNSURE,
    }
)


class TooMany(Struct, frozen=True):
    """The guard over all removals of a run has said no: to which commands, and which torrents."""

    refused: tuple[Refused, ...]
    spared: Mapping[TorrentHash, Reason]


def too_many(plan: Plan, snapshot: Snapshot, config: Config) -> TooMany | None:
    """What ``settings.max_removal_percent`` says to a plan; None if it may go on.

    It refuses all removals of the run, and nothing else (decisions: *A refused command*).
    """
    percent, library = config.settings.max_removal_percent, len(snapshot.torrents)
    removed = removals(plan)
    most = max(_NEVER_REFUSED, library * percent // 100)
    if not percent or len(removed) <= most:
        return None
    facts = {"number": len(removed), "library": library, "percent": percent, "most": most}
    names = [snapshot.torrents[change.hash].name for _, change in removed]
    listed = ", ".join(names[:_NAMES_LISTED])
    if len(names) > _NAMES_LISTED:
        listed = f"{listed} and {len(names) - _NAMES_LISTED:,} more"
    reason = because(Code.REMOVALS_REFUSED, **facts, torrents=listed)
    commands = dict.fromkeys(planned.command for planned, _ in removed)
    why = because(Code.REMOVAL_REFUSED, **facts)
    return TooMany(
        refused=tuple(Refused(command, reason) for command in commands),
        spared={change.hash: why for _, change in removed},
    )


def warnings(request: RunRequest, selection: Selection, version: str) -> tuple[str, ...]:
    """What the caller should know although the run goes on; ``version`` is qBittorrent's."""
    untested = version_warning(version) if request.warns_of_version else None
    return (
        *([untested] if untested else []),
        *(
            f"No torrent on this server has the hash {each}: nothing was done for it."
            for each in selection.unmatched
        ),
        *(
            f"{each!r} is {_what_it_is(each)}, so nothing was done for it. A whole hash has 40 or "
            "64 hex digits: `qbm plan --json` has it, and in qBittorrent the torrent's own menu "
            "(Copy)."
            for each in selection.malformed
        ),
    )


def alarms(plan: Plan) -> tuple[str, ...]:
    """What the caller should hear of a plan that leaves things alone for somebody's trouble.

    Such a run does little and ends well, so nobody would look (decisions: *Mass guard*).
    """
    said: list[Notice | Skipped] = [*plan.notices, *plan.skipped]
    texts = (
        f"{each.command}: {str(each.reason).rstrip('.')}."
        for each in said
        if each.reason.code in _ALARMING
    )
    return tuple(dict.fromkeys(texts))


def _what_it_is(malformed: str) -> str:
    is_start = re.fullmatch("[0-9a-fA-F]{4,63}", malformed)
    return "only the start of a hash" if is_start else "no torrent's hash"
