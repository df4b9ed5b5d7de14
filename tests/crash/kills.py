"""Kills payoutd with SIGKILL at random or chosen moments, and has it abort at failpoints.

An interval is the time between two faults. It counts if enough operations completed in it."""

import itertools
import random
import signal
import time
from collections import Counter

from points import OCCURRENCES, POINTS
from results import MINIMUM_LOAD, missed_by_chance

WINDOW = 5.0  # length in seconds of an interval that no kill ends
LOAD_TIMEOUT = 10.0  # seconds by which an interval is extended until enough operations completed
EXTRA_KILLS = 10  # at most, to hit what the planned kills missed by chance
STARTUP_ERRORS = ("the database cannot be", "the migrations cannot be")


class KillRunner:
    def __init__(self, run):
        self.run, self.payoutd, self.in_flight = run, run.payoutd, run.in_flight
        self.rng = random.Random(f"{run.seed}/kills")
        self.counts, self.points_not_reached = Counter(), []
        self.intervals = []  # the operations completed in each

    # ---- random kills --------------------------------------------------------------------------------------

    def run_random_kills(self, wanted, least, most):
        """Kills payoutd `wanted` times, each `least` to `most` seconds after it is ready."""
        if not wanted:
            return self.await_ready()
        for number in itertools.count(1):
            # A tenth of the kills hit payoutd while it starts.
            if self.rng.random() < 0.1 and number > 3:
                self.supervise(self.rng.uniform(0.0, 1.0))
            else:
                self.await_ready()
                self.supervise(self.rng.uniform(least, most))
                self.await_minimum_load()
            self.kill()
            self.run.kill_progress = min(1.0, number / wanted)
            if number % 25 == 0:
                self.run.log(f"{number} kills; {self.run.progress()}")
            if number >= wanted + EXTRA_KILLS or (number >= wanted and not missed_by_chance(self.run)):
                break
        self.await_ready()

    def supervise(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.restart_if_exited()
            time.sleep(min(0.02, max(0.0, deadline - time.monotonic())))

    def await_minimum_load(self):
        deadline = time.monotonic() + LOAD_TIMEOUT
        while time.monotonic() < deadline and not self.has_minimum_load():
            self.restart_if_exited()
            time.sleep(0.01)

    def has_minimum_load(self):
        operations = self.run.interval_operations
        return all(operations[operation] >= least for operation, least in MINIMUM_LOAD.items())

    def close_window(self, seconds):
        """Without kills, closes an interval after `WINDOW` seconds, or later if an outage stopped the load.
        Returns whether it was closed."""
        if seconds > WINDOW and (self.has_minimum_load() or seconds > WINDOW + LOAD_TIMEOUT):
            self.close_interval()
            return True
        return False

    def await_target_operation(self):
        """Delays two of four kills until an execution or a report is in flight, for 3 s at most."""
        target = ("execute", "report", None, None)[self.counts["all"] % 4]
        deadline = time.monotonic() + 3
        while target and time.monotonic() < deadline:
            while not self.in_flight.snapshot().get(target) and time.monotonic() < deadline:
                time.sleep(0.0003)
            time.sleep(self.rng.choice([0, 0.001, 0.003, 0.008]))
            if self.in_flight.snapshot().get(target):
                return

    def kill(self):
        self.await_target_operation()
        in_flight = self.in_flight.snapshot()
        recent_report = time.monotonic() - self.run.last_report_at < 0.1
        self.run.sample_memory()
        self.payoutd.kill()
        self.counts["all"] += 1
        self.counts["while an execution was in flight"] += bool(in_flight.get("execute"))
        self.counts["while a report was being published"] += bool(in_flight.get("report"))
        self.counts["while any request was in flight"] += any(
            n for of, n in in_flight.items() if of != "report"
        )
        self.counts["within 100 ms of a report"] += recent_report
        self.close_interval()
        self.payoutd.start()

    def close_interval(self):
        self.intervals.append(self.run.interval_operations)
        self.run.interval_operations = Counter()

    # ---- failpoints ----------------------------------------------------------------------------------------

    def run_named_points(self, store):
        """Has payoutd abort at each failpoint, the first time it is reached and later."""
        for point in POINTS[store]:
            for nth in OCCURRENCES[point]:
                self.abort_at(point, nth)
            self.run.log(f"aborted at {point} {self.counts[f'at {point}']} times; {self.run.progress()}")
        self.await_ready()

    def abort_at(self, point, nth):
        self.await_ready()
        self.payoutd.kill()
        self.payoutd.start({"PAYOUTD_KILL_AT": f"{point}:{nth}"})
        deadline = time.monotonic() + 40
        while self.payoutd.exit_code() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.payoutd.exit_code() == -signal.SIGABRT:
            self.counts[f"at {point}"] += 1
            self.counts["all"] += 1
        elif self.payoutd.exit_code() is None:
            self.points_not_reached.append(f"{point}:{nth}")
            self.payoutd.kill()
        else:
            self.run.history.add_violation("harness", f"payoutd exited; see its log ({point}:{nth})")
        self.close_interval()
        self.payoutd.start()

    # ---- supervision ---------------------------------------------------------------------------------------

    def await_ready(self):
        while not self.payoutd.await_ready(90):
            if self.payoutd.exit_code() is None:
                raise RuntimeError(f"payoutd does not become ready:\n{self.payoutd.log_tail(3000)}")
            self.restart_if_exited()

    def restart_if_exited(self):
        """Restarts payoutd if it exited. It may exit only if its database failed, or was unreachable while it
        started."""
        code = self.payoutd.exit_code()
        if code is None:
            return
        tail = self.payoutd.log_tail(4000)
        if self.run.database_may_fail():
            self.counts["exited without its database"] += 1
        elif self.run.database_may_be_unreachable() and self.failed_to_start(tail):
            self.counts["failed to start without its database"] += 1
        else:
            self.run.history.add_violation("harness", f"payoutd exited ({code}); see its log")
            self.run.log(tail[-2000:])
        time.sleep(0.2)
        self.payoutd.start()

    @staticmethod
    def failed_to_start(log_tail):
        last = log_tail.strip().rpartition("\n")[2]
        return any(last.startswith(f"payoutd: {error}") for error in STARTUP_ERRORS)
