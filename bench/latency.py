"""Times the Web API: small questions beside a run on a large library, and a run for one torrent.

Ours on the simulator, where little but ourselves counts; then ours and the older tool on a real
qBittorrent. Everything is asked over HTTP, as a dashboard and qBittorrent's script ask.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import requests

from bench import programs
from bench.collection import Collection
from bench.contest import Stage
from bench.verdict import machine
from tests.lab.classic_api.tool import Tool
from tests.lab.suites import Suite, SuiteMissingError, tree_of
from tests.lab.webapi import WebApi
from tests.program import Served, environment, write_config

_PATHS = ("/api/health", "/api/version")
_PERIOD = 0.02
"""Seconds between two questions of one path."""
_ROUNDS = 5
_HASHES = 20
_OLDER_HASHES = 2
_OLDER_SECONDS = 30.0
"""Its run on 10,000 torrents takes minutes: it is looked at for so long, and then ended."""
_TIMEOUT = 600.0
_TAGGED_BY_EVERY_CONFIG = "Film "

MOST_BESIDE_A_RUN = 0.1
"""Seconds; the 95th percentile of a small question is to be below."""
MOST_FOR_ONE_HASH = 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One program on one server, in seconds.

    ``answers`` has, for each path, how long each question waited for its answer; ``runs`` how long
    those took that it was asked beside, none if they were not waited for.
    """

    name: str
    answers: dict[str, list[float]] = field(default_factory=lambda: {path: [] for path in _PATHS})
    runs: list[float] = field(default_factory=list)
    one_hash: list[float] = field(default_factory=list)

    def percentile(self, path: str, percent: int) -> float:
        """What so many of a hundred answers did not exceed."""
        ordered = sorted(self.answers[path])
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

    def record(self) -> dict[str, Any]:
        """For JSON: rounded, and the answers in short."""
        return {
            "name": self.name,
            "answers_ms": {
                path: {
                    "count": len(self.answers[path]),
                    **{f"p{each}": _ms(self.percentile(path, each)) for each in (50, 95, 99, 100)},
                }
                for path in _PATHS
            },
            "run_seconds": [round(each, 3) for each in self.runs],
            "one_hash_ms": [_ms(each) for each in self.one_hash],
        }


def main() -> int:
    """The exit status: 1 if ours is too slow on the simulator."""
    wanted = _arguments()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="qbm-bench-") as folder:
        measured = [_on_simulator(wanted.torrents, Path(folder, "simulator"))]
        if not wanted.simulator_only:
            try:
                measured += _on_server(wanted.torrents, wanted.suite, Path(folder))
            except SuiteMissingError as missing:
                print(missing, file=sys.stderr)
                return 1
    print(f"\n{_table(measured, wanted.torrents, load)}\n")
    print(f"kept in {_kept(measured, wanted, load)}")
    return _judged(measured[0])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.latency",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--torrents", type=int, default=10_000, metavar="N", help="library size")
    parser.add_argument(
        "--suite", type=Suite, choices=list(Suite), default=Suite.TRIXIE, help="whose server"
    )
    parser.add_argument("--simulator-only", action="store_true", help="without real servers")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the JSON")
    return parser.parse_args()


# The stages


def _on_simulator(torrents: int, folder: Path) -> Measured:
    _say(f"ours on a simulator of {torrents} torrents")
    with _simulator(torrents) as url:
        write_config(folder, {"qbt": {"host": url}, "tracker": {"other": {"tag": "seen"}}})
        return _ours("ours, simulator", folder, WebApi(url), name="")


@contextmanager
def _simulator(torrents: int) -> Iterator[str]:
    """A process of its own, so that it does not share our interpreter."""
    command = [sys.executable, "-m", "qbm.simulator", "--torrents", str(torrents)]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def _on_server(torrents: int, suite: Suite, folder: Path) -> list[Measured]:
    older = programs.older()
    stage = Stage(tree_of(suite), Collection(torrents, folder / "content"), folder)
    _say(f"building a library of {torrents} torrents on {suite}'s qBittorrent")
    stage.build()
    with stage.server() as server:
        _say(f"ours on qBittorrent {server.version}")
        ours = _ours(
            f"ours, {server.version}", stage.config(server.url), server.api, _TAGGED_BY_EVERY_CONFIG
        )
    with stage.server() as server:
        _say(f"the older tool, {older.version}, on qBittorrent {server.version}")
        config = stage.config(server.url)
        measured = Measured(f"{older.version}, {server.version}")
        hashes = _hashes(server.api, _OLDER_HASHES, _TAGGED_BY_EVERY_CONFIG)
        # By a cron schedule it does not begin with a run.
        with Tool(older, config, ("--schedule", "0 4 * * *")) as tool:
            url = f"http://127.0.0.1:{tool.port}"
            measured.one_hash.extend(_tagged(url, each) for each in hashes)
            _ask_beside_a_run(url, measured, _OLDER_SECONDS)
    return [ours, measured]


