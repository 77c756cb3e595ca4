"""``python qbit_manage.py``: the door that people's scripts and containers know."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from qbm import __version__
from qbm.cli.arguments import OPTIONS, Option
from qbm.cli.parsing import Read, read
from qbm.errors import UsageError
from qbm.log.screen import wrapped

if TYPE_CHECKING:
    from qbm.cli.running import RunAll
    from qbm.cli.serving import Serve

_NOTHING_TO_DO: Final = (
    "Nothing to do: the web server is off (it is, inside a container), and this version has no "
    "scheduler yet. Add --web-server (or QBT_WEB_SERVER=true) to serve the Web API, or --run (or "
    "QBT_RUN=true) to run once now, from cron for instance."
)
_HEADINGS: Final = {
    "run": "Runs",
    "cat_update": "Commands",
    "config_file": "Configs",
    "schedule": "Scheduler and web server",
    "log_file": "Log",
    "version": "Other",
}
_HELP_INDENT: Final = 34
_HELP_WIDTH: Final = 80


def main(
    argv: Sequence[str],
    environ: Mapping[str, str],
    program_dir: Path,
    run_all: RunAll,
    serve: Serve,
) -> int:
    """Read the flags and variables, and do what they ask for; answers the exit code."""
    try:
        asked = read(argv, environ)
        if asked.arguments.help:
            sys.stdout.write(usage())
            return 0
        if asked.arguments.version:
            sys.stdout.write(f"qbm {__version__}\n")
            return 0
        return _carried_out(asked, environ, program_dir, run_all, serve)
    except UsageError as error:
        sys.stderr.write(f"{error}\nNothing was done; --help shows all flags.\n")
        return error.exit_code


def _carried_out(
    asked: Read, environ: Mapping[str, str], program_dir: Path, run_all: RunAll, serve: Serve
) -> int:
    from qbm.cli import classic_run  # noqa: PLC0415 - --version and --help are quick without
    from qbm.cli.doors import is_in_container  # noqa: PLC0415

    if asked.arguments.run:
        return classic_run.run(asked, environ, program_dir, run_all)
    wants_server = asked.arguments.web_server
    if wants_server is None:
        wants_server = not is_in_container(environ)
    if not wants_server:
        raise UsageError(_NOTHING_TO_DO)
    return classic_run.serve(asked, environ, program_dir, serve)


def usage() -> str:
    """The help: every flag with its variable and default."""
    lines = [
        "Usage: python qbit_manage.py [FLAGS]",
        "",
        "Looks after qBittorrent servers as their configs say. Each flag has its variable",
        "in brackets; the flag wins. Switches may be given as --debug or --debug=false.",
        "",
        "  python qbit_manage.py --web-server --port 8080",
        "  python qbit_manage.py --run --cat-update --tag-update --dry-run",
        "  python qbit_manage.py --run --config-dir /config",
    ]
    for option in OPTIONS:
        if option.name in _HEADINGS:
            lines += ["", f"{_HEADINGS[option.name]}:"]
        lines += _described(option)
    return "\n".join([*lines, ""])


def _described(option: Option) -> list[str]:
    flags = ", ".join(filter(None, [option.short, option.long]))
    head = f"  {flags} {option.flag.metavar}".rstrip()
    defaults = "" if option.is_switch or option.default == "" else f"default {option.default}"
    notes = ", ".join(filter(None, [option.variable, defaults]))
    text = f"{option.flag.help} [{notes}]" if notes else option.flag.help
    first, *rest = wrapped(text, _HELP_WIDTH - _HELP_INDENT)
    margin = " " * _HELP_INDENT
    if len(head) > _HELP_INDENT - 2:
        return [head, *(f"{margin}{line}" for line in (first, *rest))]
    return [f"{head:<{_HELP_INDENT}}{first}", *(f"{margin}{line}" for line in rest)]
