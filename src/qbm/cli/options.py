"""Options that several commands of ``qbm`` have."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

ConfigDir: TypeAlias = Annotated[
    str,
    typer.Option(
        "--config-dir",
        metavar="FOLDER",
        help="Folder of configs; all of them are meant.  [QBT_CONFIG_DIR]",
        show_default=False,
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
