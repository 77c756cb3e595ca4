"""Runs a simulated server in the foreground: ``python -m qbm.simulator --torrents 1000``."""

from __future__ import annotations

import argparse
import asyncio
import sys

from qbm.simulator import PROFILES, Credentials, Simulator, sample_torrents


def main(arguments: list[str]) -> None:
    """Serves until Ctrl-C; says where."""
    parser = argparse.ArgumentParser(prog="python -m qbm.simulator", description=__doc__)
    parser.add_argument("--version", choices=PROFILES, default="5.1.0", help="which generation")
    parser.add_argument("--torrents", type=int, default=100, help="how many to make")
    parser.add_argument("--seed", type=int, default=0, help="another library of that size")
    parser.add_argument("--port", type=int, default=0, help="0 draws a free one")
    parser.add_argument("--login", action="store_true", help="ask for admin and adminadmin")
    asked = parser.parse_args(arguments)
    profile = PROFILES[asked.version]
    simulator = Simulator(profile, Credentials(required=asked.login))
    v2_only = 0.02 if profile.knows_v2 else 0.0
    simulator.add(sample_torrents(asked.torrents, seed=asked.seed, v2_only=v2_only))
    try:
        asyncio.run(_serve(simulator, asked.port))
    except KeyboardInterrupt:
        sys.exit(130)


async def _serve(simulator: Simulator, port: int) -> None:
    async with simulator.serve(port=port) as url:
        sys.stdout.write(f"qBittorrent {simulator.profile.version}, simulated, at {url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
