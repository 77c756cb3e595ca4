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

from qbm.demo.play import COMMANDS, CONFIG_NAME, furnish, play, write_config
from qbm.demo.samples import SAMPLES, Sample
from qbm.engine.request import Mode
from qbm.errors import ServerError
from qbm.model.torrent import State
from qbm.model.tracker import TrackerStatus
from qbm.simulator import (
    NEVER,
    Credentials,
    SimulatedFile,
    SimulatedTorrent,
    SimulatedTracker,
    Simulator,
)

Program: TypeAlias = Callable[[Sequence[str]], int]
"""The classic command line: its words, and its exit status."""

_ROOT: Final = PurePosixPath("/data")
_LIBRARY: Final = "media"
_MINUTE: Final = 60
_JOB: Final = ("--run", *(f"--{each.replace('_', '-')}" for each in COMMANDS))
_FILE_SIZE: Final = 1 << 20  # bytes
_FIRST_ADDED: Final = 1_760_000_000  # seconds since 1970: October 2025


def main(*, keep: bool, port: int, program: Program) -> int:
    """Play the demo; with ``keep`` leave the simulator there until Ctrl-C. The exit status.

    ``port`` 0 draws a free one.
    """
    with ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qbm-demo-")))
            simulator = _simulator(folder)
            url = stack.enter_context(simulator.run_in_thread(host="127.0.0.1", port=port))
        except OSError as error:
            hint = " Without --port, a free port is drawn." if port else ""
            sys.stderr.write(f"The demo cannot start: {error.strerror or error}.{hint}\n")
            return 1
        _say(
            f"A simulated qBittorrent {simulator.profile.version} with {len(SAMPLES)} torrents "
            f"is at {url}"
        )
        return _played(url, folder, program, keep=keep)


def _simulator(disk: Path) -> Simulator:
    credentials = Credentials(required=False)
    simulator = Simulator(credentials=credentials, save_path=str(_ROOT), disk=disk)
    simulator.add(_simulated(number, sample) for number, sample in enumerate(SAMPLES))
    return simulator


def _played(url: str, folder: Path, program: Program, *, keep: bool) -> int:
    local = folder / _ROOT.relative_to("/")

    def job(mode: Mode) -> bool:
        words = [*_JOB, "--config-dir", str(folder), "--config-file", CONFIG_NAME]
        return program([*words, "--dry-run"] if mode is Mode.DRY else words) == 0

    furnish(local, folder / _LIBRARY)
    write_config(url, _ROOT, local, folder, _say)
    try:
        is_right = play(url, local, job, _say)
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
    progress = 1.0 if sample.is_complete else 0.42
    files = tuple(
        SimulatedFile(name=str(path.relative_to(sample.folder)), size=_FILE_SIZE, progress=progress)
        for path in sample.paths
    )
    return SimulatedTorrent(
        name=sample.name,
        infohash_v1=hashlib.sha1(sample.name.encode(), usedforsecurity=False).hexdigest(),
        tags=sample.tags,
        state=_state(sample),
        progress=progress,
        save_path=str(_ROOT / sample.folder),
        added_on=added_on,
        completion_on=added_on + _MINUTE if sample.is_complete else NEVER,
        size=_FILE_SIZE * len(files),
        files=files,
        trackers=(_tracker(sample),) if sample.tracker else (),
    )


def _state(sample: Sample) -> State:
    if sample.is_stopped:
        return State.STOPPED_UP
    return State.STALLED_UP if sample.is_complete else State.STALLED_DL


def _tracker(sample: Sample) -> SimulatedTracker:
    url = f"https://{sample.tracker}.example/announce/0123456789abcdef"
    if not sample.refusal:
        return SimulatedTracker(url=url)
    return SimulatedTracker(url=url, status=TrackerStatus.TRACKER_ERROR, msg=sample.refusal)
