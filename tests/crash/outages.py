"""The broker and the database fail as a whole: spread over the run, while all else goes on."""

import threading
import time


class Outages:
    """`kinds` take turns; each is called, and counts where it returns true."""

    def __init__(self, run, name, wanted, kinds):
        self.run, self.name, self.wanted, self.kinds = run, name, wanted, kinds
        self.fired = {kind: 0 for kind in kinds}
        self.under_way, self.missed = threading.Event(), 0

    def thread(self):
        return threading.Thread(target=self.all, daemon=True, name=self.name)

    def all(self):
        done = 0
        while done < self.wanted and self.missed <= self.wanted + 5:
            # Evenly over what else there is to be done, and one after the other once that is all.
            while self.run.share_done < done / self.wanted:
                time.sleep(0.05)
            kind = list(self.kinds)[done % len(self.kinds)]
            try:
                self.under_way.set()
                took_effect = self.kinds[kind]()
            except Exception as error:
                self.run.history.violate("harness", f"an outage failed: {self.name} {kind}: {error!r}")
                raise
            finally:
                self.under_way.clear()
            self.fired[kind] += bool(took_effect)
            self.missed += not took_effect
            done += bool(took_effect)
            self.breathe()

    def breathe(self):
        """Until work is done again, which takes as long as payoutd needs to come back."""
        before, deadline = self.run.work(), time.monotonic() + 15
        time.sleep(0.5)
        while self.run.work() - before < 10 and time.monotonic() < deadline:
            time.sleep(0.05)

    def gates(self):
        fired = sum(self.fired.values())
        why = [f"{fired} of {self.wanted} faults of the {self.name} took effect"] if fired < self.wanted else []
        if self.wanted >= len(self.kinds):
            why += [f"the {self.name} was never {kind}" for kind, count in self.fired.items() if not count]
        return why

    def table(self):
        return {f"outage, {self.name} {kind}": count for kind, count in self.fired.items()}


def of_broker(run, wanted):
    neighbours = run.neighbours
    return Outages(run, "broker", wanted, {"killed": neighbours.broker.kill, "blocked": lambda: block(run)})


def of_database(run, wanted):
    neighbours = run.neighbours
    kinds = {"killed": neighbours.kill_database, "left without backends": neighbours.end_backends}
    return Outages(run, "database", wanted, kinds)


def block(run):
    """The broker takes nothing from those who publish, payoutd among them, for a while."""
    broker = run.neighbours.broker
    broker.set_memory(1)
    try:
        seen, deadline = False, time.monotonic() + 8
        while not seen and time.monotonic() < deadline:
            seen = broker.blocks("payoutd announcements")
            time.sleep(0.1)
        # Now and then for longer than payoutd waits for a confirm.
        time.sleep(run.rng.choice([0.3, 1, 2, 4]))
    finally:
        broker.set_memory(2**30)
    return seen
