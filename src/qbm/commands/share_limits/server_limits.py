"""``disable_qbt_default_share_limits``: the server's own limits, switched off where they harm."""

from __future__ import annotations

from qbm.config import Config
from qbm.model.change import SetPreferences
from qbm.model.command import CommandName
from qbm.model.limit import GlobalLimits, Limit, ShareLimitAction
from qbm.model.plan import Notice, Planned
from qbm.model.reason import Code, because
from qbm.model.snapshot import Selection
from qbm.model.unknown import UNKNOWN, Unknown

_NAME = CommandName.SHARE_LIMITS


def switched_off(
    common: GlobalLimits | Unknown, config: Config, selection: Selection
) -> Planned | Notice | None:
    """Off, if the server would do anything but stop a torrent there; said if they must stay.

    A run for certain hashes sets no preferences (decisions: *Hashes*).
    """
    if not config.settings.disable_qbt_default_share_limits or selection.is_narrowed:
        return None
    if common is UNKNOWN:
        return Notice(_NAME, because(Code.GLOBAL_LIMITS_UNKNOWN))
    if common.max_ratio_act is ShareLimitAction.STOP:
        return None
    users = [
        name
        for name, group in config.share_limits.items()
        if Limit.GLOBAL in {group.max_ratio, group.max_seeding_time}
    ]
    action = common.max_ratio_act
    if users:
        groups = ", ".join(users)
        return Notice(_NAME, because(Code.GLOBAL_LIMITS_KEPT, action=action, group=groups))
    no_inactive = None if common.max_inactive_seeding_time is None else Limit.UNLIMITED
    after = GlobalLimits(max_inactive_seeding_time=no_inactive)
    reason = because(Code.GLOBAL_LIMITS_ACT, action=action)
    return Planned(SetPreferences(common, after), _NAME, reason)
