"""What children do with a folder of configs, for tests that kill or starve them."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qbm.config.folder import ConfigFolder
from qbm.config.refusals import FolderError

OLD = f"old: {'1' * 30_000}\n"
NEW = f"new: {'2' * 50_000}\n"
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _folder(path: Path) -> ConfigFolder:
    return ConfigFolder(path, lambda: _NOW)


ACTS: dict[str, Callable[[Path], object]] = {
    "save": lambda path: _folder(path).save("config.yml", NEW),
    "delete": lambda path: _folder(path).delete("config.yml"),
    "create": lambda path: _folder(path).create("new.yml", NEW),
}


def die_everywhere(act: str, folder: Path) -> None:
    """Do the act anew for each call that it makes to the system, and be killed right before.

    Leaves a folder per call, and one more where it ended by itself.
    """
    template = folder / "template"
    template.mkdir()
    (template / "config.yml").write_text(OLD)
    for number in itertools.count(1):
        path = shutil.copytree(template, folder / str(number))
        child = os.fork()
        if not child:
            _arm(number)
            ACTS[act](path)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))


def _arm(number: int) -> None:
    """Be killed right before the ``number``-th call to the system or to an open file."""
    seen = itertools.count(1)

    def on_call(_: object, event: str, called: Any) -> None:
        if event != "c_call":
            return
        is_of_file = isinstance(getattr(called, "__self__", None), io.IOBase)
        if (is_of_file or called.__module__ == os.name) and next(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(on_call)


def save_on(folder: Path) -> None:
    """Save now the one, now the other, without end."""
    configs = _folder(folder)
    for text in itertools.cycle((NEW, OLD)):
        configs.save("config.yml", text)
        print("saved", flush=True)


def starve(folder: Path) -> None:
    """Say what each act is told on a disk that is full."""
    (folder / "config.yml").write_text(OLD)
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    for name, act in ACTS.items():
        try:
            act(folder)
        except FolderError as error:
            print(f"{name}: {type(error).__name__}: {error}")
        print("old text:", (folder / "config.yml").read_text() == OLD)
        print("files:", *sorted(path.name for path in folder.iterdir() if path.is_file()))
    (folder / "filler").unlink()
    ACTS["save"](folder)
    print("new text:", (folder / "config.yml").read_text() == NEW)


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "die":
        die_everywhere(words[0], Path(words[1]))
    else:
        {"save_on": save_on, "starve": starve}[what](Path(words[0]))
