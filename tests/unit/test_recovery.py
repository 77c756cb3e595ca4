"""A cut-off run is settled whole, also when whoever does so is cut off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from qbm.engine.recovery import settle
from qbm.errors import StoreUnwritable
from qbm.gateways.clock import SystemClock
from qbm.gateways.qbittorrent import Connection, QBittorrent
from qbm.model.plan import Outcome
from qbm.simulator import Credentials, SimulatedTorrent, Simulator
from qbm.store import Store
from tests.store_factories import NOW, SERVER, a_running, planned


class _CutOff(Store):
    """A store that a kill, or a full disk, keeps from the end of settling."""

    def conclude(self, outcomes: Mapping[int, Outcome], now: datetime) -> None:
        del outcomes, now
        raise StoreUnwritable("cut off")


async def test_what_a_cut_off_run_had_done_counts_however_often_settling_is_cut_off(
    tmp_path: Path,
) -> None:
    [change] = planned(1)
    simulator = Simulator(credentials=Credentials(required=False))
    simulator.add([SimulatedTorrent(name="a", infohash_v1=f"{0:040x}", tags=frozenset("abc"))])
    with _CutOff.open(tmp_path) as store:
        run = a_running(store)
        store.intend(store.record(run.id, [change]), 0, NOW)
        with simulator.run_in_thread() as url:
            server = QBittorrent(Connection(url=url))
            await server.connect()
            with pytest.raises(StoreUnwritable):
                await settle(server, store, SERVER, SystemClock())
            counted = store.run(run.id)
            assert counted is not None
            assert counted.stats["tagged"] == 2
            assert len(store.open_intents(SERVER)) == 1, "else nobody would look at it again"
            with Store.open(tmp_path) as whole:
                assert await settle(server, whole, SERVER, SystemClock()) == 1
                assert whole.open_intents(SERVER) == []
                assert whole.run(run.id) == counted
            await server.close()
