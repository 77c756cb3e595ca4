"""One program on a fresh copy of the library: a first run, and a second with nothing to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from bench.programs import COMMANDS, Program, environment
from tests.lab import library
from tests.lab.proxy import Proxy
from tests.lab.servers import Options, Server
from tests.lab.suites import Tree

_GAUGE = Path(__file__).with_name("gauge.py")
_RUN_SECONDS = 1800
_QUIET_SECONDS = 2.0
"""How late a write's effect may show (spec: qbittorrent.md)."""

# As users have it: a login, and effects that show as late as they do at home.
_OPTIONS = Options(login=True, refresh_interval=1500)


class ContestError(Exception):
    """A program did not do its job, so that there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class State:
    """What the programs are there to change: categories and tags.

    ``torrents`` maps a hash to its category and its tags, ``categories`` a name to its path.
    """

    torrents: dict[str, tuple[str, tuple[str, ...]]]
    categories: dict[str, str]

    @staticmethod
    def of(server: Server) -> State:
        """Read off the server, once nothing moves any more."""
        last = _read(server)
        while True:
            time.sleep(_QUIET_SECONDS)
            now = _read(server)
            if now == last:
                return now
            last = now

    def differences(self, other: State) -> list[str]:
        """Where ``other`` differs, one line each."""
        lines = [
            f"torrent {each}: {self.torrents.get(each)} and {other.torrents.get(each)}"
            for each in sorted({*self.torrents, *other.torrents})
            if self.torrents.get(each) != other.torrents.get(each)
        ]
        lines += [
            f"category {each}: {self.categories.get(each)!r} and {other.categories.get(each)!r}"
            for each in sorted({*self.categories, *other.categories})
            if self.categories.get(each) != other.categories.get(each)
        ]
        return lines


@dataclass(frozen=True, slots=True)
class Requests:
    """What went over the wire: how often each path was asked, and the bytes of the bodies."""

    paths: Counter[str]
    writes: int
    sent_bytes: int
    received_bytes: int

    @staticmethod
    def through(proxy: Proxy) -> Requests:
        """What the proxy has seen since it was last told to forget."""
        return Requests(
            paths=proxy.counts,
            writes=len(proxy.writes),
            sent_bytes=sum(len(exchange.body) for exchange in proxy.exchanges),
            received_bytes=sum(exchange.received for exchange in proxy.exchanges),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One run and what it cost; ``requests`` only where they were counted."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    after: State
    requests: Requests | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """What one program did to one copy."""

    first: Run
    second: Run


class Library(Protocol):
    """What a stage's servers are filled with, and how the programs are told to treat it."""

    def fill(self, server: Server) -> None:
        """Adds everything, and waits until it is settled."""

    def config(self, address: str, username: str, password: str) -> str:
        """The YAML file for a server at ``address`` (``host:port``)."""


@dataclass(slots=True)
class Stage:
    """The library, built once, and as many equal servers with it as are asked for."""

    tree: Tree
    collection: Library
    folder: Path
    hashes: list[str] = field(default_factory=list)
    before: State = field(default_factory=lambda: State({}, {}))
    server_version: str = ""
    _numbers: Iterator[int] = field(default_factory=count)

    def build(self) -> None:
        """Fills a server and ends it: its profile is what all others begin from."""
        with Server(self.tree, self._original, _OPTIONS) as server:
            self.collection.fill(server)
            self.before = State.of(server)
            self.hashes = list(self.before.torrents)
            self.server_version = server.version

    @contextmanager
    def server(self) -> Iterator[Server]:
        """A running server with a copy of the library, loaded."""
        copy = self.folder / f"server-{next(self._numbers)}"
        shutil.copytree(self._original, copy)
        with Server(self.tree, copy, _OPTIONS) as server:
            library.settle(server, self.hashes)
            yield server
        shutil.rmtree(copy)

    def timed(self, program: Program) -> Round:
        """Both runs straight at the server."""
        with self.server() as server:
            config = self.config(server.url)
            return Round(_run(program, config, server), _run(program, config, server))

    def counted(self, program: Program) -> Round:
        """Both runs through a proxy that counts; it costs each request a millisecond."""
        with self.server() as server, Proxy(server.url) as proxy:
            config = self.config(proxy.url)
            return Round(_run(program, config, server, proxy), _run(program, config, server, proxy))

    @property
    def _original(self) -> Path:
        return self.folder / "original"

    def config(self, url: str) -> Path:
        """A new config folder for a server at ``url``."""
        folder = self.folder / f"config-{next(self._numbers)}"
        folder.mkdir()
        text = self.collection.config(urlsplit(url).netloc, _OPTIONS.username, _OPTIONS.password)
        (folder / "config.yml").write_text(text, encoding="utf-8")
        return folder


def _run(program: Program, config: Path, server: Server, proxy: Proxy | None = None) -> Run:
    if proxy:
        proxy.forget()
    cost = cost_of(program, config)
    requests = Requests.through(proxy) if proxy else None
    return Run(**cost, after=State.of(server), requests=requests)


def cost_of(program: Program, config: Path, commands: Sequence[str] = COMMANDS) -> dict[str, Any]:
    """One run's ``seconds``, ``cpu_seconds`` and ``peak_bytes``.

    Raises:
        ContestError: it did not end well; the end of its output stands in the text.
    """
    cost = _gauged(program.with_config(config, commands), config)
    exit_code = cost.pop("exit_code")
    if exit_code != 0:
        output = (config / "output.txt").read_text(encoding="utf-8", errors="replace")
        raise ContestError(f"{program.name} ended with {exit_code}:\n{output[-3000:]}")
    return cost


def _gauged(command: Sequence[str], folder: Path) -> dict[str, Any]:
    report, output = folder / "cost.json", folder / "output.txt"
    gauge = [sys.executable, "-I", "-S", _GAUGE, _RUN_SECONDS, report, output]
    subprocess.run([*map(str, gauge), *command], cwd=folder, env=environment(), check=True)
    cost: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return cost


def _read(server: Server) -> State:
    return State(
        torrents={
            row["hash"]: (row["category"], tuple(sorted(filter(None, row["tags"].split(", ")))))
            for row in server.api.torrents()
        },
        categories={
            # 4.2.5 says save paths with a slash behind, and keeps whichever it is given.
            name: category["savePath"].rstrip("/")
            for name, category in server.api.categories().items()
        },
    )
