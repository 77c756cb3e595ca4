"""``directory``, ``recyclebin`` and ``orphaned``: folders, and the bins in them."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, model_validator

from qbm.config.schema.kinds import LARGEST_NUMBER, Count, Items, Name
from qbm.config.schema.section import Section, all_wrong, wrong
from qbm.model.paths import is_below


class Root(NamedTuple):
    """A folder of downloads, as qBittorrent names it and as this machine does."""

    root_dir: str
    remote_dir: str


def _in_each_root(name: str) -> Any:  # noqa: ANN401 - pydantic's Field answers Any as well
    """A field whose default is the folder ``name`` in each remote folder."""

    def default(said: dict[str, Any]) -> tuple[str, ...]:
        return tuple(f"{folder.rstrip('/')}/{name}" for folder in said.get("remote_dir", ()))

    return default


class Directory(Section):
    """``directory``: where the downloads and the bins are."""

    root_dir: Items = Field(
        default=(),
        description="Folder of the downloads as qBittorrent names it, or a list of folders. "
        "Needed by `rem_orphaned`, by `tag_nohardlinks`, and by removals with the recycle bin on.",
    )
    remote_dir: Items = Field(
        default_factory=lambda said: said.get("root_dir", ()),
        description="The same folder as this machine names it; one for each of `root_dir`, in "
        "the same order. The same as `root_dir` by default.",
    )
    recycle_bin: Items = Field(
        default_factory=_in_each_root(".RecycleBin"),
        description="Folder for the files of removed torrents, as this machine names it. "
        "`.RecycleBin` in each `remote_dir` by default.",
        max_length=1,
    )
    orphaned_dir: Items = Field(
        default_factory=_in_each_root("orphaned_data"),
        description="Folder for orphaned files, as this machine names it. `orphaned_data` in "
        "each `remote_dir` by default.",
        max_length=1,
    )
    torrents_dir: Name | None = Field(
        default=None,
        description="qBittorrent's folder `BT_backup`, as this machine names it. Servers before "
        "4.5 do not hand out a `.torrent`: without this, what is removed there cannot be restored.",
    )

    @model_validator(mode="after")
    def _paired(self) -> Self:
        own, here = len(self.root_dir), len(self.remote_dir)
        if own != here:
            reason = f"the folders here ({here}) and those of root_dir ({own}) make no pairs"
            all_wrong([(("remote_dir",), wrong(reason, "one for each of root_dir, in its order"))])
        return self

    @model_validator(mode="after")
    def _bins_apart(self) -> Self:
        """A bin that is or holds the downloads would be emptied of them."""
        bins = {"recycle_bin": self.recycle_bin, "orphaned_dir": self.orphaned_dir}
        all_wrong(
            ((name,), wrong(f"it is or holds {root}, which is no bin", "a folder of its own"))
            for name, folders in bins.items()
            for folder in folders
            for root in self.remote_dir
            if is_below(root, folder)
        )
        return self

    @property
    def roots(self) -> tuple[Root, ...]:
        """Each folder of downloads with its two names."""
        return tuple(map(Root, self.root_dir, self.remote_dir))


class RecycleBin(Section):
    """``recyclebin``: what becomes of the files of removed torrents."""

    enabled: bool = Field(
        default=True,
        description="Move the files of removed torrents into the bin. `false`: delete them.",
    )
    empty_after_x_days: Count | None = Field(
        default=None,
        description="Days after which files in the bin are deleted for good: `0` in the same "
        "run; without a value never.",
    )
    save_torrents: bool = Field(
        default=False,
        description="Also put a copy of the `.torrent` into the bin, as the older tool does. "
        "The state folder has one in any case.",
    )
    split_by_category: bool = Field(
        default=False,
        description="A bin in each save path, under the bin's name, instead of one for all.",
    )


class Orphaned(Section):
    """``orphaned``: which files are left alone, and what becomes of the others."""

    empty_after_x_days: Count | None = Field(
        default=None,
        description="Days after which orphaned files are deleted for good: `0` at once, without "
        "a way back; without a value never.",
    )
    exclude_patterns: Items = Field(
        default=(),
        description="Files that are never orphans, as patterns of the whole path; `*` also "
        "spans folders.",
    )
    max_orphaned_files_to_delete: Annotated[int, Field(ge=-1, le=LARGEST_NUMBER)] = Field(
        default=50,
        description="If there are more orphans than this, none is touched; `-1` for no cap.",
    )
    min_file_age_minutes: Count = Field(
        default=0, description="Files younger than this are no orphans."
    )
