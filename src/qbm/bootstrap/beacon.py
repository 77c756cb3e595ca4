"""How the command line finds the server of its state folder: where it listens, and its token."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec
from msgspec import Struct

from qbm.errors import StoreError, StoreUnwritable

_FILE = "server.json"


class Beacon(Struct, frozen=True):
    """Where a server listens for this host; ``folder`` is that of its configs.

    ``token`` lets in whoever can read the file: the same user.
    """

    url: str
    token: str
    folder: str


def new_token() -> str:
    """A secret for one start of a server."""
    return secrets.token_urlsafe(32)


def light(state_dir: Path, beacon: Beacon) -> None:
    """Write the file, readable for this user only.

    Raises:
        StoreUnwritable: it cannot be written.
    """
    path = state_dir / _FILE
    unfinished = path.with_name(f"{_FILE}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(beacon))
        unfinished.replace(path)
    except OSError as error:
        raise StoreUnwritable(f"{path}: {error.strerror}. Make the folder writable.") from error


def put_out(state_dir: Path) -> None:
    """Remove the file: of a server that ends, or of one that was killed.

    Raises:
        StoreUnwritable: it cannot be removed.
    """
    path = state_dir / _FILE
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnwritable(f"{path}: {error.strerror}. Make the folder writable.") from error


def seen(state_dir: Path) -> Beacon:
    """What the server of a state folder has written down.

    Raises:
        StoreError: it cannot be read.
    """
    path = state_dir / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Beacon)
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(
            f"{path}: a server is at work on this folder, but what it has written down here "
            f"cannot be read ({getattr(error, 'strerror', None) or 'it is damaged'}). If it has "
            "just been started, try again; else restart it."
        ) from error
