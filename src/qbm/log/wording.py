"""Events of the log as sentences for people who are no programmers.

Each function words one event from its fields; all fields are clean already (no secret, no
control character).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from qbm.log.screen import cut

Fields: TypeAlias = Mapping[str, Any]

LONGEST_NAME: Final = 48
"""Columns of a torrent's name; some have 250, and the hash tells which one is meant."""
SHORT_HASH: Final = 8

_COUNTERS: Final = {
    "categorized": ("category set", "categories set"),
    "tagged": ("tag added", "tags added"),
    "rem_unreg": ("unregistered torrent removed", "unregistered torrents removed"),
    "tagged_tracker_error": ("tagged for a tracker error", "tagged for a tracker error"),
    "untagged_tracker_error": ("tracker error over", "tracker errors over"),
    "resumed": ("started", "started"),
    "rechecked": ("rechecked", "rechecked"),
    "orphaned": ("orphaned file put away", "orphaned files put away"),
    "tagged_noHL": ("tagged for want of hard links", "tagged for want of hard links"),
    "untagged_noHL": ("hard link found again", "hard links found again"),
    "updated_share_limits": ("share limit set", "share limits set"),
    "cleaned_share_limits": ("removed at its share limit", "removed at their share limit"),
    "deleted": ("torrent removed", "torrents removed"),
    "deleted_contents": ("torrent removed with its content", "torrents removed with content"),
    "recycle_emptied": ("file of the recycle bin deleted", "files of the recycle bin deleted"),
    "orphaned_emptied": ("orphaned file deleted", "orphaned files deleted"),
    "added": ("torrent added", "torrents added"),
}


def worded(event: Fields) -> str:
    """The event as one line; an event that nobody has worded shows its name and fields.

    Where runs of several servers are at work at once, each line names its config.
    """
    word = _WORDS.get(event["event"])
    text = word(event) if word else _as_fields(event)
    return f"[{event['config']}] {text}" if "config" in event else text


def counted(stats: Mapping[str, int]) -> str:
    """The counters that are not 0, in words."""
    return ", ".join(
        f"{stats[name]:,} {several if stats[name] > 1 else one}"
        for name, (one, several) in _COUNTERS.items()
        if stats.get(name)
    )


def number_of(things: str, number: int) -> str:
    """``1 torrent`` or ``2,000 torrents``, given the plural."""
    return f"{number:,} {things if number != 1 else things.removesuffix('s')}"


def titled(name: str, torrent_hash: str) -> str:
    """A torrent as people and logs know it: its name, and the start of its hash."""
    return f"{cut(name, LONGEST_NAME)} [{torrent_hash[:SHORT_HASH]}]"


def _subject(event: Fields) -> str:
    """The command, and the torrent if the event is about one."""
    command = f"{event['command']:<10}"
    if "hash" not in event:
        return command
    return f"{command}  {titled(event['torrent'], event['hash'])}"


def _change(event: Fields) -> str:
    return f"{_subject(event)}  {event['what']}: {event['reason']}"


def _would_change(event: Fields) -> str:
    return f"[dry run] {_change(event)}"


def _left_alone(event: Fields) -> str:
    """With the whole hash: it is told to those who look into one torrent, for ``--hash``."""
    name = cut(event["torrent"], LONGEST_NAME)
    return f"{event['command']:<10}  {name} [{event['hash']}]  left alone: {event['reason']}"


def _deferred(event: Fields) -> str:
    return f"{_subject(event)}  later: {event['reason']}"


def _notice(event: Fields) -> str:
    return f"{_subject(event)}  {event['reason']}"


def _refused(event: Fields) -> str:
    return f"{_subject(event)}  REFUSED: {event['reason']}"


def _not_changed(event: Fields) -> str:
    return f"{_subject(event)}  NOT DONE, {event['what']}: {event['detail']}"


def _run_started(event: Fields) -> str:
    what = ", ".join(event["commands"])
    return f"qbm {event['version']}: {what} on {event['server']} ({event['config_path']})"


def _dry_run(_: Fields) -> str:
    return "DRY RUN: nothing will be changed, on the server or in your files"


