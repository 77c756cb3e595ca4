"""Run by Alembic: migrates our tables within the transaction that ``schema`` has begun."""

from __future__ import annotations

from alembic import context

from qbm.store.schema import VERSION_TABLE
from qbm.store.tables import metadata


def is_ours(name: str | None, kind: str, parents: object) -> bool:
    """Other programs keep tables in the same file; those are left alone."""
    del parents
    return kind != "table" or name in metadata.tables


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    include_name=is_ours,
    transactional_ddl=True,
    # SQLite alters a table by making it anew.
    render_as_batch=True,
)
context.run_migrations()
