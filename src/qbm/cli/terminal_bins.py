"""``qbm bin`` and ``qbm orphans``: what runs have put away, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import typer

from qbm.cli.options import AsJson, ConfigDir

_BIN_HELP: Final = """Show the recycle bin.

\b
  qbm bin list
"""
_LIST_HELP: Final = """List removed torrents with their files in the bin, and other files there.

Torrents are listed as long as their records are kept, also when their files are gone for good.

\b
  qbm bin list
  qbm bin list --json
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
    """The configs whose bins are meant; "" means: by variable or default."""

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
