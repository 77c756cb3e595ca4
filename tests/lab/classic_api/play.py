"""Plays a scene to the older tool and keeps what it answers and writes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.programs import Program

from tests.lab import library, torrents
from tests.lab.classic_api.neutral import neutral_body, neutral_text
from tests.lab.classic_api.routes import route_of
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
from tests.lab.classic_api.tool import Answer, Tool
from tests.lab.folders import server_folder
from tests.lab.ports import refusing_port
from tests.lab.servers import Options, Server
from tests.lab.suites import Suite, tree_of

_FIRST_RUN_SECONDS = 120.0
_KEPT_HEADERS = ("www-authenticate", "retry-after", "location", "allow")
_KEPT_PREFIX = "access-control-"
# What an answer hands out, and the placeholder that later requests name it by.
_HANDED_OUT = {"api_key": "<api key>", "backup_file": "<backup>"}


@dataclass(slots=True)
class Recording:
    """What one scene has given: cases with their route, and the files looked at."""

    cases: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)


def played(scene: Scene, program: Program) -> Recording:
    """Starts a server, its library and the tool, and takes all steps of the scene in order."""
    with ExitStack() as ends:
        folder = ends.enter_context(server_folder())
        server = ends.enter_context(_server(folder))
        config = folder / "config"
        config.mkdir()
        stage = _Stage(scene, config, _placeholders(server, config))
        for path, text in scene.files.items():
            stage.take(Write(path, text))
        stage.tool = ends.enter_context(Tool(program, config, scene.flags))
        for step in scene.steps:
            stage.take(step)
        return stage.recording


def library_of(server: Server) -> list[str]:
    """Two complete torrents in folders that are categories, of which one has a known tracker."""
    films = torrents.single("films.mkv", "http://two.invalid/announce")
    tv = torrents.single("tv.mkv", "http://one.invalid/announce")
    return [
        *library.add(server, films, save_path=server.save_path / "films"),
        *library.add(server, tv, save_path=server.save_path / "tv"),
    ]


@contextmanager
def _server(folder: Path) -> Iterator[Server]:
    place = folder / "server"
    place.mkdir()
    with Server(tree_of(Suite.TRIXIE), place, Options(login=True)) as server:
        yield server


def _placeholders(server: Server, config: Path) -> dict[str, str]:
    _, tv = library_of(server)
    return {
        "<config>": str(config),
        "<library>": str(server.save_path),
        "<qbittorrent>": f"127.0.0.1:{server.port}",
        "<nobody>": f"127.0.0.1:{refusing_port()}",
        "<tv hash>": tv,
    }


@dataclass(slots=True)
class _Stage:
    scene: Scene
    config: Path
    known: dict[str, str]
    tool: Tool | None = None
    recording: Recording = field(default_factory=Recording)

    def take(self, step: Step) -> None:
        match step:
            case Ask():
                self._record(step, self._asked(step))
            case AtOnce(asks):
                with ThreadPoolExecutor(len(asks)) as pool:
                    for ask, answer in zip(asks, pool.map(self._asked, asks), strict=True):
                        self._record(ask, answer)
            case Repeat(times, ask):
                for _ in range(times):
                    self._asked(ask)
            case Write(path, text):
                self.config.joinpath(path).write_text(_filled(text, self.known), encoding="utf-8")
            case Remove(path):
                _remove(self.config / path)
            case Look(name, path):
                self._look(name, self.config / path)
            case AfterFirstRun():
                self._await_first_run()

    def _asked(self, ask: Ask) -> Answer:
        assert self.tool
        headers = {name: _filled(value, self.known) for name, value in ask.headers.items()}
        return self.tool.ask(
            ask.method,
            _filled(ask.path, self.known),
            headers,
            _encoded(ask.body, self.known),
        )

    def _record(self, ask: Ask, answer: Answer) -> None:
        content_type = answer.headers.get("content-type", "")
        self._learn(answer, content_type)
        case = {
            "name": ask.name,
            "scene": self.scene.name,
            "request": {
                "method": ask.method,
                "path": ask.path,
                "headers": dict(ask.headers),
                "body": ask.body,
            },
            "status": answer.status,
            "content_type": content_type,
            "headers": _kept(answer.headers),
            "body": neutral_body(answer.body, content_type, self.known),
        }
        self.recording.cases.append((route_of(ask.path), case))

    def _learn(self, answer: Answer, content_type: str) -> None:
        if not answer.body or content_type != "application/json":
            return
        body = json.loads(answer.body)
        for key, placeholder in _HANDED_OUT.items():
            if isinstance(body, dict) and body.get(key):
                self.known[placeholder] = body[key]

    def _look(self, name: str, path: Path) -> None:
        found: dict[str, str | None] = {"mode": None, "text": None}
        if path.exists():
            text = neutral_text(path.read_text(encoding="utf-8"), self.known)
            found = {"mode": f"{path.stat().st_mode & 0o777:04o}", "text": text}
        self.recording.files.append(
            {"name": name, "scene": self.scene.name, "path": path.name, **found},
        )

    def _await_first_run(self) -> None:
        health = Ask("health", "GET", "/api/health")

        def last_run() -> Any:
            return json.loads(self._asked(health).body)["application"]["last_run"]

        library.wait_for(last_run, bool, _FIRST_RUN_SECONDS)


def _filled(text: str, known: Mapping[str, str]) -> str:
    for placeholder, value in known.items():
        text = text.replace(placeholder, value)
    return text


def _encoded(body: Any, known: Mapping[str, str]) -> bytes | None:
    if body is None:
        return None
    text = body if isinstance(body, str) else json.dumps(body)
    # Lone surrogates stand for bytes that are no UTF-8.
    return _filled(text, known).encode(errors="surrogateescape")


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(headers.items())
        if name in _KEPT_HEADERS or name.startswith(_KEPT_PREFIX)
    }


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
