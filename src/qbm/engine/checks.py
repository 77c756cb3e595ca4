"""Guards over a run as a whole: what is refused before anything is applied."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from qbm.commands.registry import AVAILABLE
from qbm.engine.request import RunRequest
from qbm.gateways.qbittorrent import version_warning
from qbm.model.command import COMMANDS, CommandName
from qbm.model.snapshot import Selection
from qbm.store import LeftOut

_LATER: Final = "comes with a later version of qbm: nothing was done for it."


def unavailable(commands: Iterable[CommandName]) -> tuple[CommandName, ...]:
    """The commands asked for that this version does not have yet, in run order."""
    wanted = set(commands)
    return tuple(name for name in COMMANDS if name in wanted and name not in AVAILABLE)


def failed(request: RunRequest) -> tuple[LeftOut, ...]:
    """The commands asked for that cannot run, each with the reason."""
    return tuple(LeftOut(name, _LATER) for name in unavailable(request.commands))


def warnings(request: RunRequest, selection: Selection, version: str) -> tuple[str, ...]:
    """What the caller should know although the run goes on; ``version`` is qBittorrent's."""
    untested = version_warning(version) if request.warns_of_version else None
    return (
        *([untested] if untested else []),
        *(f"{each.command} {each.reason}" for each in failed(request)),
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


def _what_it_is(malformed: str) -> str:
    is_start = re.fullmatch("[0-9a-fA-F]{4,63}", malformed)
    return "only the start of a hash" if is_start else "no torrent's hash"
