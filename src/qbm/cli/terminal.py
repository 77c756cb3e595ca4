"""``qbm``: the door for people at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from qbm import __version__
from qbm.cli.arguments import LEVELS
from qbm.cli.nearest import did_you_mean
from qbm.cli.options import AsJson, ConfigDir
from qbm.cli.terminal_bins import bin_app, orphans_app
from qbm.cli.terminal_config import app as config_app
from qbm.model.command import COMMANDS

if TYPE_CHECKING:
    from qbm.cli.bins import MovedOrphans
    from qbm.cli.running import RunAll
    from qbm.cli.serving import Serve

Demo: TypeAlias = Callable[[bool, int], int]
"""Plays the demo, given whether to keep the server and its port; answers the exit code."""

_HELP: Final = """Looks after qBittorrent servers: categories, tags, and more to come.

\b
  qbm demo                         try it, without a server of your own
  qbm plan cat_update tag_update   see what would be changed, and why
  qbm run cat_update tag_update    change it
  qbm serve                        do so when other programs ask, through the Web API
  qbm bin list                     what was removed, and is still in the recycle bin
  qbm config sample                a config to start from
"""
_RUN_HELP: Final = """Carry out commands; without any, those under commands: in the config.

\b
  qbm run cat_update tag_update
  qbm run tag_update --dry-run
  qbm run cat_update --hash 2f5a5ccb7dc32b7f7d7b150dd6efbce87d2fc371
  qbm run --config-dir /config --json
"""
_PLAN_HELP: Final = """Show what a run would change, and why; changes nothing.

\b
  qbm plan
  qbm plan cat_update --config seedbox.yml
  qbm plan --all
  qbm plan tag_update --json
"""
_SERVE_HELP: Final = """Serve the Web API, until Ctrl-C.

Other programs ask for runs there (POST /api/run-command); each accepted one is kept over
restarts. Callers of this machine and of private networks need no password.

\b
  qbm serve
  qbm serve --config-dir /config --port 8080
  qbm serve --host 127.0.0.1 --base-url /qbm
"""
_DEMO_HELP: Final = """Try it on a simulated qBittorrent with a small library.

\b
  qbm demo
  qbm demo --keep --port 8090
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What ``main`` hands to the commands."""

    environ: Mapping[str, str]
    program_dir: Path
    run_all: RunAll
    serve: Serve
    demo: Demo
    moved_orphans: MovedOrphans


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for on the command line; "" and () mean: by variable, config or default.

    ``older_than_days`` is for ``cleanup_dirs``, ``is_partly`` for ``restore``.
    """

    commands: tuple[str, ...]
    hashes: tuple[str, ...]
    config_file: str
    config_dir: str
    is_dry: bool
    as_json: bool
    log_level: str
    debug: bool
    lists_all: bool = False
    older_than_days: int = 0
    is_partly: bool = False


def main(argv: Sequence[str], given: Given) -> int:
    """Do what ``argv`` asks for; answers the exit code."""
    try:
        app(list(argv), prog_name="qbm", obj=given)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode=None,  # rich takes 0.1 s to draw boxes around the help
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


app.add_typer(bin_app, name="bin", short_help="Show the recycle bin, and empty it.")
app.add_typer(orphans_app, name="orphans", short_help="Show the orphaned files put away.")
app.add_typer(config_app, name="config", short_help="Check and show config files.")


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 - typer's signature
    if is_asked:
        typer.echo(f"qbm {__version__}")
        raise typer.Exit


@app.callback()
def _every(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


def _known(words: list[str] | None) -> list[str] | None:
    """The words, if each is a command's name."""
    for word in words or ():
        if word not in COMMANDS:
            raise typer.BadParameter(
                f"{word!r} is no command.{did_you_mean(word, COMMANDS)} "
                f"There are: {', '.join(COMMANDS)}."
            )
    return words


def _completed(incomplete: str) -> list[str]:
    return [name for name in COMMANDS if name.startswith(incomplete)]


_Commands: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="COMMAND",
        help=f"{', '.join(COMMANDS)}.",
        callback=_known,
        autocompletion=_completed,
        show_default=False,
    ),
]
_Hashes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--hash",
        metavar="HASH",
        help="Only the torrent with this whole hash; may be given several times.",
        show_default=False,
    ),
]
_ConfigFile: TypeAlias = Annotated[
    str,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Config file, or a pattern with *.  [QBT_CONFIG; default: config.yml]",
        show_default=False,
    ),
]
_LogLevel: TypeAlias = Annotated[
    str,
    typer.Option(
        "--log-level",
        metavar="LEVEL",
        help=f"{', '.join(LEVELS)}.  [QBT_LOG_LEVEL; default: INFO]",
        show_default=False,
    ),
]
_Debug: TypeAlias = Annotated[
    bool,
    typer.Option("--debug", help="As --log-level debug: also tell what is left alone, and why."),
]


