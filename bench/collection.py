"""The library that both programs put in order: a mixture such as people have.

Every rule of the two commands decides about some of it, and nothing in it meets a deliberate
difference between the programs, so the results must be equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.servers import Server
from tests.lab.torrents import Kind, Torrent

_ALPHA = "https://tracker.alpha.invalid:443/announce/passkey"
_BETA = "https://beta.invalid/announce/passkey"
_BETA_MIRROR = "udp://mirror.beta.invalid:6969/announce"
_GAMMA = "https://gamma.invalid/announce/passkey"
_UNLISTED = "https://tracker.delta.invalid/announce/passkey"


@dataclass(frozen=True, slots=True)
class Group:
    """Torrents that are alike: ``percent`` of the library."""

    name: str
    percent: int
    folder: str
    trackers: tuple[str, ...] = ()
    category: str = ""
    tags: tuple[str, ...] = ()
    content: Content = Content.COMPLETE
    is_private: bool = False
    kind: Kind = Kind.V1

    def torrents(self, count: int) -> Iterator[Torrent]:
        """``count`` different torrents of this group."""
        for number in range(count):
            name = f"{self.name} · {number:05}"
            yield torrents.single(
                name, *self.trackers, size=100, is_private=self.is_private, kind=self.kind
            )


_GROUPS = (
    Group("Film", 20, "movies", (_ALPHA,)),
    Group("Фильм", 5, "movies", (_ALPHA,), kind=Kind.HYBRID),
    Group("Series one", 10, "tv/one", (_BETA, _UNLISTED)),
    Group("Series two", 10, "tv/two/season 1", (_UNLISTED, _BETA_MIRROR), is_private=True),
    Group("Tagged in part", 10, "music", (_ALPHA,), tags=("alpha", "mine"), is_private=True),
    Group("No tracker", 5, "music"),
    Group("Category by tracker", 10, "seeds", (_GAMMA,)),
    Group("All right already", 10, "books", (_BETA,), category="books", tags=("beta",)),
    Group("Category by hand", 5, "movies", (_BETA,), category="keep", is_private=True),
    Group("To be left", 5, "incoming", (_UNLISTED,)),
    Group("Incomplete", 5, "movies", (_ALPHA,), content=Content.MISSING),
    Group("Moves on", 5, "tv/one", (_BETA,), category="sonarr"),
)

# Those of one folder are made by the programs. A category over several folders would get the
# folder of whichever torrent comes first, and that is no rule to compare by.
_CATEGORIES = {"tv": "tv", "books": "books", "keep": "keep", "sonarr": "tv/one"}


@dataclass(frozen=True, slots=True)
class Collection:
    """``count`` torrents whose content lies below ``root``, wherever a server's profile is."""

    count: int
    root: Path
    groups: tuple[Group, ...] = field(default=_GROUPS)

    def fill(self, server: Server) -> None:
        """Adds everything, stopped: the servers' own announcing would be noise."""
        for name, folder in _CATEGORIES.items():
            path = str(self.root / folder)
            server.api.post("torrents/createCategory", category=name, savePath=path)
        for group, count in zip(self.groups, self._counts(), strict=True):
            if count:
                library.add(
                    server,
                    *group.torrents(count),
                    content=group.content,
                    category=group.category,
                    tags=group.tags,
                    save_path=self.root / group.folder,
                )

    def config(self, address: str, username: str, password: str) -> str:
        """The YAML file for a server at ``address`` (``host:port``), as a user has it."""
        return f"""\
qbt:
  host: {address}
  user: {username}
  pass: {password}
settings:
  cat_filter_completed: true
  cat_update_all: true
  force_auto_tmm: false
  private_tag: private
directory:
  root_dir: {self.root}
cat:
  movies: {self.root}/movies
  tv: {self.root}/tv/*
  music: {self.root}/music/
  books: {self.root}/books
  Uncategorized: {self.root}/incoming
cat_change:
  sonarr: tv
tracker:
  alpha.invalid:
    tag: [alpha, ratioless]
  mirror.beta.invalid|beta.invalid:
    tag: beta
  gamma:
    tag: gamma
    cat: cross-seed
  other:
    tag: other
recyclebin:
  enabled: false
"""

    def _counts(self) -> list[int]:
        """How many of each group; what rounding leaves over goes to the first."""
        counts = [self.count * group.percent // 100 for group in self.groups]
        counts[0] += self.count - sum(counts)
        return counts
