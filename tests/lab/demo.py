"""``make demo``: a real qBittorrent with the demo's library, and the main job on it by the Web API.

Where no real server can be had (another system, no network), the built-in simulator steps in.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from qbm.demo.play import COMMANDS, furnish, play, write_config
from qbm.demo.samples import SAMPLES, Sample
from qbm.engine.request import Mode
from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.ports import free_port, is_free
from tests.lab.servers import Server
from tests.lab.suites import Suite, SuiteMissingError, Tree, tree_of
from tests.lab.torrents import Torrent
from tests.lab.tracker import Fails, Tracker
from tests.program import Served

_PORT = 8080
_NEWEST_FIRST = (Suite.BACKPORTS, Suite.TRIXIE, Suite.BOOKWORM, Suite.BULLSEYE)


def main() -> int:
    """Play the demo on the newest real server that can be had; the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the run")
    parser.add_argument("--port", type=int, help="of the Web API; else 8080, or any if taken")
    given = parser.parse_args()
    once, port = given.once, given.port or (_PORT if is_free(_PORT) else free_port())
    tree = _tree()
    if tree is None:
        print("No real qBittorrent can be had here: the built-in simulator steps in.")
        return _program(["qbm", "demo", *([] if once else ["--keep"])])
    with tempfile.TemporaryDirectory(prefix="qbm-demo-") as folder, Tracker() as tracker:
        server = Server(tree, Path(folder, "server"))
        server.start()
        try:
            return _played(server, tracker, Path(folder, "config"), port, once=once)
        finally:
            server.stop()


def _tree() -> Tree | None:
    for suite in _NEWEST_FIRST:
        try:
            return tree_of(suite)
        except SuiteMissingError as missing:
            print(missing)
    return None


def _played(server: Server, tracker: Tracker, config: Path, port: int, *, once: bool) -> int:
    _fill(server, tracker)
    furnish(server.save_path, server.save_path.parent / "media")
    config.mkdir()
    _say(f"A real qBittorrent {server.version} with {len(SAMPLES)} torrents is at {server.url}")
    write_config(server.url, PurePosixPath(server.save_path), server.save_path, config, _say)
    with Served(config, port=port) as served:
        _say(f"\nqbm serves its Web API at {served.url}")
        is_right = play(server.url, server.save_path, _Posted(served).run, _say)
        _say("The demo did all it should." if is_right else "The demo did NOT do all it should.")
        if not once:
            _say(_INVITATION.format(qbittorrent=server.url, run_command=served.run_command))
            _until_interrupted()
    return 0 if is_right else 1


_INVITATION = """\

Look at qBittorrent with a browser, and take some tags or categories away: {qbittorrent}
(no login from this machine). Then have qbm mend that:

    curl {run_command} -H 'Content-Type: application/json' \\
        -d '{{"commands": ["cat_update", "tag_update"]}}'

Both servers and the library go away at Ctrl-C."""


class _Posted:
    """The main job, asked for over HTTP; shows the request, the server's log and the answer."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def run(self, mode: Mode) -> bool:
        """Whether the answer says success."""
        options = {"dry_run": True} if mode is Mode.DRY else {}
        body = json.dumps({"commands": COMMANDS, **options})
        before = len(self._served.log)
        _say(f"    POST {self._served.run_command}  {body}\n")
        answer = self._served.run(*COMMANDS, **options)
        _say(self._served.log[before:])
        _say(f"    {answer.status_code}  {_told(answer.json())}")
        return answer.ok


def _told(answer: dict[str, Any]) -> str:
    """The answer without the counters that are 0."""
    results = answer.get("results", [])
    counted = [
        f"{name} {count}"
        for result in results
        for name, count in result["stats"].items()
        if isinstance(count, int) and count
    ]
    return f"{answer.get('message') or answer['detail']}: {', '.join(counted) or 'all counters 0'}"


def _fill(server: Server, tracker: Tracker) -> None:
    """Puts the samples on the server, and waits until each has heard from its tracker."""
    hashes = [_added(server, tracker, sample) for sample in SAMPLES]
    for sample, each in zip(SAMPLES, hashes, strict=True):
        if sample.tracker and not sample.is_stopped:
            library.announced(server, each)


def _added(server: Server, tracker: Tracker, sample: Sample) -> str:
    torrent = _torrent(sample, tracker)
    if sample.refusal:
        tracker.answer(torrent.infohash_v1, Fails(sample.refusal))
    [added] = library.add(
        server,
        torrent,
        content=Content.COMPLETE if sample.is_complete else Content.MISSING,
        is_stopped=sample.is_stopped,
        tags=sample.tags,
        save_path=server.save_path / sample.folder,
    )
    return added


def _torrent(sample: Sample, tracker: Tracker) -> Torrent:
    urls = [tracker.url(sample.tracker)] if sample.tracker else []
    if sample.files:
        return torrents.folder(sample.name, *urls, paths=sample.files)
    return torrents.single(sample.name, *urls)


def _program(words: Sequence[str]) -> int:
    command = ["-m", *words] if words[0] == "qbm" else list(words)
    sys.stdout.flush()
    return subprocess.run([sys.executable, *command], check=False).returncode


def _say(text: str) -> None:
    print(text, flush=True)


def _until_interrupted() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    sys.exit(main())
