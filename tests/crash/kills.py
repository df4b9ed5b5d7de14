"""Kills payoutd: at moments that are random or aimed at, and at named points."""

import itertools
import random
import signal
import time
from collections import Counter

from points import PASSINGS, POINTS
from verdict import ENOUGH, unlucky

WINDOW = 5.0  # seconds of a life that no kill ends
PATIENCE = 10.0  # seconds for a life to do enough, once its time has come
FURTHER = 10  # kills, for what the wanted ones have missed by chance


class Kills:
    def __init__(self, run):
        self.run, self.payoutd, self.in_flight = run, run.payoutd, run.in_flight
        self.rng = random.Random(f"{run.seed}/kills")
        self.counts, self.missed = Counter(), []
        self.intervals = []  # what was done in each life

    # ---- at random ---------------------------------------------------------------------------------------------------

    def all_kills(self, wanted, least, most):
        if not wanted:
            return self.get_ready()
        for number in itertools.count(1):
            # Now and then before it is ready: starting has to be as safe as running.
            if self.rng.random() < 0.1 and number > 3:
                self.live(self.rng.uniform(0.0, 1.0))
            else:
                self.get_ready()
                self.live(self.rng.uniform(least, most))
                self.do_enough()
            self.kill()
            self.run.share_done = min(1.0, number / wanted)
            if number % 25 == 0:
                self.run.say(f"{number} kills; {self.run.figures()}")
            if number >= wanted + FURTHER or (number >= wanted and not unlucky(self.run)):
                break
        self.get_ready()

    def live(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.still_there()
            time.sleep(min(0.02, max(0.0, deadline - time.monotonic())))

    def do_enough(self):
        """A life in which nothing was done shows nothing: it goes on until there was."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self.did_enough():
            self.still_there()
            time.sleep(0.01)

    def did_enough(self):
        return all(self.run.now[what] >= least for what, least in ENOUGH.items())

    def end_window(self, seconds):
        """Where no kill ends it, a life is a window in time: longer only where an outage takes all of it."""
        if seconds > WINDOW and (self.did_enough() or seconds > WINDOW + PATIENCE):
            self.note_life()
            return True
        return False

    def aim(self):
        """Half of the kills are not only at random, but while an execution or a report is in hand."""
        wanted = ("execute", "report", None, None)[self.counts["all"] % 4]
        most = time.monotonic() + 3
        while wanted and time.monotonic() < most:
            while not self.in_flight.now().get(wanted) and time.monotonic() < most:
                time.sleep(0.0003)
            time.sleep(self.rng.choice([0, 0.001, 0.003, 0.008]))
            if self.in_flight.now().get(wanted):
                return

    def kill(self):
        self.aim()
        open_calls, recent = self.in_flight.now(), time.monotonic() - self.run.last_report < 0.1
        self.run.look()
        self.payoutd.kill()
        self.counts["all"] += 1
        self.counts["while an execution was in flight"] += bool(open_calls.get("execute"))
        self.counts["while a report was being published"] += bool(open_calls.get("report"))
        self.counts["while any request was in flight"] += any(n for what, n in open_calls.items() if what != "report")
        self.counts["within 100 ms of a report"] += recent
        self.note_life()
        self.payoutd.start()

    def note_life(self):
        self.intervals.append(self.run.now)
        self.run.now = Counter()

    # ---- at named points ---------------------------------------------------------------------------------------------

    def all_points(self, store):
        """Dies at each named point, at its first passing and at later ones."""
        for point in POINTS[store]:
            for nth in PASSINGS[point]:
                self.die_at(point, nth)
            self.run.say(f"died at {point} {self.counts[f'at {point}']} times; {self.run.figures()}")
        self.get_ready()

    def die_at(self, point, nth):
        self.get_ready()
        self.payoutd.kill()
        self.payoutd.start({"PAYOUTD_KILL_AT": f"{point}:{nth}"})
        deadline = time.monotonic() + 40
        while self.payoutd.ended() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.payoutd.ended() == -signal.SIGABRT:
            self.counts[f"at {point}"] += 1
            self.counts["all"] += 1
        elif self.payoutd.ended() is None:
            self.missed.append(f"{point}:{nth}")
            self.payoutd.kill()
        else:
            self.run.history.violate("harness", f"payoutd ended by itself; see its log ({point}:{nth})")
        self.note_life()
        self.payoutd.start()

    # ---- being there -------------------------------------------------------------------------------------------------

    def get_ready(self):
        while not self.payoutd.await_ready(90):
            code = self.payoutd.ended()
            if code is None:
                raise RuntimeError(f"payoutd does not get ready:\n{self.payoutd.log_path.read_text()[-3000:]}")
            self.still_there()

    def still_there(self):
        """It may end by itself where its database is taken away, or out of reach while it starts, and nowhere else."""
        code = self.payoutd.ended()
        if code is None:
            return
        tail = self.payoutd.log_path.read_bytes()[-4000:].decode(errors="replace")
        if self.run.takes_the_database_away():
            self.counts["ended without its database"] += 1
        elif self.run.disturbs_the_database() and self.gave_up_at_start(tail):
            self.counts["ended while it started and could not reach its database"] += 1
        else:
            self.run.history.violate("harness", f"payoutd ended by itself ({code}); see its log")
            self.run.say(tail[-2000:])
        time.sleep(0.2)
        self.payoutd.start()

    @staticmethod
    def gave_up_at_start(tail):
        last = tail.strip().rpartition("\n")[2]
        return any(last.startswith(f"payoutd: {what}") for what in ("the database cannot be", "the migrations cannot be"))