def _ours(title: str, folder: Path, api: WebApi, name: str) -> Measured:
    """``name`` is what those torrents begin with that the config gives tags they lack."""
    measured = Measured(title)
    hashes = _hashes(api, _HASHES, name)
    with Served(folder) as served:
        measured.one_hash.extend(_tagged(served.url, each) for each in hashes)
        for _ in range(_ROUNDS):
            _untag(api)
            _ask_beside_a_run(served.url, measured, _TIMEOUT)
    return measured


def _hashes(api: WebApi, count: int, name: str) -> list[str]:
    return [row["hash"] for row in api.torrents() if row["name"].startswith(name)][:count]


def _untag(api: WebApi) -> None:
    """Leave everything to do for the next run."""
    hashes = "|".join(row["hash"] for row in api.torrents())
    api.post("torrents/removeTags", hashes=hashes, tags=",".join(api.tags()))


# What is asked


def _tagged(url: str, torrent_hash: str) -> float:
    """Seconds of a request for one torrent."""
    seconds, answer = _run(url, _TIMEOUT, hashes=[torrent_hash])
    assert answer["results"][0]["stats"]["tagged"], answer
    return seconds


def _run(url: str, timeout: float, hashes: Sequence[str] = ()) -> tuple[float, dict[str, Any]]:
    begun = time.monotonic()
    body = {"commands": ["tag_update"], "hashes": list(hashes)}
    answer = requests.post(f"{url}/api/run-command", json=body, timeout=timeout)
    answer.raise_for_status()
    return time.monotonic() - begun, answer.json()


def _ask_beside_a_run(url: str, measured: Measured, seconds: float) -> None:
    """Ask small questions until the run has ended, or for so long."""
    has_ended = Event()
    with ThreadPoolExecutor() as pool:
        asking = {path: pool.submit(_answers, url, path, has_ended) for path in _PATHS}
        try:
            measured.runs.append(_run(url, seconds)[0])
        except requests.ReadTimeout:
            _say(f"its run takes more than {seconds:.0f} s")
        has_ended.set()
    for path, found in asking.items():
        measured.answers[path].extend(found.result())


def _answers(url: str, path: str, has_ended: Event) -> list[float]:
    """How long each question waited, one every ``_PERIOD``.

    Those that fell due while another was waiting would have waited as well: they are counted.
    """
    waited: list[float] = []
    connection = HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT)
    due = time.monotonic()
    while not has_ended.is_set():
        time.sleep(max(0.0, due - time.monotonic()))
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        took = time.monotonic() - due
        assert answer.status == requests.codes.ok, answer.status
        missed = int(took / _PERIOD)
        waited += [took - number * _PERIOD for number in range(missed + 1)]
        due += (missed + 1) * _PERIOD
    connection.close()
    return waited


# What came out


def _table(measured: Sequence[Measured], torrents: int, load: float) -> str:
    def row(label: str, values: Sequence[str]) -> str:
        return f"{label:<34}" + "".join(f"{each:>22}" for each in values)

    lines = [
        f"the Web API, {torrents} torrents; load before: {load:.1f} on {os.cpu_count()} cores",
        row("", [each.name for each in measured]),
    ]
    for path in _PATHS:
        for percent, label in ((50, "median"), (95, "95th percentile"), (100, "longest")):
            values = [f"{_ms(each.percentile(path, percent)):.1f} ms" for each in measured]
            lines.append(row(f"{path} {label}", values))
    runs = [f"{median(each.runs):.2f} s" if each.runs else "not awaited" for each in measured]
    lines.append(row("  the run beside (tag_update)", runs))
    for label, of in (("median", median), ("longest", max)):
        values = [f"{_ms(of(each.one_hash)):.0f} ms" for each in measured]
        lines.append(row(f"tag_update of one hash, {label}", values))
    return "\n".join(lines)


def _kept(measured: Sequence[Measured], wanted: argparse.Namespace, load: float) -> Path:
    now = datetime.now(UTC)
    record = {
        "at": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "load_before": round(load, 2),
        "torrents": wanted.torrents,
        "suite": wanted.suite,
        "measured": [each.record() for each in measured],
    }
    wanted.results.mkdir(parents=True, exist_ok=True)
    file: Path = wanted.results / f"latency-{wanted.torrents}-{now:%Y%m%dT%H%M%SZ}.json"
    file.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return file


def _judged(ours: Measured) -> int:
    slow = [path for path in _PATHS if ours.percentile(path, 95) >= MOST_BESIDE_A_RUN]
    slow += ["one hash"] if max(ours.one_hash) >= MOST_FOR_ONE_HASH else []
    if slow:
        print(f"too slow: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
