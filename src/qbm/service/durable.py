"""Durable execution by DBOS Transact: a run that has begun, or is in line, survives a kill.

The only module that knows DBOS. What it keeps is little on purpose, so that an update of the
program can go on with it: a workflow holds a run's id, and its one step attends to that run.
The order of the runs and what becomes of them are in our own tables.

DBOS is one per process, and so is a ``Durable`` that is launched. Importing it takes 0.5 s.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection
from contextvars import Context
from datetime import datetime
from pathlib import Path
from typing import Final

import sqlalchemy
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from structlog.typing import FilteringBoundLogger

from qbm.errors import Suspended
from qbm.store.database import in_words

SCHEMA: Final = "1"
"""The shape of the workflow below. DBOS goes on only with workflows of the same version."""

_QUEUE: Final = "runs"
_WORKFLOW: Final = "run"
_STEP: Final = "attend"
_AT_ONCE: Final = 32
"""Runs in line that have a thread; each waits there for its turn, or finds its work done."""
_THREADS: Final = 2 * _AT_ONCE
_POLL_SECONDS: Final = 1.0
_UNFINISHED: Final = ["PENDING", "ENQUEUED", "DELAYED"]
_ENDED: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_DELETED_AT_ONCE: Final = 500


class Durable:
    """Workflows on the SQLite file ``database``, of the host ``executor``.

    ``attend`` carries out a run, given its id, and comes back when that run has ended; it is
    called in threads, may be called again for the same run, and raises only what should be
    written down as a fault. It may ask for other runs: each has a context of its own, for DBOS
    would take it for a part of the run that asked.
    """

    def __init__(
        self,
        database: Path,
        executor: str,
        attend: Callable[[str], None],
        log: FilteringBoundLogger,
    ) -> None:
        self._database = database
        self._executor = executor
        self._attend = attend
        self._log = log
        self._run: Callable[[str], None] = attend

    def launch(self) -> None:
        """Begin; what a killed process had begun is gone on with."""
        url = sqlalchemy.URL.create("sqlite", database=str(self._database))
        config = DBOSConfig(
            name="qbm",
            system_database_url=url.render_as_string(hide_password=False),
            executor_id=self._executor,
            application_version=SCHEMA,
            serializer=DBOSPortableJSONSerializer(),
            max_executor_threads=_THREADS,
            log_level="WARNING",
        )
        _forward_log(self._log)
        DBOS(config=config)
        self._run = self._workflow()
        DBOS.launch()
        DBOS.register_queue(_QUEUE, worker_concurrency=_AT_ONCE, polling_interval_sec=_POLL_SECONDS)

    def _workflow(self) -> Callable[[str], None]:
        @DBOS.step(name=_STEP)
        def attend(run_id: str) -> None:
            self._attend(run_id)

        # A server may be restarted any number of times in the middle of a run.
        @DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=None)
        def run(run_id: str) -> None:
            attend(run_id)

        return run

    def begin(self, run_id: str) -> None:
        """Attend to a run at once.

        Raises:
            StoreError: that could not be written down.
        """
        Context().run(self._begin, run_id)

    def _begin(self, run_id: str) -> None:
        with in_words(self._database), SetWorkflowID(_workflow_id(run_id)):
            DBOS.start_workflow(self._run, run_id)

    def keep(self, run_id: str) -> None:
        """Attend to a run within seconds: others of its server are before it.

        Raises:
            StoreError: that could not be written down.
        """
        Context().run(self._keep, run_id)

    def _keep(self, run_id: str) -> None:
        with in_words(self._database), SetWorkflowID(_workflow_id(run_id)):
            DBOS.enqueue_workflow(_QUEUE, self._run, run_id)

    def kept(self) -> Collection[str]:
        """The ids of the runs that have a workflow which goes on by itself.

        One of another host, or of another version of the workflow, does not.
        """
        unfinished = DBOS.list_workflows(
            status=_UNFINISHED,
            executor_id=self._executor,
            app_version=SCHEMA,
            load_input=False,
            load_output=False,
        )
        return {each.workflow_id.partition(_SEPARATOR)[0] for each in unfinished}

    def forget(self, completed_before: datetime) -> None:
        """Delete the traces of what ended before; the history of runs is ours.

        Raises:
            StoreError: they could not be deleted.
        """
        before = completed_before.isoformat()
        with in_words(self._database):
            while ended := DBOS.list_workflows(
                status=_ENDED,
                completed_before=before,
                limit=_DELETED_AT_ONCE,
                load_input=False,
                load_output=False,
            ):
                DBOS.delete_workflows([each.workflow_id for each in ended])

    def close(self) -> None:
        """End; threads that still attend to a run are not waited for."""
        DBOS.destroy(destroy_registry=True)


_SEPARATOR: Final = "."


def _workflow_id(run_id: str) -> str:
    """A new one for each attempt: DBOS begins none again that has ended, however it did."""
    return f"{run_id}{_SEPARATOR}{secrets.token_hex(4)}"


class _Forward(logging.Handler):
    """Gives what DBOS has to complain about to our log."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Suspended):
            return  # as it should be: the service ends, the run goes on at the next start
        self._log.warning("queue_trouble", text=record.getMessage(), exc_info=error)


def _forward_log(log: FilteringBoundLogger) -> None:
    # A logger that has a handler is left alone by DBOS.
    theirs = logging.getLogger("dbos")
    for handler in theirs.handlers[:]:
        theirs.removeHandler(handler)
    theirs.addHandler(_Forward(log))
    theirs.propagate = False
