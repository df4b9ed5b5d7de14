"""Injects faults into payoutd and its dependencies under load, waits until all work is done, and checks the
whole history. See RELIABILITY.md."""

import argparse
import random
import signal
import sys
import time

from disk import LimitedDisk
from run import Run


class Options(argparse.Namespace):
    def describe_faults(self):
        counts = {
            "kills": self.kills,
            "episodes": self.episodes,
            "broker faults": self.broker_faults,
            "database faults": self.database_faults,
            "disk-full faults": self.disk_full,
        }
        faults = [f"{count} {kind}" for kind, count in counts.items() if count]
        return ", ".join([*faults, *(["every named point"] if self.points else [])])


def parse_arguments():
    parser = argparse.ArgumentParser(prog="crash-test", description=__doc__)
    parser.add_argument("--kills", type=int, default=None, help="number of times payoutd is killed")
    parser.add_argument("--episodes", type=int, default=0, help="number of connection faults")
    parser.add_argument(
        "--broker-faults",
        type=int,
        default=0,
        help="number of times the broker is killed or blocks publishers",
    )
    parser.add_argument(
        "--database-faults", type=int, default=0, help="number of times PostgreSQL or its backends are killed"
    )
    parser.add_argument(
        "--disk-full",
        type=int,
        nargs="?",
        const=3,
        default=0,
        help="number of times the database's disk is full",
    )
    parser.add_argument(
        "--points", action="store_true", help="abort at each failpoint instead of random kills"
    )
    parser.add_argument("--store", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--binary", required=True, help="path of the payoutd under test")
    parser.add_argument("--seed", type=int, default=None, help="seed of the load; timing is not seeded")
    parser.add_argument(
        "--seconds-between", default="0.5..4", help="seconds between readiness and the next kill"
    )
    parser.add_argument("--rate", type=float, default=20, help="quotes per second")
    parser.add_argument("--settle", type=float, default=120, help="seconds allowed for all work to finish")
    parser.add_argument(
        "--park-seconds", type=int, default=5, help="seconds a report for an unknown payout is parked"
    )
    parser.add_argument("--keep", default=None, help="directory that receives the log and the violations")
    options = parser.parse_args(namespace=Options())
    other_faults = (
        options.episodes
        or options.broker_faults
        or options.database_faults
        or options.points
        or options.disk_full
    )
    if options.kills is None:
        options.kills = 0 if other_faults else 20
    if options.database_faults and options.store != "postgres":
        parser.error("--database-faults needs --store postgres")
    if options.disk_full and not LimitedDisk.can_mount():
        print("invalid: --disk-full mounts a file system and needs root", file=sys.stderr)
        sys.exit(2)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1_000_000)
    least, _, most = options.seconds_between.partition("..")
    options.least, options.most = float(least), float(most or least)
    return options


def main():
    began = time.monotonic()
    run = Run(parse_arguments())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        exit_code = run.execute()
    finally:
        run.clean_up()
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)
    sys.exit(exit_code)


main()
