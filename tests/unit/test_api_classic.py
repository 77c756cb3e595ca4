"""The older tool's scenes, played to ours: its clients miss nothing that was recorded.

Scenes and recordings are told of in ``tests/cases/classic_api/README.md``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qbm.config import Loaded, load
from qbm.config.folder import ConfigFolder
from qbm.service.port import Accepted, Asked
from qbm.store import Run, RunState
from tests.api import Served, StandIn, serve
from tests.asgi import Answer
from tests.classic_shapes import Case, cases, routes, unmet
from tests.lab.classic_api.scenes import SCENES
from tests.lab.classic_api.steps import (
    AfterFirstRun,
    Ask,
    AtOnce,
    Look,
    Remove,
    Repeat,
    Scene,
    Step,
    Write,
)

_HANDED_OUT = {"api_key": "<api key>", "backup_file": "<backup>"}


class OfFolder(StandIn):
    """Looks for its configs in a folder; a server that is not right fails the run."""

    folder: ConfigFolder

    def accept(self, asked: Asked) -> Accepted:
        paths = self.folder.matching(asked.config_file)
        loaded: list[Loaded] = [load(path, {}) for path in paths]
        for each in loaded:
            each.for_commands(asked.commands).required()
        self.config_files = tuple(path.name for path in paths)
        self.kept.clear()
        return super().accept(asked)

    async def ended(self, request_id: str) -> tuple[Run, ...]:
        failed = {"state": RunState.FAILED, "error": "The server refuses the password."}
        self.end = {
            name: failed if "wrong" in name or self._is_unreachable(name) else {}
            for name in self.config_files
        }
        return await super().ended(request_id)

    def _is_unreachable(self, name: str) -> bool:
        return "nobody" in (self.folder.path / name).read_text(encoding="utf-8")


@dataclass
class Stage:
    """One scene on ours: asks, and notes what a client of the older tool would miss."""

    scene: Scene
    served: Served
    known: dict[str, str]
    recorded: Iterator[Case]
    missed: list[str] = field(default_factory=list)

    async def take(self, step: Step) -> None:
        match step:
            case Ask():
                self._compare(step, await self._asked(step))
            case AtOnce(asks):
                for ask in asks:
                    self._compare(ask, await self._asked(ask))
            case Repeat(times, ask):
                for _ in range(times):
                    await self._asked(ask)
            case Write(path, text):
                self._write(path, text)
            case Remove(path):
                found = self.served.folder / path
                shutil.rmtree(found) if found.is_dir() else found.unlink()
            case Look() | AfterFirstRun():
                pass

    async def _asked(self, ask: Ask) -> Answer:
        headers = {name: self._filled(value) for name, value in ask.headers.items()}
        text = ask.body if isinstance(ask.body, str) else json.dumps(ask.body)
        raw = self._filled(text).encode(errors="surrogateescape")
        path = self._filled(ask.path)
        chunks = [] if ask.body is None else [raw]
        client = self.served.client()
        return await client.ask(ask.method, path, headers=headers, chunks=chunks)

    def _compare(self, ask: Ask, answer: Answer) -> None:
        case = next(self.recorded)
        assert (case.name, case.path) == (ask.name, ask.path)
        body = self._learnt(answer)
        self.missed += [f"{ask.name}: {fault}" for fault in unmet(case, answer.status, body)]

    def _learnt(self, answer: Answer) -> Any:
        body = answer.json if answer.body else None
        for key, placeholder in _HANDED_OUT.items():
            if isinstance(body, dict) and body.get(key):
                self.known[placeholder] = body[key]
        return body

    def _write(self, path: str, text: str) -> None:
        target = self.served.folder / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(self._filled(text), encoding="utf-8")

    def _filled(self, text: str) -> str:
        for placeholder, value in self.known.items():
            text = text.replace(placeholder, value)
        return text


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_whoever_used_the_older_tool_misses_nothing(tmp_path: Path, scene: Scene) -> None:
    stage = staged(scene, tmp_path / "config")
    for step in scene.steps:
        await stage.take(step)
    assert stage.missed == []


def staged(scene: Scene, folder: Path) -> Stage:
    service = OfFolder(is_busy=scene.name == "busy")
    service.folder = ConfigFolder(folder)
    flags = dict(zip(scene.flags[::2], scene.flags[1::2], strict=True))
    served = serve(
        folder,
        service,
        base_url=flags.get("--base-url", ""),
        schedule=flags.get("--schedule", "1440"),
    )
    known = {
        "<config>": str(folder),
        "<library>": "/library",
        "<qbittorrent>": "127.0.0.1:8080",
        "<nobody>": "nobody:1",
        "<tv hash>": "a" * 40,
    }
    stage = Stage(scene, served, known, iter(recorded(scene)))
    for path, text in scene.files.items():
        stage._write(path, text)
    stage._write("logs/qbit_manage.log", "a line\n")
    return stage


def recorded(scene: Scene) -> list[Case]:
    """The scene's cases in the order of its steps."""
    found = {
        (case.name, case.path, case.method): case
        for route in routes()
        for case in cases(route)
        if case.scene == scene.name
    }
    asks = [
        ask
        for step in scene.steps
        for ask in (step.asks if isinstance(step, AtOnce) else (step,))
        if isinstance(ask, Ask)
    ]
    return [found[ask.name, ask.path, ask.method] for ask in asks]
