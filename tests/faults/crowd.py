"""Many clients of a server that is killed again and again, and what each was answered."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from qbm.simulator import Credentials, SimulatedTorrent, SimulatedTracker, Simulator, Slow
from tests.program import Served, write_config

TAG: Final = "counted"
ANSWER_SECONDS: Final = 120
_CONFIGS: Final = {"a.yml": ("a.yml",), "b.yml": ("b.yml",), "*.yml": ("a.yml", "b.yml")}


@dataclass
class Wish:
    """One request, for a torrent that no other asks for, and what came of it.

    ``is_accepted`` None: its answer was cut off, or there was none.
    """

    number: int
    config_file: str
    is_dry: bool
    waits: bool
    is_accepted: bool | None = None
    run_ids: tuple[str, ...] = ()
    answer: Any = None

    @property
    def hash(self) -> str:
        """The torrent that it is about."""
        return hash_of(self.number)

    @property
    def configs(self) -> tuple[str, ...]:
        """Which configs it means."""
        return _CONFIGS[self.config_file]


def hash_of(number: int) -> str:
    """The torrent of a number."""
    return f"{number:040x}"


def wishes(count: int, chance: random.Random) -> list[Wish]:
    """Requests for one server, the other, or both; some dry, some that do not wait."""
    return [
        Wish(
            number,
            config_file=chance.choices(list(_CONFIGS), [9, 9, 2])[0],
            is_dry=chance.random() < 0.1,
            waits=chance.random() < 0.7,
        )
        for number in range(count)
    ]


@dataclass
class Pair:
    """Two simulated servers with the same torrents, ``a`` and ``b``, and a config for each."""

    simulators: dict[str, Simulator]
    folder: Path


@contextmanager
def pair(folder: Path, torrents: int, seconds: float = 0.02) -> Iterator[Pair]:
    """The servers; each takes ``seconds`` longer than it needs to tell of its torrents."""
    made = {name: _simulator(torrents, seconds) for name in ("a.yml", "b.yml")}
    with made["a.yml"].run_in_thread() as a, made["b.yml"].run_in_thread() as b:
        for name, url in (("a.yml", a), ("b.yml", b)):
            tracker = {"other": {"tag": TAG}}
            write_config(folder, {"qbt": {"host": url}, "tracker": tracker}, name)
        yield Pair(made, folder)


def _simulator(torrents: int, seconds: float) -> Simulator:
    simulator = Simulator(credentials=Credentials(required=False))
    trackers = (SimulatedTracker(url="http://tracker.example/announce"),)
    simulator.add(
        SimulatedTorrent(name=f"{number}", infohash_v1=hash_of(number), trackers=trackers)
        for number in range(torrents)
    )
    simulator.faults.add(Slow(seconds), "torrents/info", times=None)
    return simulator


@dataclass
class Crowd:
    """Clients with a connection each, who ask for their wishes one after the other.

    A client whose connection is refused tries again, for then nobody has heard it; one that
    is cut off does not. ``pause`` is the longest time, in seconds, between two of its requests.
    """

    url: str
    shares: Sequence[Sequence[Wish]]
    seed: int
    pause: float = 0.0
    is_over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """They ask while the block runs; its end waits until all have asked for all."""
        with ThreadPoolExecutor(max_workers=len(self.shares)) as pool:
            going = [pool.submit(self._ask_for_all, *each) for each in enumerate(self.shares)]
            try:
                yield
                for each in going:
                    each.result(ANSWER_SECONDS)
            finally:
                self.is_over.set()

    def _ask_for_all(self, client: int, share: Sequence[Wish]) -> None:
        chance = random.Random(self.seed + client)
        with requests.Session() as session:
            for wish in share:
                self.is_over.wait(chance.uniform(0, self.pause))
                while not self.is_over.is_set() and not self._asked(session, wish):
                    self.is_over.wait(0.05)

    def _asked(self, session: requests.Session, wish: Wish) -> bool:
        """Ask once; False if nobody can have heard it."""
        path = "run-command" if wish.waits else "runs"
        body = {
            "config_file": wish.config_file,
            "commands": ["tag_update"],
            "hashes": [wish.hash],
            "dry_run": wish.is_dry,
        }
        try:
            answer = session.post(f"{self.url}/api/{path}", json=body, timeout=ANSWER_SECONDS)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            return "Connection refused" not in str(error)
        wish.answer = answer.json()
        wish.run_ids = _run_ids(wish.answer)
        wish.is_accepted = bool(wish.run_ids)
        assert wish.is_accepted, (answer.status_code, answer.text)
        return True


def _run_ids(answer: Any) -> tuple[str, ...]:
    """The runs that an answer names: all of them, or at least the first."""
    named = answer.get("results") or answer.get("runs") or [answer]
    ids = (each.get("run_id") or each.get("id") for each in named)
    return tuple(each for each in ids if each)


@dataclass
class Killer:
    """Kills a server with SIGKILL and starts it again, at random moments."""

    server: Served
    chance: random.Random

    def kill(self, times: int, least: float, most: float) -> None:
        """Let it live for between ``least`` and ``most`` seconds, each of ``times``."""
        for _ in range(times):
            threading.Event().wait(self.chance.uniform(least, most))
            self.server.end(signal.SIGKILL)
            if self.chance.random() < 0.25:
                self._kill_while_it_starts()
            self.server.start()

    def _kill_while_it_starts(self) -> None:
        with ThreadPoolExecutor(max_workers=1) as pool:
            before = self.server.pid
            starting = pool.submit(self.server.start)
            while self.server.pid == before and not starting.done():
                threading.Event().wait(0.01)
            threading.Event().wait(self.chance.uniform(0.2, 1.5))
            self.server.end(signal.SIGKILL)
            starting.exception(ANSWER_SECONDS)  # it may have served already


def drained(url: str) -> list[dict[str, Any]]:
    """The runs that have not ended."""
    states = [("state", "waiting"), ("state", "running"), ("limit", "500")]
    answer = requests.get(f"{url}/api/runs", params=states, timeout=ANSWER_SECONDS)
    unfinished: list[dict[str, Any]] = answer.json()["runs"]
    return unfinished
