"""Runs and planned changes for tests of the store; light, as child processes import it too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from qbm.model.change import AddTags
from qbm.model.command import CommandName
from qbm.model.plan import Planned
from qbm.model.reason import Code, because
from qbm.model.torrent import TorrentHash
from qbm.store import NewRun, Run, Store, Trigger, is_alive

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
SERVER = "host http://127.0.0.1:8080"
HOLDER = "here/1/1"


def a_new_run(**facts: Any) -> NewRun:
    """A run of tag_update on all torrents, asked for on the command line."""
    usual: dict[str, Any] = {
        "server": SERVER,
        "config_file": "config.yml",
        "trigger": Trigger.CLI,
        "holder": HOLDER,
        "commands": (CommandName.TAG_UPDATE,),
    }
    return NewRun(**{**usual, **facts})


def planned(count: int) -> list[Planned]:
    """``count`` different changes."""
    reason = because(Code.TAG_FROM_TRACKER, host="tracker.example.org", entry="tracker")
    return [
        Planned(
            AddTags(TorrentHash(f"{number:040x}"), ("a", "b"), before=("c",)),
            CommandName.TAG_UPDATE,
            reason,
        )
        for number in range(count)
    ]


def a_running(store: Store, **facts: Any) -> Run:
    """A run that has its server and is at work."""
    new = a_new_run(**facts)
    run = store.accept(new, NOW)
    is_ours = store.acquire(
        new.server, run.id, new.holder, now=NOW, duration=LEASE, is_alive=is_alive
    )
    assert is_ours, "another run has the server"
    store.start(run.id, NOW)
    return run
