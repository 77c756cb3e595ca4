"""The store: every question and every write that concerns runs, their journal and leases.

Each method is one transaction; when a method that writes has returned, what it wrote is on
disk (``synchronous=FULL``). Any method raises ``StoreUnwritable`` or ``StoreError`` with a
text for the user if the database cannot be used.
"""

from __future__ import annotations

from qbm.store.files import Files
from qbm.store.journal import Journal
from qbm.store.leases import Leases
from qbm.store.memory import Memory
from qbm.store.queue import Queue


class Store(Queue, Journal, Memory, Files, Leases):
    """An open database; ``Store.open`` makes one, ``close`` (or ``with``) ends it.

    May be used from several threads.
    """
