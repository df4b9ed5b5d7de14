"""Outages: the broker or the database fails as a whole. They are spread over the run."""

import threading
import time


class OutageRunner:
    """Causes outages of one dependency. `kinds` maps each kind of outage to a function that causes it and
    returns whether it took effect. The kinds alternate."""

    def __init__(self, run, dependency, wanted, kinds):
        self.run, self.dependency, self.wanted, self.kinds = run, dependency, wanted, kinds
        self.effective = {kind: 0 for kind in kinds}
        self.ineffective = 0

    def thread(self):
        return threading.Thread(target=self.run_all, daemon=True, name=self.dependency)

    def run_all(self):
        done = 0
        while done < self.wanted and self.ineffective <= self.wanted + 5:
            # Evenly over the kills, and without pause once these are done.
            while self.run.kill_progress < done / self.wanted:
                time.sleep(0.05)
            kind = list(self.kinds)[done % len(self.kinds)]
            try:
                took_effect = self.kinds[kind]()
            except Exception as error:
                message = f"an outage failed: {self.dependency} {kind}: {error!r}"
                self.run.history.add_violation("harness", message)
                raise
            self.effective[kind] += bool(took_effect)
            self.ineffective += not took_effect
            done += bool(took_effect)
            self.await_progress()

    def await_progress(self):
        """Waits until 10 operations have completed, for 15 s at most. This includes payoutd's recovery."""
        before, deadline = self.run.completed_operations(), time.monotonic() + 15
        time.sleep(0.5)
        while self.run.completed_operations() - before < 10 and time.monotonic() < deadline:
            time.sleep(0.05)

    def invalid_reasons(self):
        effective, reasons = sum(self.effective.values()), []
        if effective < self.wanted:
            reasons.append(f"{effective} of {self.wanted} outages of the {self.dependency} took effect")
        if self.wanted >= len(self.kinds):
            never = [kind for kind, count in self.effective.items() if not count]
            reasons += [f"the {self.dependency} was never {kind}" for kind in never]
        return reasons

    def counters(self):
        return {f"outage, {self.dependency} {kind}": count for kind, count in self.effective.items()}


def broker_outages(run, wanted):
    broker = run.dependencies.broker
    return OutageRunner(
        run, "broker", wanted, {"killed": broker.kill, "blocked": lambda: block_publishers(run)}
    )


def database_outages(run, wanted):
    dependencies = run.dependencies
    kinds = {"killed": dependencies.kill_database, "left without backends": dependencies.terminate_backends}
    return OutageRunner(run, "database", wanted, kinds)


def block_publishers(run):
    """The broker blocks all publishers for a while. Returns whether payoutd's connection was seen blocked."""
    broker = run.dependencies.broker
    broker.set_memory_limit(1)
    try:
        blocked, deadline = False, time.monotonic() + 8
        while not blocked and time.monotonic() < deadline:
            blocked = broker.is_blocked("payoutd announcements")
            time.sleep(0.1)
        # The longest pause exceeds payoutd's confirm timeout.
        time.sleep(run.rng.choice([0.3, 1, 2, 4]))
    finally:
        broker.set_memory_limit(2**30)
    return blocked
