"""``share_limits``: groups of torrents, and how long and how fast each is seeded.

Per torrent: its group (``groups``), what that group makes of it now (``ruling``), the state it
should therefore be in, and the changes that lead there (``desired``). All of it is computed
anew in each run; tags and limits of earlier runs are output, never input. Counters:
``updated_share_limits`` (each torrent once), ``cleaned_share_limits``, ``deleted``,
``deleted_contents``, ``tagged``.
"""

from qbm.commands.share_limits.command import counts, needs, plan

__all__ = ["counts", "needs", "plan"]
