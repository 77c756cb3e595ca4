"""What outlives a run: its history, the journal of changes, leases and locks.

SQLAlchemy is imported only when ``Store`` is first asked for, so that a command line which
needs the values or the locks starts without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qbm.store.holder import host_id, is_alive, this_process
from qbm.store.locks import Occupant, Purpose, ServerLock, StateLock
from qbm.store.records import (
    UNFINISHED,
    Entry,
    EntryState,
    FileList,
    Intent,
    LeftOut,
    MovedOrphan,
    NewRun,
    Run,
    RunState,
    Step,
    Trigger,
)

if TYPE_CHECKING:
    from qbm.store.store import Store

__all__ = [
    "UNFINISHED",
    "Entry",
    "EntryState",
    "FileList",
    "Intent",
    "LeftOut",
    "MovedOrphan",
    "NewRun",
    "Occupant",
    "Purpose",
    "Run",
    "RunState",
    "ServerLock",
    "StateLock",
    "Step",
    "Store",
    "Trigger",
    "host_id",
    "is_alive",
    "this_process",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the language's hook for late attributes
    if name == "Store":
        from qbm.store.store import Store  # noqa: PLC0415 - late on purpose, see above

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
