"""Breaks payoutd, and what is around it, under load; lets things settle, and checks the whole history. See RELIABILITY.md."""

import argparse
import random
import signal
import sys
import time

from disk import Disk
from run import Run


class Options(argparse.Namespace):
    def told(self):
        """What is going to be broken, in words."""
        counts = {
            "kills": self.kills,
            "episodes": self.episodes,
            "broker faults": self.broker_faults,
            "database faults": self.database_faults,
            "times a full disk": self.disk_full,
        }
        told = [f"{count} {what}" for what, count in counts.items() if count]
        return ", ".join([*told, *(["every named point"] if self.points else [])])


def arguments():
    parser = argparse.ArgumentParser(prog="crash-test", description=__doc__)
    parser.add_argument("--kills", type=int, default=None, help="how often payoutd is killed")
    parser.add_argument("--episodes", type=int, default=0, help="how many faults there are on the way")
    parser.add_argument("--broker-faults", type=int, default=0, help="how often the broker is killed, or blocks")
    parser.add_argument("--database-faults", type=int, default=0, help="how often the database is killed, or its backends end")
    parser.add_argument("--disk-full", type=int, nargs="?", const=3, default=0, help="how often the database's disk is full")
    parser.add_argument("--points", action="store_true", help="die at each named point instead of at random")
    parser.add_argument("--store", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--binary", required=True, help="the payoutd to break")
    parser.add_argument("--seed", type=int, default=None, help="what is random is made from it; times are not")
    parser.add_argument("--seconds-between", default="0.5..4", help="how long it lives once it is ready")
    parser.add_argument("--rate", type=float, default=20, help="quotes asked for in a second")
    parser.add_argument("--settle", type=float, default=120, help="seconds to drain everything at the end")
    parser.add_argument("--park-seconds", type=int, default=5, help="how long reports wait for unknown payouts")
    parser.add_argument("--keep", default=None, help="a directory for the log and the violations")
    chosen = parser.parse_args(namespace=Options())
    others = chosen.episodes or chosen.broker_faults or chosen.database_faults or chosen.points or chosen.disk_full
    if chosen.kills is None:
        chosen.kills = 0 if others else 20
    if chosen.database_faults and chosen.store != "postgres":
        parser.error("a database that fails by itself is PostgreSQL: --store postgres")
    if chosen.disk_full and not Disk.possible():
        print("invalid: --disk-full mounts a small disk, which takes root", file=sys.stderr)
        sys.exit(2)
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(1_000_000)
    least, _, most = chosen.seconds_between.partition("..")
    chosen.least, chosen.most = float(least), float(most or least)
    return chosen


def main():
    began = time.monotonic()
    run = Run(arguments())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = run.whole()
    finally:
        run.end()
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)
    sys.exit(code)


main()
