"""What each generation of qBittorrent does differently, as measured on the real servers.

The contract tests compare every profile with the real server of its generation. The
defaults are those of the newest one; the older ones name what they lack.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace


class ErrorBody(StrEnum):
    """What the body of an error without a text of its own says."""

    EMPTY = "empty"
    """Nothing at all, and no Content-Type."""
    PHRASE = "phrase"
    """The status' own phrase, such as ``Bad Request``."""
    EXPLAINED = "explained"
    """Which parameters are missing, or that there is no such endpoint; else the phrase."""


class FolderNames(StrEnum):
    """How a category's name becomes the name of its folder, if it has no path of its own."""

    BLANKED_TRIMMED = "blanked, trimmed"
    BLANKED = "blanked"
    UNDERSCORED = "underscored"


class SamePath(StrEnum):
    """What ``editCategory`` does with the path that the category has already."""

    REFUSED = "refused"
    IGNORED = "ignored"


class Profile(Struct, frozen=True, kw_only=True):
    """One generation: its versions, and a name for everything that differs from another's."""

    version: str
    web_api: str

    # Requests and errors
    error_body: ErrorBody = ErrorBody.EXPLAINED
    text_type: str = "text/plain; charset=UTF-8"
    checks_methods: bool = True
    """Writes must be POST (405); 4.2.5 takes them by GET as well."""
    unknown_method: int = 501

    heeds_forwarded_host: bool = False
    """``X-Forwarded-Host`` stands for Host when an Origin is compared with it."""

    # Logging in
    login_accepted: tuple[int, str] = (204, "")
    login_refused: tuple[int, str] = (401, "Unauthorized")
    cookie_has_port: bool = True
    """The session's cookie is ``QBT_SID_<port>``, else ``SID``."""
    has_api_key: bool = True

    # Torrents
    says_stopped: bool = True
    """``stop``, ``start`` and ``stoppedUP``; else ``pause``, ``resume`` and ``pausedUP``."""
    knows_v2: bool = True
    """Version 2 hashes; without them a hybrid torrent is known by its v1 hash alone."""
    tells_paths: bool = True
    """``content_path``, ``download_path``, hashes of both versions, ``trackers_count``."""
    tells_private: bool = True
    """``private``, ``has_metadata``, ``root_path``, ``comment`` in ``torrents/info``."""
    tells_pieces: bool = True
    """``piece_size``, ``created_by``, ``share_limit_action`` and the like."""
    tells_first_tracker: bool = True
    """``tracker`` is the first URL if none works; else it is empty then."""
    includes_trackers: bool = True
    includes_files: bool = True
    finds_any_case: bool = True
    """``torrents/info?hashes=`` takes upper case."""
    refuses_unknown_sort: bool = True
    empty_past_the_end: bool = True
    """An ``offset`` past the last torrent answers none; else it is ignored."""
    never: int = -1
    """What ``completion_on`` and ``seen_complete`` are before that has happened."""
    has_export: bool = True
    has_twice: tuple[int, str] = (409, "Conflict")
    """What ``torrents/add`` says where it adds nothing, for it has all of them."""
    has_none: tuple[int, str] = (409, "Conflict")
    """What ``torrents/add`` says where it is sent no torrent."""
    counts_added: bool = True
    """``torrents/add`` answers which torrents it has added, in JSON; else ``Ok.``."""
    renames_paths: bool = True
    """``renameFile`` by path; else a file by its number, within its folder."""
    limit_parameters: tuple[str, ...] = (
        *("ratioLimit", "seedingTimeLimit", "inactiveSeedingTimeLimit"),
        *("shareLimitAction", "shareLimitsMode"),
    )
    """What ``setShareLimits`` cannot do without."""
    cuts_limits: bool = False
    """A torrent's ratio limit is at most 9999, its seeding time 525600 minutes."""
    checks_act: bool = True
    """``max_ratio_act`` that means nothing becomes 0."""
    has_limits_mode: bool = True
    """``share_limits_mode`` in ``app/preferences``."""
    takes_bare_limits: bool = True
    """``max_ratio`` counts without ``max_ratio_enabled`` beside it."""
    unset_limit: int = 0
    """``up_limit`` and ``dl_limit`` of a torrent that never had one."""
    indexes_files: bool = True
    normal_priority: int = 1

    # Trackers
    has_tracker_map: bool = True
    """``trackers`` in ``sync/maindata``."""
    tells_tracker_errors: bool = True
    """Statuses 5 and 6, ``updating``, and ``has_tracker_error`` in ``sync/maindata``."""
    pseudo_tier: int | str = -1
    unknown_peers: int = -1
    repeats_warnings: bool = True
    """The warning of a working tracker stands in its row's ``msg``."""

    # Categories and paths
    folder_names: FolderNames = FolderNames.UNDERSCORED
    nests_categories: bool = True
    """``a/b`` makes ``a`` too, inherits its path, and goes with it."""
    categories_have_limits: bool = True
    categories_have_download_path: bool = True
    path_suffix: str = ""
    """4.2.5 ends every save path with a slash, and leaves paths as they were written."""
    same_path: SamePath = SamePath.IGNORED
    edit_needs_path: bool = False
    missing_category: tuple[int, str] = (404, "Category does not exist")
    edit_moves: bool = False
    """4.5.2 moves automatic torrents to the edited path before it makes them manual."""

    # sync/maindata
    counts_responses: bool = True
    """``rid`` goes on counting; else ``rid=0`` starts it at 1 again."""
    tells_empty_parts: bool = False
    """A full update has ``categories``, ``tags`` and the like also where there are none."""


