"""What is kept of removed torrents: where their files go, and how to bring them back."""

from qbm.gateways.recycle_bin.bin import Bin, Places, safe_name
from qbm.gateways.recycle_bin.classic import ClassicCopy, classic_copies, save_classic
from qbm.gateways.recycle_bin.record import FileState, Record, RecordedFile
from qbm.gateways.recycle_bin.records import Records, Unreadable
from qbm.gateways.recycle_bin.torrents_dir import kept_by_server

__all__ = [
    "Bin",
    "ClassicCopy",
    "FileState",
    "Places",
    "Record",
    "RecordedFile",
    "Records",
    "Unreadable",
    "classic_copies",
    "kept_by_server",
    "safe_name",
    "save_classic",
]
