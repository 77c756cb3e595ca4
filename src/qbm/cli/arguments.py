"""Every flag and variable of the classic door, in one table (spec: cli.md).

The parser, the help and the reference page are made from ``Arguments``: a field's name
gives the flag and the variable, its type and default their meaning, its ``Flag`` the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, get_type_hints

from msgspec import Struct

_TRUE: Final = frozenset({"true", "t", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "f", "0", "no", "off"})
_CRON_FIELD: Final = re.compile(r"[0-9A-Za-z*,/?#-]+")
_CRON_WORDS: Final = frozenset(
    {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"},
)
LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATS: Final = ("text", "json")


def boolean(text: str) -> bool:
    """True or False from the words that variables and ``--flag=WORD`` may say, in any case."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("true (t, 1, yes, on) or false (f, 0, no, off)")


def _text(text: str) -> str:
    return text


def _whole(low: int, high: int = 2**31 - 1) -> Callable[[str], int]:
    """Reads a whole number from ``low`` to ``high``."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return number

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    """Reads one of ``words``, in any case."""
    spelled = {word.lower(): word for word in words}

    def read(text: str) -> str:
        if text.strip().lower() not in spelled:
            raise ValueError(f"one of {', '.join(words)}")
        return spelled[text.strip().lower()]

    return read


def _schedule(text: str) -> str:
    """Minutes or a cron expression, as text; its meaning is the scheduler's affair."""
    said = text.strip()
    if said.isdecimal() and int(said) > 0:
        return said
    fields = said.split()
    is_cron = len(fields) in (5, 6) and all(_CRON_FIELD.fullmatch(each) for each in fields)
    if is_cron or said.lower() in _CRON_WORDS:
        return said
    raise ValueError("a number of minutes, or a cron expression such as '0 */6 * * *' or @daily")


class Flag(Struct, frozen=True, kw_only=True):
    """What a field's name, type and default do not say about an argument.

    ``reads`` turns a given text into the value, or raises a ValueError that says what is
    allowed. ``metavar`` is empty for a switch. ``variable`` None means ``QBT_`` and the
    field's name, "" none at all. ``later`` names a feature that is still to come.
    """

    short: str
    help: str
    reads: Callable[[str], object] = boolean
    metavar: str = ""
    variable: str | None = None
    later: str = ""


def _command(short: str, what: str) -> Flag:
    return Flag(short=short, help=what)


