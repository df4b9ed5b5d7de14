"""Kills payoutd under load, again and again, lets things settle, and checks the whole history. See RELIABILITY.md."""

import argparse
import random
import sys
import time

from run import Run


def arguments():
    parser = argparse.ArgumentParser(prog="crash-test", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often payoutd is killed")
    parser.add_argument("--store", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--binary", required=True, help="the payoutd to kill")
    parser.add_argument("--seed", type=int, default=None, help="what is random is made from it; times are not")
    parser.add_argument("--seconds-between", default="0.5..4", help="how long it lives once it is ready")
    parser.add_argument("--rate", type=float, default=20, help="quotes asked for in a second")
    parser.add_argument("--broker-every", type=int, default=0, help="kill the broker with every so many kills")
    parser.add_argument("--database-every", type=int, default=0, help="break the database with every so many kills")
    parser.add_argument("--points", action="store_true", help="die at each named point instead of at random")
    parser.add_argument("--settle", type=float, default=120, help="seconds to drain everything at the end")
    parser.add_argument("--park-seconds", type=int, default=5, help="how long reports wait for unknown payouts")
    parser.add_argument("--keep", default=None, help="a directory for the log and the violations")
    chosen = parser.parse_args()
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(1_000_000)
    least, _, most = chosen.seconds_between.partition("..")
    chosen.least, chosen.most = float(least), float(most or least)
    return chosen


def main():
    began = time.monotonic()
    run = Run(arguments())
    try:
        code = run.whole()
    finally:
        run.end()
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)
    sys.exit(code)


main()
