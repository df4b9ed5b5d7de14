"""Whether the run passed, failed, or proves nothing; and the figures."""

from pathlib import Path

import disk

STATES = ("pending", "broadcast", "delivered", "failed")
REPORTS = ("broadcast", "progress", "delivered", "failed")
INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10", "I12", "I14")
ENOUGH = {"create": 1, "report": 3, "poll": 5}


def unlucky(run):
    """What kills at random have missed so far, and a few more may hit."""
    counts = run.kills.counts
    why = [f"no kill hit {what}" for what in ("while an execution was in flight", "within 100 ms of a report") if not counts[what]]
    if not run.history.counts["execute: answer lost"]:
        why.append("no execution lost its answer")
    if not run.history.counts["streams resumed"]:
        why.append("no stream was resumed")
    if not run.history.strangers:
        why.append("no stranger asked")
    return why


def gates(run, checks):
    """Why the run proves nothing, if it does not."""
    why = []
    kills = run.kills
    full = sum(all(interval[what] >= least for what, least in ENOUGH.items()) for interval in kills.intervals)
    if full < 0.7 * len(kills.intervals) and not run.options.points:
        why.append(f"only {full} of {len(kills.intervals)} lives did enough ({ENOUGH})")
    if run.options.kills:
        why += unlucky(run)
    never = [f"{state} × {kind}" for state in STATES for kind in REPORTS if not checks.cells[(state, kind)]]
    if never:
        why.append(f"cells never hit: {', '.join(never)}")
    if kills.missed:
        why.append(f"points never passed: {', '.join(kills.missed)}")
    if not run.history.strangers and not run.options.kills:
        why.append("no stranger asked")
    for more in parts(run):
        why += more.gates()
    if run.options.disk_full:
        why += disk.gates(run, run.options.disk_full)
    why += run.told.gates(run.options.episodes)
    return why


def parts(run):
    """What was broken besides payoutd itself."""
    return [*([run.episodes] if run.episodes else []), *run.outages]


def report(run, checks):
    history, violations = run.history, run.history.violations
    print("\n-- what happened")
    table = {f"kills: {name}": count for name, count in sorted(run.kills.counts.items())}
    for more in parts(run):
        table |= more.table()
    table |= dict(sorted(history.counts.items()))
    table |= {"another's payout asked for, and not shown": history.strangers}
    table |= {f"reports by outcome: {name}": count for name, count in sorted(checks.outcomes.items())}
    table |= {f"checked: {name}": count for name, count in sorted(checks.checked.items())}
    table |= {"payouts": len(checks.rows), "most memory, MiB": run.most_memory}
    table |= {"settled in, s": round(run.settled_in, 1), "violations": len(violations)}
    for name, value in table.items():
        print(f"{value:>10}  {name}")
    print("\n-- reports by the state they met")
    print(" " * 12 + "".join(f"{kind:>11}" for kind in REPORTS))
    for state in STATES:
        print(f"{state:>12}" + "".join(f"{checks.cells[(state, kind)]:>11}" for kind in REPORTS))
    show(run, violations)
    print()
    broken = {invariant for invariant, _, _ in violations}
    names = [*INVARIANTS, *sorted(broken - set(INVARIANTS))]
    for name in names:
        print(f"{name}: {'FAILED' if name in broken else 'passed'}")
    print(f"seed {run.seed}")
    if why := gates(run, checks):
        if not violations:
            print("invalid: " + "; ".join(why))
            return 2
        print("also invalid: " + "; ".join(why))
    print(f"{len(names) - len(broken)} passed, {len(broken)} failed")
    return 1 if broken else 0


def show(run, violations):
    if not violations:
        return
    print(f"\n-- violations (seed {run.seed})")
    for invariant, what, payout in violations[:20]:
        print(f"{invariant}: {payout or ''} {what}"[:4000])
    of = list(dict.fromkeys(payout for _, _, payout in violations if payout))
    texts = [run.history.of_payout(payout) for payout in of[:10]]
    print("\n".join(texts[:3]))
    if run.options.keep:
        kept = Path(run.options.keep)
        kept.mkdir(parents=True, exist_ok=True)
        lines = [f"{invariant}: {payout or ''} {what}" for invariant, what, payout in violations]
        (kept / "violations.txt").write_text("\n".join([f"seed {run.seed}", *lines, *texts]))
