"""A simulator of qBittorrent's Web API, for what a real server cannot show.

Ten thousand torrents in a second, times in the past, and faults on purpose. The contract
tests hold it to the answers of real servers of the same generations.

    simulator = Simulator(PROFILES["5.1.0"])
    simulator.add(sample_torrents(1000))
    async with simulator.serve() as url:
        ...
"""

from qbm.simulator.access import Credentials
from qbm.simulator.calls import Answer, Call
from qbm.simulator.faults import (
    CutAfter,
    CutBefore,
    CutReused,
    Failing,
    ForgottenLogin,
    Html,
    Late,
    Restart,
    Slow,
)
from qbm.simulator.profiles import PROFILES, Profile, profile_of
from qbm.simulator.records import (
    NEVER,
    SimulatedCategory,
    SimulatedFile,
    SimulatedTorrent,
    SimulatedTracker,
)
from qbm.simulator.samples import sample_torrents
from qbm.simulator.simulator import Recorded, Simulator

__all__ = [
    "NEVER",
    "PROFILES",
    "Answer",
    "Call",
    "Credentials",
    "CutAfter",
    "CutBefore",
    "CutReused",
    "Failing",
    "ForgottenLogin",
    "Html",
    "Late",
    "Profile",
    "Recorded",
    "Restart",
    "SimulatedCategory",
    "SimulatedFile",
    "SimulatedTorrent",
    "SimulatedTracker",
    "Simulator",
    "Slow",
    "profile_of",
    "sample_torrents",
]
