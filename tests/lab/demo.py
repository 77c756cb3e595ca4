"""``make demo``: a disposable real qBittorrent with the demo's library, and the main job on it.

Where no real server can be had (another system, no network), the built-in simulator steps in.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from qbm.demo.play import play
from qbm.demo.samples import SAMPLES, Sample
from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.servers import Server
from tests.lab.suites import Suite, SuiteMissingError, Tree, tree_of
from tests.lab.torrents import Torrent
from tests.lab.tracker import Tracker

_ROOT = Path(__file__).parents[2]
_NEWEST_FIRST = (Suite.BACKPORTS, Suite.TRIXIE, Suite.BOOKWORM, Suite.BULLSEYE)


def main() -> int:
    """Play the demo on the newest real server that can be had; the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the run")
    once = parser.parse_args().once
    tree = _tree()
    if tree is None:
        print("No real qBittorrent can be had here: the built-in simulator steps in.")
        return _program(["qbm", "demo", *([] if once else ["--keep"])])
    with tempfile.TemporaryDirectory(prefix="qbm-demo-") as folder, Tracker() as tracker:
        server = Server(tree, Path(folder, "server"))
        server.start()
        try:
            return _played(server, tracker, Path(folder, "config"), once=once)
        finally:
            server.stop()


def _tree() -> Tree | None:
    for suite in _NEWEST_FIRST:
        try:
            return tree_of(suite)
        except SuiteMissingError as missing:
            print(missing)
    return None


def _played(server: Server, tracker: Tracker, config: Path, *, once: bool) -> int:
    for sample in SAMPLES:
        _add(server, tracker, sample)
    config.mkdir()
    print(f"A real qBittorrent {server.version} with {len(SAMPLES)} torrents is at {server.url}")
    root = PurePosixPath(server.save_path)
    is_right = play(server.url, root, config, _classic, _say)
    print("The demo did all it should." if is_right else "The demo did NOT do all it should.")
    if not once:
        print(f"Look at it with a browser: {server.url} (no login from this machine).")
        print("The server and its library go away at Ctrl-C.")
        _until_interrupted()
    return 0 if is_right else 1


def _add(server: Server, tracker: Tracker, sample: Sample) -> None:
    folder = server.save_path / sample.folder
    content = Content.COMPLETE if sample.is_complete else Content.MISSING
    torrent = _torrent(sample, tracker)
    library.add(server, torrent, content=content, tags=sample.tags, save_path=folder)


def _torrent(sample: Sample, tracker: Tracker) -> Torrent:
    urls = [tracker.url(sample.tracker)] if sample.tracker else []
    if sample.files:
        return torrents.folder(sample.name, *urls, paths=sample.files)
    return torrents.single(sample.name, *urls)


def _classic(words: Sequence[str]) -> int:
    return _program([str(_ROOT / "qbit_manage.py"), *words])


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