def _run_ended(event: Fields) -> str:
    what, changes = counted(event["stats"]), number_of("changes", event["planned"])
    if not event["planned"]:
        result = "Nothing to change" if event["whole"] else "Nothing was changed"
    elif event["mode"] == "dry":
        result = f"Dry run: {what or changes}; but nothing was changed"
    elif event["whole"]:
        result = f"Done: {what or changes}"
    elif what:
        result = f"Done in part: {what}; see the warnings above"
    else:
        result = "Not all of it could be done; see the warnings above"
    return f"{result}. {number_of('torrents', event['torrents'])}, {_lasted(event['seconds'])}."


def _lasted(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"


def _settled(event: Fields) -> str:
    changes = number_of("changes", event["changes"])
    return f"An earlier run was cut off; looked into {changes} that it had begun."


def _removals_unfinished(event: Fields) -> str:
    torrents = number_of("torrents", event["torrents"])
    return f"The removal of {torrents} was cut off; the next run that is not dry finishes it."


def _removal_finished(event: Fields) -> str:
    torrent = titled(event["torrent"], event["hash"])
    return f"Finished the removal of {torrent}, which was cut off."


def _removal_not_finished(event: Fields) -> str:
    torrent = titled(event["torrent"], event["hash"])
    return f"The removal of {torrent} was cut off: {event['detail']}"


def _restores_unfinished(event: Fields) -> str:
    torrents = number_of("torrents", event["torrents"])
    return f"The restore of {torrents} was cut off; the next run that is not dry finishes it."


def _restore_finished(event: Fields) -> str:
    torrent = titled(event["torrent"], event["hash"])
    return f"Finished the restore of {torrent}, which was cut off."


def _restore_not_finished(event: Fields) -> str:
    torrent = titled(event["torrent"], event["hash"])
    return f"The restore of {torrent} was cut off: {event['detail']}"


def _moving(event: Fields) -> str:
    done = event["copied"] * 100 // event["size"] if event["size"] else 100
    return f"Copying {event['file']} to another disk: {done} %"


def _waiting_for_server(_: Fields) -> str:
    return "Another run is at work on this qBittorrent; waiting until it is done."


def _waiting_for_folder(event: Fields) -> str:
    return f"Waiting for {event['occupant']}, which is at work on this folder."


def _stopping(_: Fields) -> str:
    return "Stopping as soon as nothing is half done; once more (Ctrl-C, SIGTERM) to end at once."


def _certificate_unchecked(event: Fields) -> str:
    return (
        f"The certificate of {event['server']} is not checked; qbt.verify_certificate: true "
        "would have it checked."
    )


def _queue_goes_on(event: Fields) -> str:
    return f"Going on with {number_of('runs', event['runs'])} that the last server had accepted."


def _queue_waits(event: Fields) -> str:
    runs = number_of("runs", event["runs"])
    return f"{runs} of the Web API wait for its server (qbm serve), and go on when it starts."


def _serving(event: Fields) -> str:
    return (
        f"Serving the Web API at {event['url']} (listening on {event['host']}) for the configs in "
        f"{event['folder']}. Ctrl-C ends it."
    )


def _posting(event: Fields) -> str:
    return f"The server at {event['url']} is at work on this folder: it carries this out in turn."


def _text(event: Fields) -> str:
    return str(event["text"])


def _as_fields(event: Fields) -> str:
    fields = (f"{name}={value}" for name, value in event.items() if name != "event")
    return " ".join([str(event["event"]), *fields])


_WORDS: Final[Mapping[str, Callable[[Fields], str]]] = {
    "run_started": _run_started,
    "dry_run": _dry_run,
    "change": _change,
    "would_change": _would_change,
    "left_alone": _left_alone,
    "deferred": _deferred,
    "notice": _notice,
    "refused": _refused,
    "not_changed": _not_changed,
    "run_ended": _run_ended,
    "settled": _settled,
    "removals_unfinished": _removals_unfinished,
    "removal_finished": _removal_finished,
    "removal_not_finished": _removal_not_finished,
    "restores_unfinished": _restores_unfinished,
    "restore_finished": _restore_finished,
    "restore_not_finished": _restore_not_finished,
    "moving": _moving,
    "waiting_for_server": _waiting_for_server,
    "waiting_for_folder": _waiting_for_folder,
    "warning": _text,
    "failed": _text,
    "crashed": _text,
    "stopping": _stopping,
    "queue_goes_on": _queue_goes_on,
    "serving": _serving,
    "posting": _posting,
    "queue_waits": _queue_waits,
    "queue_trouble": _text,
    "http_server": _text,
    "certificate_unchecked": _certificate_unchecked,
}
