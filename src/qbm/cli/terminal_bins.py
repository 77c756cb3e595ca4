"""``qbm bin`` and ``qbm orphans``: what runs have put away, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from qbm.cli.options import AsJson, ConfigDir
from qbm.model.command import CommandName

if TYPE_CHECKING:
    from qbm.cli.terminal import Asked

_BIN_HELP: Final = """Show the recycle bin, restore from it, and empty it.

\b
  qbm bin list
  qbm bin restore 2f5a5ccb7dc3
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
_ORPHANS_HELP: Final = """Show the orphaned files that runs have put away, and restore them.

\b
  qbm orphans list
  qbm orphans restore /data/orphaned_data/film.mkv
"""
_ORPHANS_LIST_HELP: Final = """List the orphaned files that were put away, and where they were.

\b
  qbm orphans list
  qbm orphans list --json
"""
_RESTORE_HELP: Final = """Bring removed torrents back as they were, with their files.

A file in the way is never overwritten. qBittorrent checks the content; what was running is
started. Bins of the older tool can be restored from as well.

\b
  qbm bin restore 2f5a5ccb7dc3
  qbm bin restore "A film (2019)" --dry-run
"""
_RESTORE_ORPHANS_HELP: Final = """Put orphaned files back where they were.

A file in the way is never overwritten.

\b
  qbm orphans restore /data/orphaned_data/film.mkv
  qbm orphans restore /data/orphaned_data/a-folder --dry-run
"""
_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configs:
    """The configs that are meant; "" means: by variable or default."""

    config_file: str
    config_dir: str

    @classmethod
    def of(cls, asked: Asked) -> Configs:
        """Those that were asked for."""
        return cls(config_file=asked.config_file, config_dir=asked.config_dir)


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


DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Change nothing.")]


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


@bin_app.command(
    "restore", help=_RESTORE_HELP, short_help="Bring removed torrents back, with their files."
)
def restore_torrents(
    context: typer.Context,
    torrents: Annotated[
        list[str],
        typer.Argument(
            metavar="HASH_OR_NAME",
            help="A removed torrent: its hash, the beginning of that, or its name.",
        ),
    ],
    *,
    partly: Annotated[
        bool,
        typer.Option("--partly", help="Also if files are lost: qBittorrent downloads them again."),
    ] = False,
    dry_run: DryRun = False,
    config: ConfigFile = "",
    config_dir: ConfigDir = "",
    as_json: AsJson = False,
) -> None:
    """Bring removed torrents back."""
    from qbm.cli import restoring  # noqa: PLC0415 - as above

    asked = _restore(config, config_dir, is_dry=dry_run, as_json=as_json, is_partly=partly)
    raise typer.Exit(restoring.restore_torrents(torrents, asked, context.obj))


@orphans_app.command(
    "restore",
    help=_RESTORE_ORPHANS_HELP,
    short_help="Put orphaned files back where they were.",
)
def restore_orphans(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="An orphaned file, where it is or where it was; or a folder of them.",
        ),
    ],
    *,
    dry_run: DryRun = False,
    config: ConfigFile = "",
    config_dir: ConfigDir = "",
    as_json: AsJson = False,
) -> None:
    """Put orphaned files back."""
    from qbm.cli import restoring  # noqa: PLC0415 - as above

    asked = _restore(config, config_dir, is_dry=dry_run, as_json=as_json)
    raise typer.Exit(restoring.restore_orphans(paths, asked, context.obj))


def _restore(
    config: str, config_dir: str, *, is_dry: bool, as_json: bool, is_partly: bool = False
) -> Asked:
    from qbm.cli.terminal import Asked  # noqa: PLC0415 - which has this sub-command

    return Asked(
        commands=(CommandName.RESTORE,),
        hashes=(),
        config_file=config,
        config_dir=config_dir,
        is_dry=is_dry,
        as_json=as_json,
        log_level="",
        debug=False,
        is_partly=is_partly,
    )


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
