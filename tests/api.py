"""A Web API with a stand-in for the service behind it, for tests of what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI

from qbm.api.app import create_app
from qbm.api.site import Site
from qbm.config.folder import ConfigFolder
from qbm.engine.request import RunReport
from qbm.errors import QbmError
from qbm.gateways.clock import SystemClock
from qbm.model.command import CommandName
from qbm.service.port import Accepted, Asked, Status
from qbm.service.settings import FILE_NAME, SettingsFile
from qbm.store import Run, RunState, Trigger
from tests.asgi import Client

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOKEN = "a-token-of-this-start"
SECRET = "hunter2hunter2"
CONFIG = """\
# my server
qbt:
  host: localhost:8080
  user: admin
  pass: hunter2hunter2   # secret
cat:
  tv: /data/tv
tracker:
  other:
    tag: other
"""


def a_run(number: int = 1, **facts: Any) -> Run:
    """A run of tag_update that has ended well; its id tells its number."""
    usual: dict[str, Any] = {
        "id": f"run-{number}",
        "arrival": number,
        "request_id": f"run-{number}",
        "server": "host http://localhost:8080",
        "config_file": "config.yml",
        "trigger": Trigger.API,
        "holder": "here/1/1",
        "is_queued": True,
        "commands": (CommandName.TAG_UPDATE,),
        "hashes": None,
        "dry_run": False,
        "skip_cleanup": False,
        "older_than_days": 0,
        "is_partly": False,
        "warns_of_version": True,
        "log_level": None,
        "state": RunState.DONE,
        "attempts": 1,
        "created_at": NOW,
        "started_at": NOW,
        "ended_at": NOW + timedelta(seconds=1),
        "stats": {"tagged": 3},
        "skipped_counts": {},
        "executed": (CommandName.TAG_UPDATE,),
        "refused": (),
        "failed_commands": (),
        "warnings": (),
        "error": "",
        "exit_code": 0,
    }
    return Run(**{**usual, **facts})


@dataclass
class StandIn:
    """A service that accepts everything for ``config_files`` and ends each run as told."""

    config_files: tuple[str, ...] = ("config.yml",)
    end: Mapping[str, Any] = field(default_factory=dict)
    is_busy: bool = False
    refuses: QbmError | None = None
    ends_with: QbmError | None = None
    reports: dict[str, RunReport] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    kept: dict[str, Run] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: count(1))

    def accept(self, asked: Asked) -> Accepted:
        if self.refuses:
            raise self.refuses
        self.asked.append(asked)
        runs = tuple(self._accepted(asked, name) for name in self.config_files)
        first = runs[0].id
        return Accepted(first, tuple(self.kept[each.id] for each in runs), self.is_busy)

    def _accepted(self, asked: Asked, name: str) -> Run:
        run = a_run(
            next(self._numbers),
            config_file=name,
            commands=asked.commands,
            hashes=asked.hashes or None,
            dry_run=asked.dry_run,
            trigger=asked.trigger,
            state=RunState.WAITING,
        )
        self.kept[run.id] = run
        return run

    async def ended(self, request_id: str) -> tuple[Run, ...]:
        if self.ends_with:
            raise self.ends_with
        assert request_id in self.kept
        facts = {"state": RunState.DONE, **self.end}
        for name, run in self.kept.items():
            own = facts.get(run.config_file, facts)
            self.kept[name] = a_run(
                run.arrival, **{**_as_asked(run), "executed": run.commands, **own}
            )
        return tuple(self.kept.values())

    def of_request(self, request_id: str) -> tuple[Run, ...]:
        return tuple(run for run in self.kept.values() if run.request_id == request_id)

    def run(self, run_id: str) -> Run | None:
        return self.kept.get(run_id)

    def runs(
        self, *, states: Sequence[RunState] = (), limit: int = 50, before: int | None = None
    ) -> list[Run]:
        latest = sorted(self.kept.values(), key=lambda run: -run.arrival)
        return [
            run
            for run in latest
            if (not states or run.state in states) and (before is None or run.arrival < before)
        ][:limit]

    def report(self, run_id: str) -> RunReport | None:
        return self.reports.get(run_id)

    def cancel(self, run_id: str) -> Run | None:
        self.cancelled.append(run_id)
        return self.kept.get(run_id)

    def status(self) -> Status:
        runs = self.runs()
        return Status(
            is_closing=False,
            waiting=sum(run.state is RunState.WAITING for run in runs),
            running=tuple(run for run in runs if run.state is RunState.RUNNING),
            last=next((run for run in runs if run.ended_at), None),
        )


def _as_asked(run: Run) -> dict[str, Any]:
    return {
        "config_file": run.config_file,
        "commands": run.commands,
        "hashes": run.hashes,
        "dry_run": run.dry_run,
        "trigger": run.trigger,
    }


@dataclass
class Served:
    """An API on a folder of its own, with what it logged."""

    site: Site
    app: FastAPI
    service: StandIn
    folder: Path
    events: list[dict[str, Any]]

    def client(self, address: str | None = "127.0.0.1", **headers: str) -> Client:
        """A caller with these headers, ``_`` for ``-``, beside Host."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(self.app, address, {"host": "localhost:8080", **named})

    def settings(self, text: str) -> None:
        """Write the settings file."""
        (self.folder / FILE_NAME).write_text(text, encoding="utf-8")


Serve = Callable[..., Served]


def serve(folder: Path, service: StandIn | None = None, **facts: Any) -> Served:
    """An API on ``folder``, where a config is put if there is none."""
    folder.mkdir(exist_ok=True)
    if not (folder / "config.yml").exists():
        (folder / "config.yml").write_text(CONFIG, encoding="utf-8")
    service = service or StandIn()
    events: list[dict[str, Any]] = []

    def note(_: object, method: str, event: Any) -> Any:
        events.append({**event, "level": method})
        raise structlog.DropEvent

    environ = facts.pop("environ", {})
    usual: dict[str, Any] = {
        "service": service,
        "folder": ConfigFolder(folder),
        "settings": SettingsFile(folder / FILE_NAME, environ),
        "logs": folder / "logs",
        "log_file": "qbit_manage.log",
        "log": structlog.wrap_logger(None, processors=[note]),
        "clean": lambda text: text.replace(SECRET, "***"),
        "clock": SystemClock(),
        "environ": environ,
        "token": TOKEN,
    }
    site = Site(**{**usual, **facts})
    return Served(site, create_app(site), service, folder, events)
