"""The mass guard: a tracker that disowns most of its torrents at once is in trouble itself.

Source: spec, decisions, *Mass guard*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from qbm.commands.judging import Failing, Judgement, hosts_of, tracker_hosts
from qbm.model.reason import Code, Reason, because
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import TorrentHash

_MASS: Final = 5
"""More than these, and more than half of a host's torrents, are too many."""


def disowning_hosts(
    snapshot: Snapshot, judgements: Mapping[TorrentHash, Judgement]
) -> Mapping[str, Reason]:
    """The hosts, in lower case, that disown too many, over the whole library; each with why."""
    disowned = Counter(
        host
        for judgement in judgements.values()
        if isinstance(judgement, Failing)
        for host in hosts_of(judgement.unregistered)
    )
    whole = Counter(host for each in snapshot.torrents.values() for host in tracker_hosts(each))
    return {
        host: because(Code.UNREGISTERED_EN_MASSE, number=number, whole=whole[host], host=host)
        for host, number in disowned.items()
        if number > _MASS and 2 * number > whole[host]
    }
