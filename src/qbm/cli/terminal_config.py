"""``qbm config``: what is wrong with config files, what they mean, what they may say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import typer

from qbm.cli.options import AsJson, ConfigDir

_HELP: Final = """Check and show config files, or get one to start from. No file is ever changed.

\b
  qbm config sample > config.yml
  qbm config validate config.yml
  qbm config show config.yml
"""
_VALIDATE_HELP: Final = """Say everything that is wrong with config files, with line and column.

Ends with 2 if a file cannot be used, with 0 if there are but warnings.

\b
  qbm config validate
  qbm config validate config.yml seedbox.yml
  qbm config validate --config-dir /config --strict
  qbm config validate config.yml --json
"""
_SHOW_HELP: Final = """Show what config files mean: every key, with defaults; secrets as ***.

\b
  qbm config show
  qbm config show seedbox.yml
  qbm config show --config-dir /config --json
"""
_SCHEMA_HELP: Final = """Print the JSON Schema of a config, for editors.

\b
  qbm config schema > config.schema.json
"""
_SAMPLE_HELP: Final = """Print a config with every key and comments, to start from.

\b
  qbm config sample > config.yml
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files that were asked about; "" and () mean: by variable or default."""

    named: tuple[str, ...]
    config_file: str
    config_dir: str


app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_Named: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE",
        help="Config files, as paths. Without any: those that a run would take.",
        show_default=False,
    ),
]
_ConfigFile: TypeAlias = Annotated[
    str,
    typer.Option(
        "--config",
        "-c",
        "--config-file",
        metavar="FILE",
        help="Config file as a run finds it, or a pattern with *.  [QBT_CONFIG; default: "
        "config.yml]",
        show_default=False,
    ),
]


@app.command(help=_VALIDATE_HELP, short_help="Say everything that is wrong with config files.")
def validate(
    context: typer.Context,
    files: _Named = None,
    *,
    config: _ConfigFile = "",
    config_dir: ConfigDir = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Unknown keys are errors as well.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with config files."""
    from qbm.cli import configs  # noqa: PLC0415 - --help is quick without

    asked = _asked(files, config, config_dir)
    raise typer.Exit(configs.validate(asked, context.obj, is_strict=strict, as_json=as_json))


@app.command(help=_SHOW_HELP, short_help="Show what config files mean.")
def show(
    context: typer.Context,
    files: _Named = None,
    *,
    config: _ConfigFile = "",
    config_dir: ConfigDir = "",
    as_json: AsJson = False,
) -> None:
    """Show what config files mean."""
    from qbm.cli import configs  # noqa: PLC0415 - as above

    asked = _asked(files, config, config_dir)
    raise typer.Exit(configs.show(asked, context.obj, as_json=as_json))


@app.command(help=_SCHEMA_HELP, short_help="Print the JSON Schema of a config, for editors.")
def schema() -> None:
    """Print the schema."""
    from qbm.cli import configs  # noqa: PLC0415 - as above

    raise typer.Exit(configs.schema())


@app.command(help=_SAMPLE_HELP, short_help="Print a config to start from.")
def sample() -> None:
    """Print the sample."""
    from qbm.cli import configs  # noqa: PLC0415 - as above

    raise typer.Exit(configs.sample())


def _asked(files: list[str] | None, config_file: str, config_dir: str) -> Files:
    """The files, if they are named in one way."""
    if files and (config_file or config_dir):
        raise typer.BadParameter("either files are named, or --config and --config-dir say which")
    return Files(named=tuple(files or ()), config_file=config_file, config_dir=config_dir)
