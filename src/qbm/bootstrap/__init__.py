"""Where both doors begin, and where what they need is put together.

Only ``wiring`` knows the gateways and the store; it is imported when a run begins, for
``--version`` and ``--help`` must be quick.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from qbm.errors import Interrupted

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from qbm.cli.running import Ended, Job
    from qbm.cli.serving import ServeOrder
    from qbm.config import State
    from qbm.log.logger import Log
    from qbm.store import MovedOrphan

_BESIDE_PYTHON: Final = Path(sys.executable).parent


def main() -> int:
    """``qbm``; answers the exit code."""
    from qbm.cli import terminal  # noqa: PLC0415 - the other door does not need typer

    given = terminal.Given(
        environ=os.environ,
        program_dir=_BESIDE_PYTHON,
        run_all=run_all,
        serve=serve,
        demo=_demo,
        moved_orphans=moved_orphans,
    )
    return _guarded(lambda: terminal.main(sys.argv[1:], given))


def classic_main(argv: Sequence[str] | None = None, program_dir: Path = _BESIDE_PYTHON) -> int:
    """``qbit-manage``, and ``python qbit_manage.py`` from its own folder; answers the exit code."""
    from qbm.cli import classic  # noqa: PLC0415 - the other door does not need this one

    words = sys.argv[1:] if argv is None else argv
    return _guarded(lambda: classic.main(words, os.environ, program_dir, run_all, serve))


def run_all(jobs: Sequence[Job], state: State, log: FilteringBoundLogger) -> Sequence[Ended]:
    """Carry out the jobs, as ``wiring.run_all`` does."""
    from qbm.bootstrap import wiring  # noqa: PLC0415 - see above

    return wiring.run_all(jobs, state, log)


def serve(order: ServeOrder, log: Log) -> int:
    """Serve, as ``serving.serve`` does."""
    from qbm.bootstrap import serving  # noqa: PLC0415 - see above

    return serving.serve(order, log)


def moved_orphans(state: State) -> Sequence[MovedOrphan]:
    """The orphans that runs have moved; none if none has ever kept anything here.

    Only read: whoever is at work on the folder is not disturbed.
    """
    from qbm.store import Store  # noqa: PLC0415 - see above

    if not state.database.exists():
        return ()
    with Store.open(state.folder, database=state.database) as store:
        return store.orphans()


def _demo(keep: bool, port: int) -> int:  # noqa: FBT001 - a flag of the command line, handed on
    from qbm.demo import simulated  # noqa: PLC0415 - nobody else needs it

    return simulated.main(keep=keep, port=port, program=classic_main)


def _guarded(door: Callable[[], int]) -> int:
    """What ``door`` answers, or why it ended early, without a traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return door()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return Interrupted.exit_code
    except BrokenPipeError:
        # Whoever read the answer has read enough; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
