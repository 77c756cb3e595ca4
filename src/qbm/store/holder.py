"""Who holds a run or a lease: a process, told apart from all others that ever were."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from pathlib import Path

from qbm.errors import StoreUnwritable

_HOST_FILE = "host-id"
MACHINE_ID = Path("/etc/machine-id")


def this_process() -> str:
    """This process as ``<place>/<pid>/<start>``.

    The place is one boot of one kernel and one pid namespace (two containers on one host
    count their processes each from 1); the start, in clock ticks since that boot, tells apart
    two processes that got the same pid.
    """
    pid = os.getpid()
    return f"{_place()}/{pid}/{_start_of(pid)}"


def is_alive(holder: str) -> bool:
    """Whether the process may still be at work; only what is certainly gone is not.

    Nobody can know about the processes of another place: for those, leases expire.
    """
    if is_elsewhere(holder):
        return True
    _, pid, start = holder.rsplit("/", 2)
    return _exists(int(pid)) and start == _start_of(int(pid))


def is_elsewhere(holder: str) -> bool:
    """Whether ``holder`` is a process of a place that this one cannot look into."""
    # On Windows os.kill, with which to look, ends the process.
    return sys.platform == "win32" or not holder.startswith(f"{_place()}/")


def host_id(state_dir: Path, machine_id: Path = MACHINE_ID) -> str:
    """A text that names this host from one run to the next.

    The machine id; where there is none (most containers), one that is made once and kept in
    the state folder, so that a container keeps it when it is made anew.

    Raises:
        StoreUnwritable: the id had to be kept and cannot be.
    """
    return _read(machine_id) or _read(state_dir / _HOST_FILE) or _made_host_id(state_dir)


def _made_host_id(state_dir: Path) -> str:
    path = state_dir / _HOST_FILE
    made = secrets.token_hex(16)
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = state_dir / f"{_HOST_FILE}.{made}"
        unfinished.write_text(f"{made}\n", encoding="ascii")
        unfinished.replace(path)
    except OSError as error:
        raise StoreUnwritable(
            f"{path}: {error.strerror}. Make the folder writable, or name another one with "
            "QBM_STATE_DIR.",
        ) from error
    return made


def _place() -> str:
    boot = _read(Path("/proc/sys/kernel/random/boot_id")) or socket.gethostname()
    try:
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - no path, a name
    except OSError:
        return boot


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, so it is there
        return True
    return True


def _start_of(pid: int) -> str:
    """When a process began, "" where the system does not tell.

    Field 22 of ``/proc/<pid>/stat`` (proc(5)). A zombie has none: it does nothing any more,
    but stays in the table where no init process collects it, as in many containers.
    """
    # The name in field 2 may hold blanks and brackets, so count from its last bracket.
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return fields[19] if fields and fields[0] not in {"Z", "X"} else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
