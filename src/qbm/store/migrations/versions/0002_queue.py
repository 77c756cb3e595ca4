"""Runs that a server keeps in its queue, what they answer, and torrents' names in the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in (
        sa.Column("request_id", sa.String(16), nullable=False, server_default=""),
        sa.Column("is_queued", sa.Boolean(), nullable=False, server_default="0"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("skip_cleanup", sa.Boolean(), nullable=False, server_default="0"),
        sa.Column("warns_of_version", sa.Boolean(), nullable=False, server_default="1"),
        sa.Column("log_level", sa.String(32)),
        sa.Column("executed", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("refused", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("failed_commands", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("warnings", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("exit_code", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("runs", column)
    op.execute("UPDATE runs SET request_id = id")
    op.create_index("ix_runs_request_id", "runs", ["request_id"])
    op.add_column("journal", sa.Column("torrent", sa.Text(), nullable=False, server_default=""))
