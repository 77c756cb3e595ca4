"""The files of torrents as they were listed, orphans that were moved, and emptying a bin."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "file_lists",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("files", sa.LargeBinary(), nullable=False),
        sa.Column("missing_since", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("server", "hash", name="pk_file_lists"),
    )
    op.create_table(
        "orphans",
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(16), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("moved_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("target", name="pk_orphans"),
    )
    op.add_column(
        "runs", sa.Column("older_than_days", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("runs", sa.Column("is_partly", sa.Boolean(), nullable=False, server_default="0"))
