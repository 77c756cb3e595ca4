"""``qbm bin`` and ``qbm orphans``: what runs have put away, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import typer

from qbm.cli.options import AsJson, ConfigDir
from qbm.model.command import CommandName

_BIN_HELP: Final = """Show the recycle bin, and empty it.

\b
  qbm bin list
  qbm bin empty --older-than 30
"""
_LIST_HELP: Final = """List removed torrents with their files in the bin, and other files there.

Torrents are listed as long as their records are kept, also when their files are gone for good.

\b
  qbm bin list
  qbm bin list --json
"""
_EMPTY_HELP: Final = """Delete what is in the recycle bin for good.

A file that a torrent owns stays. Asks first; where nobody can be asked, --yes is needed.

\b
  qbm bin empty --dry-run
  qbm bin empty --older-than 30
  qbm bin empty --yes
"""
_ORPHANS_HELP: Final = """Show the orphaned files that runs have put away.

\b
  qbm orphans list
"""
_ORPHANS_LIST_HELP: Final = """List the orphaned files that were put away, and where they were.

\b
  qbm orphans list
  qbm orphans list --json
"""
_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configs:
    """The configs that are meant; "" means: by variable or default."""

    config_file: str
    config_dir: str


bin_app = typer.Typer(
    help=_BIN_HELP, no_args_is_help=True, rich_markup_mode=None, context_settings=_SETTINGS
)
orphans_app = typer.Typer(
    help=_ORPHANS_HELP, no_args_is_help=True, rich_markup_mode=None, context_settings=_SETTINGS
)

ConfigFile: TypeAlias = Annotated[
    str,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Config file, or a pattern with *.  [QBT_CONFIG; default: config.yml]",
        show_default=False,
    ),
]


@bin_app.command("list", help=_LIST_HELP, short_help="List what is in the recycle bin.")
def list_bin(
    context: typer.Context,
    *,
    config: ConfigFile = "",
    config_dir: ConfigDir = "",
    as_json: AsJson = False,
) -> None:
    """List the recycle bin."""
    from qbm.cli import bins  # noqa: PLC0415 - --help is quick without

    asked = Configs(config_file=config, config_dir=config_dir)
    raise typer.Exit(bins.list_bin(asked, context.obj, as_json=as_json))


@bin_app.command("empty", help=_EMPTY_HELP, short_help="Delete what is in it for good.")
def empty_bin(
    context: typer.Context,
    *,
    older_than: Annotated[
        int,
        typer.Option(
            "--older-than",
            metavar="DAYS",
            min=0,
            help="Only files that are there for longer.  [default: all]",
            show_default=False,
        ),
    ] = 0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    config: ConfigFile = "",
    config_dir: ConfigDir = "",
    as_json: AsJson = False,
) -> None:
    """Empty the recycle bin."""
    from qbm.cli import terminal_run  # noqa: PLC0415 - as above
    from qbm.cli.terminal import Asked  # noqa: PLC0415 - which has this sub-command

    asked = Asked(
        commands=(CommandName.CLEANUP_DIRS,),
        hashes=(),
        config_file=config,
        config_dir=config_dir,
        is_dry=dry_run,
        as_json=as_json,
        log_level="",
        debug=False,
        older_than_days=older_than,
    )
    raise typer.Exit(terminal_run.empty(asked, context.obj, is_sure=yes))


@orphans_app.command(
    "list", help=_ORPHANS_LIST_HELP, short_help="List the orphaned files that were put away."
)
def list_orphans(
    context: typer.Context,
    *,
    config: ConfigFile = "",
    config_dir: ConfigDir = "",
    as_json: AsJson = False,
) -> None:
    """List the orphaned files."""
    from qbm.cli import bins  # noqa: PLC0415 - as above

    asked = Configs(config_file=config, config_dir=config_dir)
    raise typer.Exit(bins.list_orphans(asked, context.obj, as_json=as_json))