V5_3 = Profile(version="5.3.0", web_api="2.16.2")
V5_1 = replace(
    V5_3,
    version="5.1.0",
    web_api="2.11.4",
    error_body=ErrorBody.PHRASE,
    heeds_forwarded_host=True,
    login_accepted=(200, "Ok."),
    login_refused=(200, "Fails."),
    cookie_has_port=False,
    has_api_key=False,
    tells_pieces=False,
    limit_parameters=("ratioLimit", "seedingTimeLimit", "inactiveSeedingTimeLimit"),
    cuts_limits=True,
    has_limits_mode=False,
    has_twice=(200, "Fails."),
    has_none=(200, "Fails."),
    counts_added=False,
    takes_bare_limits=False,
    includes_files=False,
    empty_past_the_end=False,
    tells_tracker_errors=False,
    folder_names=FolderNames.BLANKED,
    nests_categories=False,
    categories_have_limits=False,
    same_path=SamePath.REFUSED,
    edit_needs_path=True,
    missing_category=(409, "Unable to edit category"),
)
V4_5 = replace(
    V5_1,
    version="4.5.2",
    web_api="2.8.19",
    unknown_method=400,
    says_stopped=False,
    tells_private=False,
    limit_parameters=("ratioLimit", "seedingTimeLimit"),
    checks_act=False,
    tells_first_tracker=False,
    includes_trackers=False,
    never=0,
    edit_moves=True,
    counts_responses=False,
    tells_empty_parts=True,
)
V4_2 = replace(
    V4_5,
    version="4.2.5",
    web_api="2.5.1",
    error_body=ErrorBody.EMPTY,
    text_type="text/plain",
    checks_methods=False,
    knows_v2=False,
    tells_paths=False,
    has_export=False,
    has_twice=(200, "Ok."),
    has_none=(200, "Fails."),
    renames_paths=False,
    unset_limit=-1,
    finds_any_case=False,
    refuses_unknown_sort=False,
    indexes_files=False,
    normal_priority=4,
    has_tracker_map=False,
    pseudo_tier="",
    unknown_peers=0,
    repeats_warnings=False,
    folder_names=FolderNames.BLANKED_TRIMMED,
    categories_have_download_path=False,
    path_suffix="/",
    edit_moves=False,
)

PROFILES: dict[str, Profile] = {each.version: each for each in (V4_2, V4_5, V5_1, V5_3)}
"""By qBittorrent's version, oldest first."""


def profile_of(web_api: str) -> Profile:
    """The profile of a server that says ``web_api``: the newest that is not newer than it.

    A server older than all of them gets the oldest.
    """
    asked = _numbers(web_api)
    fitting = [each for each in PROFILES.values() if _numbers(each.web_api) <= asked]
    return fitting[-1] if fitting else V4_2


def _numbers(web_api: str) -> tuple[int, ...]:
    return tuple(int(part) for part in web_api.split("."))