@app.command(help=_RUN_HELP, short_help="Carry out commands.")
def run(
    context: typer.Context,
    commands: _Commands = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    hashes: _Hashes = None,
    config: _ConfigFile = "",
    config_dir: ConfigDir = "",
    as_json: AsJson = False,
    log_level: _LogLevel = "",
    debug: _Debug = False,
) -> None:
    """Carry out commands, in a real run or a dry one."""
    asked = Asked(
        commands=tuple(commands or ()),
        hashes=tuple(hashes or ()),
        config_file=config,
        config_dir=config_dir,
        is_dry=dry_run,
        as_json=as_json,
        log_level=log_level,
        debug=debug,
    )
    from qbm.cli import terminal_run  # noqa: PLC0415 - --version and --help are quick without

    raise typer.Exit(terminal_run.run(asked, context.obj))


@app.command(help=_PLAN_HELP, short_help="Show what a run would change, and why.")
def plan(
    context: typer.Context,
    commands: _Commands = None,
    *,
    hashes: _Hashes = None,
    config: _ConfigFile = "",
    config_dir: ConfigDir = "",
    lists_all: Annotated[
        bool, typer.Option("--all", help="List each torrent that is left alone, and why.")
    ] = False,
    as_json: AsJson = False,
    log_level: _LogLevel = "",
    debug: _Debug = False,
) -> None:
    """Show what a run would change."""
    asked = Asked(
        commands=tuple(commands or ()),
        hashes=tuple(hashes or ()),
        config_file=config,
        config_dir=config_dir,
        is_dry=True,
        as_json=as_json,
        log_level=log_level,
        debug=debug,
        lists_all=lists_all,
    )
    from qbm.cli import terminal_run  # noqa: PLC0415 - as above

    raise typer.Exit(terminal_run.plan(asked, context.obj))


@app.command(help=_SERVE_HELP, short_help="Serve the Web API.")
def serve(
    context: typer.Context,
    *,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on.  [QBT_HOST; default: 0.0.0.0, which means all]",
            show_default=False,
        ),
    ] = "",
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65535,
            metavar="PORT",
            help="Port.  [QBT_PORT; default: 8080]",
            show_default=False,
        ),
    ] = None,
    base_url: Annotated[
        str,
        typer.Option(
            "--base-url",
            metavar="PATH",
            help="Path behind a proxy, as /qbm.  [QBT_BASE_URL]",
            show_default=False,
        ),
    ] = "",
    config: _ConfigFile = "",
    config_dir: ConfigDir = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Whatever is asked for changes nothing.")
    ] = False,
    log_level: _LogLevel = "",
    debug: _Debug = False,
) -> None:
    """Serve the Web API."""
    from qbm.cli import terminal_run  # noqa: PLC0415 - as above

    flags = [
        *([f"--host={host}"] if host else []),
        *([f"--port={port}"] if port else []),
        *([f"--base-url={base_url}"] if base_url else []),
        *([f"--config-file={config}"] if config else []),
        *([f"--config-dir={config_dir}"] if config_dir else []),
        *(["--dry-run"] if dry_run else []),
        *([f"--log-level={log_level}"] if log_level else []),
        *(["--debug"] if debug else []),
    ]
    raise typer.Exit(terminal_run.serve(flags, context.obj))


@app.command(help=_DEMO_HELP, short_help="Try it on a simulated qBittorrent.")
def demo(
    context: typer.Context,
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the server there at the end.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the server; 0 draws a free one.")
    ] = 0,
) -> None:
    """Play the demo."""
    raise typer.Exit(context.obj.demo(keep, port))
