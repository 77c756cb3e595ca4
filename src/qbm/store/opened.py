"""An open database, and its transactions; the questions about each table stand on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine

from qbm.store.database import PATIENCE_SECONDS, engine_for, in_words, make_file, mode_for, reading
from qbm.store.locks import make_state_dir
from qbm.store.schema import bring_up_to_date

DATABASE = "qbm.db"


class Opened:
    """An open database; ``open`` makes one, ``close`` (or ``with``) ends it.

    May be used from several threads.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine

    @classmethod
    def open(
        cls,
        state_dir: Path,
        patience: float = PATIENCE_SECONDS,
        *,
        database: Path | None = None,
    ) -> Self:
        """The store of a state folder; folder, file and tables are made if they are missing.

        ``patience`` is how many seconds a transaction waits for that of another process,
        ``database`` a file elsewhere than in the folder.

        Raises:
            StoreUnwritable: full disk, read-only folder, no permission.
            StoreTooNew: a newer qbm has written the database.
            StoreError: it is locked, damaged, or no database.
        """
        make_state_dir(state_dir)
        path = database or state_dir / DATABASE
        make_state_dir(path.parent)
        make_file(path)
        engine = engine_for(path, mode_for(path), patience)
        try:
            bring_up_to_date(engine, path)
        except BaseException:
            engine.dispose()
            raise
        return cls(path, engine)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with in_words(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with in_words(self.path), reading(self._engine) as connection:
            yield connection