class Arguments(Struct, frozen=True, kw_only=True):
    """What the classic door was asked for, by flags, variables and defaults.

    ``log_size`` is in MB, ``startup_delay`` in seconds, ``width`` in columns (0: as wide as it
    comes). ``web_server`` None means: on outside a container, off inside.
    """

    run: Annotated[bool, Flag(short="-r", help="Run once, without the scheduler, then exit.")] = (
        False
    )
    dry_run: Annotated[
        bool, Flag(short="-dr", help="Change nothing; say what would be changed, and why.")
    ] = False

    cat_update: Annotated[bool, _command("-cu", "Categories from save paths and trackers.")] = False
    tag_update: Annotated[bool, _command("-tu", "Tags from trackers.")] = False
    rem_unregistered: Annotated[
        bool, _command("-ru", "Remove torrents that their tracker no longer knows.")
    ] = False
    tag_tracker_error: Annotated[
        bool, _command("-tte", "Tag torrents whose trackers report an error.")
    ] = False
    recheck: Annotated[bool, _command("-re", "Recheck and start stopped torrents.")] = False
    rem_orphaned: Annotated[bool, _command("-ro", "Put away files that belong to no torrent.")] = (
        False
    )
    tag_nohardlinks: Annotated[
        bool, _command("-tnhl", "Tag torrents without hard links elsewhere.")
    ] = False
    share_limits: Annotated[bool, _command("-sl", "Share limits by groups.")] = False
    skip_cleanup: Annotated[bool, Flag(short="-sc", help="Do not empty the bins after a run.")] = (
        False
    )
    skip_qb_version_check: Annotated[
        bool, Flag(short="-svc", help="No warning about an untested qBittorrent.")
    ] = False

    config_file: Annotated[
        str,
        Flag(
            short="-c",
            help="Config file, or a pattern with * for several servers.",
            reads=_text,
            metavar="FILE",
            variable="QBT_CONFIG",
        ),
    ] = "config.yml"
    config_dir: Annotated[
        str,
        Flag(
            short="-cd",
            help="Folder of the configs; each *.yml and *.yaml there is one.",
            reads=_text,
            metavar="FOLDER",
        ),
    ] = ""

    schedule: Annotated[
        str,
        Flag(
            short="-sch",
            help="Minutes between two runs, or a cron expression.",
            reads=_schedule,
            metavar="WHEN",
            later="the scheduler",
        ),
    ] = "1440"
    startup_delay: Annotated[
        int,
        Flag(
            short="-sd",
            help="Seconds to wait before the first scheduled run.",
            reads=_whole(0),
            metavar="SECONDS",
            later="the scheduler",
        ),
    ] = 0
    web_server: Annotated[
        bool | None,
        Flag(
            short="-ws",
            help="Serve the Web API; on outside a container, off inside.",
        ),
    ] = None
    host: Annotated[
        str,
        Flag(
            short="-H",
            help="Address that the web server listens on; never qBittorrent's.",
            reads=_text,
            metavar="ADDRESS",
        ),
    ] = "0.0.0.0"  # noqa: S104 - the documented default; who is let in is the web server's affair
    port: Annotated[
        int,
        Flag(
            short="-p",
            help="Port of the web server.",
            reads=_whole(1, 65535),
            metavar="PORT",
        ),
    ] = 8080
    base_url: Annotated[
        str,
        Flag(
            short="-b",
            help="Path of the web server behind a proxy.",
            reads=_text,
            metavar="PATH",
        ),
    ] = ""

    log_file: Annotated[
        str,
        Flag(
            short="-lf",
            help="Log file, in the folder logs/ beside the configs.",
            reads=_text,
            metavar="FILE",
            variable="QBT_LOGFILE",
        ),
    ] = "qbit_manage.log"
    log_level: Annotated[
        str,
        Flag(short="-ll", help=f"{', '.join(LEVELS)}.", reads=_one_of(*LEVELS), metavar="LEVEL"),
    ] = "INFO"
    debug: Annotated[
        bool, Flag(short="-db", help="Log at DEBUG: also what was left alone, and why.")
    ] = False
    trace: Annotated[bool, Flag(short="-tr", help="Log at TRACE: everything.")] = False
    log_size: Annotated[
        int,
        Flag(short="-ls", help="MB at which a log file is full.", reads=_whole(1), metavar="MB"),
    ] = 10
    log_count: Annotated[
        int, Flag(short="-lc", help="Full log files to keep.", reads=_whole(0), metavar="NUMBER")
    ] = 5
    log_format: Annotated[
        str, Flag(short="", help="text or json.", reads=_one_of(*FORMATS), metavar="FORMAT")
    ] = "text"
    divider: Annotated[
        str, Flag(short="-d", help="Accepted, without effect.", reads=_text, metavar="CHARACTER")
    ] = "="
    width: Annotated[
        int,
        Flag(
            short="-w",
            help="Columns after which a log line is broken; 0 never.",
            reads=_whole(0, 10_000),
            metavar="COLUMNS",
        ),
    ] = 0

    version: Annotated[bool, Flag(short="-v", help="Print the version.", variable="")] = False
    help: Annotated[bool, Flag(short="-h", help="Print this help.", variable="")] = False


class Option(Struct, frozen=True):
    """A row of the table: an argument as people write it."""

    name: str
    long: str
    short: str
    variable: str
    default: Any
    flag: Flag

    @property
    def is_switch(self) -> bool:
        """It needs no value: the flag alone means true."""
        return not self.flag.metavar


def _rows() -> tuple[Option, ...]:
    rows = []
    for name, hint in get_type_hints(Arguments, include_extras=True).items():
        flag: Flag = hint.__metadata__[0]
        variable = f"QBT_{name.upper()}" if flag.variable is None else flag.variable
        long = f"--{name.replace('_', '-')}"
        default = getattr(_DEFAULTS, name)
        rows.append(Option(name, long, flag.short, variable, default, flag))
    return tuple(rows)


_DEFAULTS: Final = Arguments()
OPTIONS: Final = _rows()
