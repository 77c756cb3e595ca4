#!/bin/sh
# Asks qBit Manage to tag one torrent and to set its share limits: for qBittorrent's
# Options → Downloads → "Run on torrent finished", as
#
#   /path/to/run_qbit_manage_commands.sh "%K"
#
# %K is the torrent's id (qBittorrent 4.4 and newer). "%I", its v1 hash, does too, but torrents
# of BitTorrent v2 alone have none: qBittorrent puts "-" there.
#
# QBM_URL is where qBit Manage answers, if not on this machine at port 8080; between containers
# it has the container's name:
#
#   env QBM_URL=http://qbit_manage:8080 /path/to/run_qbit_manage_commands.sh "%K"
#
# Needs curl or wget. What is sent and what comes back is printed, and appended to a log of this
# script's name beside it. The exit status is 0 if qBit Manage has done it, or has kept the
# request until the run that is under way has ended, and 1 otherwise.

commands='"tag_update", "share_limits"'
url=${QBM_URL:-http://127.0.0.1:8080}
url=${url%/}/api/run-command
seconds=900 # a run may have a long one before it; qBittorrent does not wait for this script

# qBit Manage is on this machine or in its network, never behind a proxy of the environment.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

main() {
    if [ "$#" -ne 1 ]; then
        echo "Usage: $0 HASH" >&2
        echo "In qBittorrent, under \"Run on torrent finished\": $0 \"%K\"" >&2
        exit 1
    fi
    open_log
    case $1 in
    '' | -)
        fail 'This torrent has no v1 hash. Write "%K" instead of "%I" in qBittorrent.'
        ;;
    *[!0-9A-Fa-f]*)
        fail "$(printable "$1") is no hash. Write \"%K\" in qBittorrent (before 4.4: \"%I\")."
        ;;
    esac
    if [ "${#1}" -ne 40 ] && [ "${#1}" -ne 64 ]; then
        fail "$1 is no hash: it has ${#1} digits, not 40 or 64."
    fi
    body="{\"commands\": [$commands], \"hashes\": [\"$1\"]}"
    say "POST $(without_password "$url") $body"
    ask
}

# Posts $body to $url; ends the script.
ask() {
    if command -v curl >/dev/null 2>&1; then
        ask_with_curl
    elif command -v wget >/dev/null 2>&1; then
        ask_with_wget
    else
        fail 'Neither curl nor wget is here: install one of them.'
    fi
    if [ "$is_done" = yes ]; then
        say "$answer"
        exit 0
    fi
    fail "$answer"
}

ask_with_curl() {
    answer=$(curl --silent --show-error --max-time "$seconds" --write-out ' (status %{http_code})' \
        --header 'Content-Type: application/json' --data "$body" "$url" 2>&1)
    case $answer in
    *' (status 200)') is_done=yes answer=${answer%' (status 200)'} ;;
    *' (status 000)') is_done=no answer="No answer: $(one_line "${answer%' (status 000)'}")" ;;
    *) is_done=no ;;
    esac
}

ask_with_wget() {
    # GNU's wget must be told to show why a request was refused, and to send a password at once.
    # BusyBox's cannot do the former, and may crash on what it does not know; it waits as long by
    # itself, and does not try again.
    options=-q
    if wget --help 2>&1 | grep -q -e --content-on-error; then
        options="-nv --content-on-error --auth-no-challenge -t 1 -T $seconds"
    fi
    # shellcheck disable=SC2086 # several words
    if answer=$(wget $options -O - --header 'Content-Type: application/json' \
        --post-data "$body" "$url" 2>&1); then
        is_done=yes answer="${answer%\}*}}" # GNU's wget adds what it has done
    else
        is_done=no answer="wget has failed ($?): $(one_line "$answer")"
    fi
}

open_log() {
    log=$(dirname -- "$0")/$(basename -- "$0" .sh).log
    if ! (: >>"$log") 2>/dev/null; then
        echo "$log cannot be written: nothing is logged." >&2
        log=/dev/null
    fi
}

say() {
    line="$(date '+%Y-%m-%d %H:%M:%S') $1"
    printf '%s\n' "$line"
    printf '%s\n' "$line" >>"$log"
}

fail() {
    say "$1" >&2
    exit 1
}

one_line() {
    printf '%s' "$1" | tr '\n' ' '
}

printable() {
    printf '%s' "$1" | tr -cd '[:alnum:] ._%-' | cut -c 1-80
}

without_password() {
    printf '%s' "$1" | sed 's|//[^/@]*@|//***@|'
}

main "$@"
