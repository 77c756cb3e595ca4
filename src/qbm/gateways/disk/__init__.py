"""Files of this machine: where they are, whether they can be moved, and moving them safely.

All paths are ``str`` in this machine's notation; names that are no text (bytes of another
encoding) come and go as Python's surrogate escapes. All functions block.
"""

from qbm.gateways.disk.claims import is_temporary
from qbm.gateways.disk.content import whole_content
from qbm.gateways.disk.copying import IsStopped, Progress, sync_folder
from qbm.gateways.disk.finding import find, links, stamp
from qbm.gateways.disk.folders import (
    has_entries,
    held_by,
    is_folder,
    remove_empty_folders,
    which_folder,
)
from qbm.gateways.disk.identity import (
    Entry,
    ends_at,
    entry,
    led_to_from,
    same_entry,
    stands_for,
)
from qbm.gateways.disk.moving import Fate, delete, move
from qbm.gateways.disk.proofs import proven, proves_inodes
from qbm.gateways.disk.scanning import FileStat, Scan, ScannedFolder, scan
from qbm.gateways.disk.space import can_move, free_space, is_across
from qbm.gateways.disk.withdrawing import Ending, is_begun, withdraw
from qbm.model.stamp import Stamp

__all__ = [
    "Ending",
    "Entry",
    "Fate",
    "FileStat",
    "IsStopped",
    "Progress",
    "Scan",
    "ScannedFolder",
    "Stamp",
    "can_move",
    "delete",
    "ends_at",
    "entry",
    "find",
    "free_space",
    "has_entries",
    "held_by",
    "is_across",
    "is_begun",
    "is_folder",
    "is_temporary",
    "led_to_from",
    "links",
    "move",
    "proven",
    "proves_inodes",
    "remove_empty_folders",
    "same_entry",
    "scan",
    "stamp",
    "stands_for",
    "sync_folder",
    "which_folder",
    "whole_content",
    "withdraw",
]
