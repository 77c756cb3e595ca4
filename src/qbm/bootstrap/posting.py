"""Runs of the command line beside a server: it carries them out in their turn, we wait."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import ClientSession, ClientTimeout
from structlog.typing import FilteringBoundLogger

from qbm.bootstrap.beacon import Beacon
from qbm.cli.running import Ended, Job, run_each
from qbm.engine.report import retell
from qbm.engine.request import Mode, RunReport
from qbm.engine.stop import Stop
from qbm.errors import ConfigError, Interrupted, QbmError, ServerError, StoreError
from qbm.gateways.clock import Clock
from qbm.store import UNFINISHED, RunState

_BY_EXIT_CODE: Final = {
    kind.exit_code: kind for kind in (QbmError, ConfigError, ServerError, Interrupted)
}
_PAUSE: Final = 0.2
_TIMEOUT: Final = ClientTimeout(total=60)
_TOKEN: Final = "X-QBM-Token"  # noqa: S105 - a header's name


async def post_each(
    jobs: Sequence[Job], beacon: Beacon, stop: Stop, clock: Clock, log: FilteringBoundLogger
) -> Sequence[Ended]:
    """Have the server of ``beacon`` carry the jobs out, one after the other."""
    log.info("posting", url=beacon.url)
    headers = {_TOKEN: beacon.token}
    async with ClientSession(headers=headers, timeout=_TIMEOUT, trust_env=False) as session:
        posted = _Posted(beacon, session, stop, clock, log)
        return await run_each(jobs, posted.run, log)


class _Posted:
    """The server's runs."""

    def __init__(
        self,
        beacon: Beacon,
        session: ClientSession,
        stop: Stop,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._beacon = beacon
        self._session = session
        self._stop = stop
        self._clock = clock
        self._log = log

    async def run(self, job: Job) -> RunReport:
        """Ask for a run, and wait for its end; a stop cancels it.

        Raises:
            QbmError: the server does not take it, or the run failed there.
            Interrupted: a stop was requested.
        """
        if str(job.path.parent) != self._beacon.folder:
            raise StoreError(
                f"{job.path}: the server that keeps its state here serves the configs in "
                f"{self._beacon.folder}. End it for the time of this run, or name another state "
                "folder with QBM_STATE_DIR."
            )
        accepted = await self._asked("POST", "/api/runs", _body(job))
        run_id: str = accepted["id"]
        try:
            report = await self._ended(run_id)
        except Interrupted:
            await self._asked("DELETE", f"/api/runs/{run_id}")
            raise
        retell(report, self._log)
        return report

    async def _ended(self, run_id: str) -> RunReport:
        while True:
            run = await self._stop.unless(self._asked("GET", f"/api/runs/{run_id}"))
            if RunState(run["state"]) not in UNFINISHED:
                break
            await self._stop.unless(self._clock.sleep(_PAUSE))
        if run["state"] != RunState.DONE:
            raise _failure(run)
        report = await self._asked("GET", f"/api/runs/{run_id}/report")
        return msgspec.convert(report, RunReport)

    async def _asked(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """What the server answers to one request.

        Raises:
            QbmError: it refuses, or cannot be reached (any more).
        """
        url = f"{self._beacon.url}{path}"
        try:
            async with self._session.request(method, url, json=body) as response:
                # A name that is no text comes escaped, which msgspec's own JSON does not read.
                answer: dict[str, Any] = json.loads(await response.read())
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise QbmError(
                f"The server of this state folder, {self._beacon.url}, does not answer "
                f"({type(error).__name__}). What it has accepted it does when it starts again."
            ) from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise QbmError(f"The server of this state folder says: {answer.get('detail')}")
        return answer


def _body(job: Job) -> dict[str, Any]:
    request = job.request
    return {
        "config_file": request.config_file,
        "commands": list(request.commands),
        "hashes": list(request.hashes),
        "dry_run": request.mode is Mode.DRY,
        "skip_cleanup": request.skip_cleanup,
        "older_than_days": request.older_than_days,
        "is_partly": request.is_partly,
        "skip_qb_version_check": not request.warns_of_version,
    }


def _failure(run: dict[str, Any]) -> QbmError:
    """The error that the run ended with there, as far as its exit code tells."""
    text = run["error"] or "The run did not end well."
    return _BY_EXIT_CODE.get(run["exit_code"], QbmError)(text)
