"""Versions of the tables: made, migrated with a copy kept, refused when they are newer."""

from __future__ import annotations

import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from qbm.errors import StoreTooNew
from qbm.store import Store
from qbm.store.database import engine_for, make_file
from qbm.store.mounts import JournalMode
from qbm.store.schema import OURS, VERSION_TABLE, Schema, bring_up_to_date
from qbm.store.tables import metadata
from tests.store_factories import NOW, a_new_run

FOREIGN = "CREATE TABLE workflow_status (id TEXT PRIMARY KEY, payload TEXT)"
NOW_VERSION = OURS.version
NEXT_VERSION = f"{int(OURS.version) + 1:04d}"
BACKUP = f"qbm.db.{NOW_VERSION}.backup"
ADDS_A_COLUMN = f"""
from alembic import op
import sqlalchemy as sa

revision = "{NEXT_VERSION}"
down_revision = "{NOW_VERSION}"

def upgrade():
    op.add_column("runs", sa.Column("note", sa.Text(), nullable=False, server_default="mended"))
"""


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute(query).fetchall()


def executed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        for statement in statements:
            raw.execute(statement)


@pytest.fixture
def newer(tmp_path: Path) -> Schema:
    """The schema of the next version of this program, which adds a column."""
    folder = tmp_path / "100 % newer"
    (folder / "versions").mkdir(parents=True)
    for part in (OURS.migrations / "env.py", *OURS.migrations.glob("versions/*.py")):
        (folder / part.relative_to(OURS.migrations)).write_bytes(part.read_bytes())
    (folder / "versions" / f"{NEXT_VERSION}_note.py").write_text(ADDS_A_COLUMN)
    return Schema(NEXT_VERSION, folder)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder."""
    return tmp_path / "state"


@pytest.fixture
def path(state: Path) -> Path:
    """The database of this version, with one run in it."""
    with Store.open(state) as store:
        store.accept(a_new_run(), NOW)
    return state / "qbm.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    made = engine_for(path, JournalMode.WAL)
    yield made
    made.dispose()


def test_tables_and_migrations_agree(tmp_path: Path) -> None:
    """A new database is made from the tables, an old one by the migrations: to the same end."""
    path = tmp_path / "migrated.db"
    make_file(path)
    migrated = engine_for(path, JournalMode.WAL)
    bring_up_to_date(migrated, path, Schema(OURS.version, OURS.migrations))
    with migrated.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "version_table": VERSION_TABLE}
        )
        assert compare_metadata(context, metadata) == []
    migrated.dispose()
    Store.open(tmp_path / "new").close()
    made = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    assert [
        (kind, name, _plain(sql)) for kind, name, sql in rows(tmp_path / "new" / "qbm.db", made)
    ] == [(kind, name, _plain(sql)) for kind, name, sql in rows(path, made)]


def _plain(sql: object) -> set[str]:
    """The clauses of a statement: Alembic breaks its lines and names its keys otherwise."""
    text = re.sub(r'CONSTRAINT "?\w+"? |"|\s+', lambda found: " " * found[0].isspace(), str(sql))
    return {each.strip() for each in re.split(r"[,()]", text)}


def test_alembic_would_drop_no_table_of_others(path: Path, engine: Engine) -> None:
    executed(path, FOREIGN)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(OURS.migrations))
        command.check(config)


def test_the_code_knows_its_newest_migration() -> None:
    assert ScriptDirectory(str(OURS.migrations)).get_current_head() == OURS.version


def test_tables_of_others_in_the_same_file_stay(state: Path) -> None:
    state.mkdir()
    executed(state / "qbm.db", FOREIGN, "INSERT INTO workflow_status VALUES ('one', 'kept')")
    with Store.open(state) as store:
        store.accept(a_new_run(), NOW)
    assert rows(state / "qbm.db", "SELECT * FROM workflow_status") == [("one", "kept")]
    assert rows(state / "qbm.db", "SELECT count(*) FROM runs") == [(1,)]


def test_a_new_database_leaves_nothing_beside_it(path: Path) -> None:
    assert list(path.parent.iterdir()) == [path]


def test_an_older_database_is_copied_and_then_migrated(
    path: Path, engine: Engine, newer: Schema
) -> None:
    executed(path, FOREIGN, "INSERT INTO workflow_status VALUES ('one', 'kept')")
    (run,) = rows(path, "SELECT * FROM runs")
    bring_up_to_date(engine, path, newer)
    backup = path.with_name(BACKUP)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert rows(path, "SELECT * FROM runs") == [(*run, "mended")]
    assert rows(backup, "SELECT * FROM runs") == [run]
    for each, version in ((path, NEXT_VERSION), (backup, NOW_VERSION)):
        assert rows(each, "SELECT * FROM workflow_status") == [("one", "kept")]
        assert rows(each, "SELECT version_num FROM qbm_schema") == [(version,)]
    assert not list(path.parent.glob("*.unfinished*"))


def test_what_a_writer_has_not_checkpointed_is_in_the_copy(
    state: Path, path: Path, engine: Engine, newer: Schema
) -> None:
    with Store.open(state) as writer:
        run = writer.accept(a_new_run(), NOW)
        bring_up_to_date(engine, path, newer)
    assert (run.id,) in rows(path.with_name(BACKUP), "SELECT id FROM runs")


def test_a_backup_that_was_cut_off_is_made_anew(path: Path, engine: Engine, newer: Schema) -> None:
    path.with_name(f"{BACKUP}.unfinished").write_bytes(b"SQLite format 3\0 and so on")
    bring_up_to_date(engine, path, newer)
    assert len(rows(path.with_name(BACKUP), "SELECT * FROM runs")) == 1


def test_a_failed_migration_leaves_the_database_as_it_was(
    path: Path, engine: Engine, newer: Schema
) -> None:
    broken = newer.migrations / "versions" / f"{NEXT_VERSION}_note.py"
    broken.write_text(ADDS_A_COLUMN + '    raise RuntimeError("half-way")\n')
    with pytest.raises(RuntimeError, match="half-way"):
        bring_up_to_date(engine, path, newer)
    assert rows(path, "SELECT version_num FROM qbm_schema") == [(NOW_VERSION,)]
    assert "note" not in str(rows(path, "SELECT sql FROM sqlite_master WHERE name = 'runs'"))


def test_a_newer_database_is_refused_and_left_alone(
    state: Path, path: Path, engine: Engine, newer: Schema
) -> None:
    bring_up_to_date(engine, path, newer)
    engine.dispose()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew) as refused:
        Store.open(state)
    for part in (str(path), NEXT_VERSION, BACKUP):
        assert part in str(refused.value)
    assert path.read_bytes() == before


def test_alembic_is_imported_only_to_migrate(tmp_path: Path) -> None:
    # Neither for a new database nor for one of this version; a migration is tested above.
    program = (
        "import sys; from pathlib import Path; from qbm.store import Store;"
        f"Store.open(Path({str(tmp_path)!r})).close(); print('alembic' in sys.modules)"
    )
    said = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
        for _ in range(2)
    ]
    assert said == [b"False\n", b"False\n"]


def test_values_and_locks_come_without_sqlalchemy() -> None:
    program = "import sys, qbm.store; print('sqlalchemy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert said.stdout == b"False\n"
