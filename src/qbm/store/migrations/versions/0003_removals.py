"""Torrents seen unregistered, how far a removal is, and the journal by torrent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "sightings",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("first_at", sa.String(32), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("server", "hash", name="pk_sightings"),
    )
    op.add_column("journal", sa.Column("step", sa.String(32), nullable=False, server_default=""))
    op.create_index("ix_journal_hash", "journal", ["hash"])
