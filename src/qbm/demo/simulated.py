"""``qbm demo``: the samples on the built-in simulator, for a look without a server."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from qbm.demo.play import CONFIG_NAME, play, write_config
from qbm.demo.samples import SAMPLES, Sample
from qbm.engine.request import Mode
from qbm.errors import ServerError
from qbm.model.torrent import State
from qbm.simulator import NEVER, Credentials, SimulatedTorrent, SimulatedTracker, Simulator

Program: TypeAlias = Callable[[Sequence[str]], int]
"""The classic command line: its words, and its exit status."""

_ROOT: Final = PurePosixPath("/data")
_MINUTE: Final = 60
_JOB: Final = ("--run", "--cat-update", "--tag-update")
_FIRST_ADDED: Final = 1_760_000_000  # seconds since 1970: October 2025


def main(*, keep: bool, port: int, program: Program) -> int:
    """Play the demo; with ``keep`` leave the simulator there until Ctrl-C. The exit status.

    ``port`` 0 draws a free one.
    """
    simulator = Simulator(credentials=Credentials(required=False), save_path=str(_ROOT))
    simulator.add(_simulated(number, sample) for number, sample in enumerate(SAMPLES))
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="qbm-demo-"))
            url = stack.enter_context(simulator.run_in_thread(host="127.0.0.1", port=port))
        except OSError as error:
            hint = " Without --port, a free port is drawn." if port else ""
            sys.stderr.write(f"The demo cannot start: {error.strerror or error}.{hint}\n")
            return 1
        _say(
            f"A simulated qBittorrent {simulator.profile.version} with {len(SAMPLES)} torrents "
            f"is at {url}"
        )
        return _played(url, Path(folder), program, keep=keep)


def _played(url: str, folder: Path, program: Program, *, keep: bool) -> int:
    def job(mode: Mode) -> bool:
        words = [*_JOB, "--config-dir", str(folder), "--config-file", CONFIG_NAME]
        return program([*words, "--dry-run"] if mode is Mode.DRY else words) == 0

    write_config(url, _ROOT, folder, _say)
    try:
        is_right = play(url, job, _say)
    except ServerError as error:
        sys.stderr.write(f"The demo cannot go on: {error}\n")
        return error.exit_code
    _say("The demo did all it should." if is_right else "The demo did NOT do all it should.")
    if keep:
        _say(f"The simulator stays at {url} until Ctrl-C.")
        _until_interrupted()
    return 0 if is_right else 1


def _say(text: str) -> None:
    """Print at once: the program's log goes another way, and the two are read together."""
    print(text, flush=True)


def _until_interrupted() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()


def _simulated(number: int, sample: Sample) -> SimulatedTorrent:
    added_on = _FIRST_ADDED + number * _MINUTE
    url = f"https://{sample.tracker}.example/announce/0123456789abcdef"
    return SimulatedTorrent(
        name=sample.name,
        infohash_v1=hashlib.sha1(sample.name.encode(), usedforsecurity=False).hexdigest(),
        tags=sample.tags,
        state=State.STALLED_UP if sample.is_complete else State.DOWNLOADING,
        progress=1.0 if sample.is_complete else 0.42,
        save_path=str(_ROOT / sample.folder),
        added_on=added_on,
        completion_on=added_on + _MINUTE if sample.is_complete else NEVER,
        trackers=(SimulatedTracker(url=url),) if sample.tracker else (),
    )
