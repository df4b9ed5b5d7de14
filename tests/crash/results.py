"""The results of a run: passed, failed, or invalid; and its counters."""

from pathlib import Path

import disk

STATUSES = ("pending", "broadcast", "delivered", "failed")
REPORT_TYPES = ("broadcast", "progress", "delivered", "failed")
INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10", "I12", "I14")
# The operations that have to complete in an interval for it to count.
MINIMUM_LOAD = {"create": 1, "report": 3, "poll": 5}


def missed_by_chance(run):
    """The requirements that random kills have not met yet, and that further kills may meet."""
    counts, missed = run.kills.counts, []
    for moment in ("while an execution was in flight", "within 100 ms of a report"):
        if not counts[moment]:
            missed.append(f"no kill {moment}")
    if not run.history.counts["execute: response lost"]:
        missed.append("no execution lost its response")
    if not run.history.counts["streams resumed"]:
        missed.append("no stream was resumed")
    if not run.history.foreign_reads:
        missed.append("no foreign read")
    return missed


def invalid_reasons(run, checks):
    """The reasons for which the run proves nothing."""
    reasons = []
    kills = run.kills
    loaded = sum(
        all(operations[operation] >= least for operation, least in MINIMUM_LOAD.items())
        for operations in kills.intervals
    )
    if loaded < 0.7 * len(kills.intervals) and not run.options.points:
        reasons.append(f"only {loaded} of {len(kills.intervals)} intervals had enough load ({MINIMUM_LOAD})")
    if run.options.kills:
        reasons += missed_by_chance(run)
    cells = [(status, kind) for status in STATUSES for kind in REPORT_TYPES]
    if missing := [f"{status} × {kind}" for status, kind in cells if not checks.cells[(status, kind)]]:
        reasons.append(f"cells never hit: {', '.join(missing)}")
    if kills.points_not_reached:
        reasons.append(f"failpoints never reached: {', '.join(kills.points_not_reached)}")
    if not run.history.foreign_reads and not run.options.kills:
        reasons.append("no foreign read")
    for runner in other_runners(run):
        reasons += runner.invalid_reasons()
    if run.options.disk_full:
        reasons += disk.invalid_reasons(run, run.options.disk_full)
    return reasons + run.delivery_checks.invalid_reasons(run.options.episodes)


def other_runners(run):
    """What injected faults other than kills."""
    return [*([run.episodes] if run.episodes else []), *run.outages]


def print_results(run, checks):
    """Prints the results and returns the exit code."""
    violations = run.history.violations
    print_counters(run, checks)
    print_violations(run, violations)
    print()
    violated = {invariant for invariant, _, _ in violations}
    names = [*INVARIANTS, *sorted(violated - set(INVARIANTS))]
    for name in names:
        print(f"{name}: {'FAILED' if name in violated else 'passed'}")
    print(f"seed {run.seed}")
    if reasons := invalid_reasons(run, checks):
        if not violations:
            print("invalid: " + "; ".join(reasons))
            return 2
        print("also invalid: " + "; ".join(reasons))
    print(f"{len(names) - len(violated)} passed, {len(violated)} failed")
    return 1 if violated else 0


def print_counters(run, checks):
    history = run.history
    print("\n-- counters")
    counters = {f"kills: {name}": count for name, count in sorted(run.kills.counts.items())}
    for runner in other_runners(run):
        counters |= runner.counters()
    counters |= dict(sorted(history.counts.items()))
    counters |= {"foreign reads refused": history.foreign_reads}
    counters |= {f"reports by outcome: {name}": count for name, count in sorted(checks.outcomes.items())}
    counters |= {f"checked: {name}": count for name, count in sorted(checks.checked.items())}
    counters |= {"payouts": len(checks.rows), "peak memory, MiB": run.peak_memory}
    counters |= {"settled in, s": round(run.settled_in, 1), "violations": len(history.violations)}
    for name, value in counters.items():
        print(f"{value:>10}  {name}")
    print("\n-- reports by the payout's status and the report's type")
    print(" " * 12 + "".join(f"{kind:>11}" for kind in REPORT_TYPES))
    for status in STATUSES:
        print(f"{status:>12}" + "".join(f"{checks.cells[(status, kind)]:>11}" for kind in REPORT_TYPES))


def print_violations(run, violations):
    """Prints the first violations. With `--keep`, writes all of them to a file."""
    if not violations:
        return
    print(f"\n-- violations (seed {run.seed})")
    lines = [f"{invariant}: {payout or ''} {description}" for invariant, description, payout in violations]
    for line in lines[:20]:
        print(line[:4000])
    payouts = list(dict.fromkeys(payout for _, _, payout in violations if payout))
    descriptions = [run.history.describe_payout(payout) for payout in payouts[:10]]
    print("\n".join(descriptions[:3]))
    if run.options.keep:
        directory = Path(run.options.keep)
        directory.mkdir(parents=True, exist_ok=True)
        text = "\n".join([f"seed {run.seed}", *lines, *descriptions])
        (directory / "violations.txt").write_text(text)
