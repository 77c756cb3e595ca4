"""The classic door: ``python qbit_manage.py --run …``, from a clone as it is or installed.

Old Pythons can read this file too, so that they can say what is needed.
"""

import platform
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SOURCES = FOLDER / "src"
OWN_PYTHON = FOLDER / ".venv" / "bin" / "python"

TOO_OLD = """qbm needs Python 3.11 or newer; this is Python {}, {}.
Start it with a newer one; README.md tells how to install qbm."""
MISSING = "qbm's packages are not installed for this Python, {} (missing: {})."
INSTALLED = "They are in the .venv of this folder: start it as {} {}"
INSTALL = """In {}, once:
    python3 -m venv .venv
    .venv/bin/pip install --require-hashes -r requirements/runtime.txt
and then start it as .venv/bin/python qbit_manage.py ("make setup" does the first two as well)."""

if SOURCES.is_dir():
    sys.path.insert(0, str(SOURCES))


def main() -> int:
    """The exit code; raises SystemExit, with what to do, where the program cannot start."""
    if sys.version_info < (3, 11):  # noqa: UP036 - people start it with any Python
        sys.exit(TOO_OLD.format(platform.python_version(), sys.executable))
    try:
        from qbm.bootstrap import classic_main  # noqa: PLC0415 - old Pythons cannot

        return classic_main(program_dir=FOLDER)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package == "qbm" and SOURCES.is_dir():
            raise
        sys.exit("\n".join([MISSING.format(sys.executable, package), what_to_do()]))


def what_to_do() -> str:
    """How to start it with the packages that it needs."""
    if OWN_PYTHON.exists() and Path(sys.prefix) != OWN_PYTHON.parents[1]:
        return INSTALLED.format(OWN_PYTHON, Path(__file__).name)
    return INSTALL.format(FOLDER)


if __name__ == "__main__":
    sys.exit(main())
