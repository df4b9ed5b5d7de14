"""One run: servers, load, kills, the settling, the checks, the verdict."""

import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import services
from calls import InFlight
from checks import Checks
from history import History
from neighbours import Neighbours
from partners import Partner, Partners
from points import PASSINGS, POINTS
from process import Payoutd
from secrets_check import find_secrets
from verdict import report
from watchers import Watcher

ORGS = ["acme", "bolt", "crane"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    """Outside the range that outgoing connections take theirs from: it stays free while payoutd is down."""
    rng = random.SystemRandom()
    while True:
        port = rng.randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Run:
    """Also what the load's threads share."""

    def __init__(self, options):
        self.options, self.seed = options, options.seed
        self.rng = random.Random(f"{self.seed}/kills")
        self.history, self.in_flight = History(), InFlight()
        self.calm, self.over = threading.Event(), threading.Event()
        self.port, self.last_report = free_port(), 0.0
        self.intervals, self.now = [], Counter()
        self.kills, self.missed = Counter(), []
        self.scratch = Path(tempfile.mkdtemp(prefix="payoutd-crash."))
        self.payoutd, self.watchers = None, []
        self.most_memory, self.settled_in = 0, None

    def progress(self, what):
        self.now[what] += 1

    def live_payout(self, payout):
        number = hash(payout) % len(self.watchers)
        self.watchers[number].payouts.put(("live", payout))
        if hash(payout) % 5 == 0:
            self.watchers[number - 1].payouts.put(("live", payout))

    def sandbox_payout(self, partner, payout):
        if partner.mode == "test" and hash(payout) % 10 == 0:
            self.watchers[0].payouts.put(("sandbox", payout))

    # ---- the run -----------------------------------------------------------------------------------------------------

    def whole(self):
        self.prepare()
        self.begin_load()
        if self.options.points:
            self.all_points()
        else:
            self.all_kills()
        self.settle()
        return self.verdict()

    def prepare(self):
        options = self.options
        say(f"store {options.store}, seed {self.seed}, {options.kills} kills")
        self.neighbours = Neighbours(options.store, options.broker_every, options.database_every, self.scratch)
        self.amqp_url = self.neighbours.amqp_url
        self.signing_key, token = f"{random.SystemRandom().getrandbits(256):064x}", "operators-only-7f3a9c"
        ops_port = free_port()
        settings = {
            "DATABASE_URL": self.neighbours.database.url,
            "AMQP_URL": self.amqp_url,
            "PAYOUTD_HTTP__LISTEN": f"127.0.0.1:{self.port}",
            "PAYOUTD_OPS__LISTEN": f"127.0.0.1:{ops_port}",
            "PAYOUTD_OPS__TOKEN": token,
            "PAYOUTD_HTTP__PUBLIC_URL": "https://payouts.example",
            "PAYOUTD_QUOTES__SIGNING_KEY": self.signing_key,
            "PAYOUTD_QUOTES__TTL_SECONDS": "900",
            "PAYOUTD_REPORTS__PARK_SECONDS": str(options.park_seconds),
            "PAYOUTD_ACTORS__IDLE_SECONDS": "5",
            "PAYOUTD_ACTORS__ENDED_SECONDS": "1",
        }
        self.payoutd = Payoutd(options.binary, settings, self.port, ops_port, token, self.scratch / "payoutd.log")
        self.payoutd.run("migrate")
        self.partners = [
            Partner(org, mode, self.payoutd.run("keys", "create", "--org", org, "--mode", mode))
            for org in ORGS
            for mode in ("live", "live" if org == "acme" else "test")
        ]
        services.declare(self.amqp_url)
        self.payoutd.start()
        if not self.payoutd.await_ready(60):
            raise RuntimeError(f"payoutd does not get ready:\n{self.payoutd.log_path.read_text()[-3000:]}")

    def begin_load(self):
        self.watchers = [Watcher(self, number) for number in range(3)]
        self.readers = [
            services.Reader(self, services.ANNOUNCED, services.announced(self)),
            services.Reader(self, services.DEAD, services.put_aside(self)),
        ]
        self.load = Partners(self, self.partners, self.options.rate)
        self.creating = list(self.load.threads())
        for thread in [*self.watchers, *self.readers, *self.creating]:
            thread.start()
        time.sleep(3)

    def all_kills(self):
        for number in range(1, self.options.kills + 1):
            self.faults(number)
            # Now and then before it is ready: starting has to be as safe as running.
            wait = self.rng.uniform(self.options.least, self.options.most)
            if self.rng.random() < 0.1 and number > 3:
                wait = self.rng.uniform(0.0, 1.0)
            else:
                self.get_ready()
            deadline = time.monotonic() + wait
            while time.monotonic() < deadline:
                self.still_there()
                time.sleep(min(0.02, max(0.0, deadline - time.monotonic())))
            self.kill()
            if number % 25 == 0:
                self.tell(number)
        self.get_ready()

    def all_points(self):
        """Dies at each named point, at its first passing and at later ones."""
        for point in POINTS[self.options.store]:
            for nth in PASSINGS[point]:
                self.die_at(point, nth)
            say(f"died at {point} {self.kills[f'at {point}']} times; {len(self.history.violations)} violations")
        self.get_ready()

    def die_at(self, point, nth):
        self.get_ready()
        self.payoutd.kill()
        self.payoutd.start({"PAYOUTD_KILL_AT": f"{point}:{nth}"})
        deadline = time.monotonic() + 40
        while self.payoutd.ended() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.payoutd.ended() == -signal.SIGABRT:
            self.kills[f"at {point}"] += 1
            self.kills["all"] += 1
        elif self.payoutd.ended() is None:
            self.missed.append(f"{point}:{nth}")
            self.payoutd.kill()
        else:
            self.history.violate("harness", f"payoutd ended by itself; see its log ({point}:{nth})")
        self.count_kill()
        self.payoutd.start()

    def get_ready(self):
        while not self.payoutd.await_ready(90):
            code = self.payoutd.ended()
            if code is None:
                raise RuntimeError(f"payoutd does not get ready:\n{self.payoutd.log_path.read_text()[-3000:]}")
            self.still_there()

    def still_there(self):
        """It may end by itself where its database is taken away, and nowhere else."""
        code = self.payoutd.ended()
        if code is None:
            return
        if self.options.database_every:
            self.kills["ended without its database"] += 1
        else:
            self.history.violate("harness", f"payoutd ended by itself ({code}); see its log")
            say(self.payoutd.log_path.read_text()[-2000:])
        time.sleep(0.2)
        self.payoutd.start()

    def aim(self):
        """Half of the kills are not only at random, but while an execution or a report is in hand."""
        wanted = ("execute", "report", None, None)[self.kills["all"] % 4]
        most = time.monotonic() + 3
        while wanted and time.monotonic() < most:
            while not self.in_flight.now().get(wanted) and time.monotonic() < most:
                time.sleep(0.0003)
            time.sleep(self.rng.choice([0, 0.001, 0.003, 0.008]))
            if self.in_flight.now().get(wanted):
                return

    def kill(self):
        self.aim()
        open_calls, recent = self.in_flight.now(), time.monotonic() - self.last_report < 0.1
        self.most_memory = max(self.most_memory, self.payoutd.memory())
        self.payoutd.kill()
        self.kills["all"] += 1
        self.kills["while an execution was in flight"] += bool(open_calls.get("execute"))
        self.kills["while a report was being published"] += bool(open_calls.get("report"))
        self.kills["while any request was in flight"] += any(n for what, n in open_calls.items() if what != "report")
        self.kills["within 100 ms of a report"] += recent
        self.count_kill()
        self.payoutd.start()

    def count_kill(self):
        self.intervals.append(self.now)
        self.now = Counter()

    def faults(self, number):
        options = self.options
        if options.broker_every and number % options.broker_every == 0:
            self.neighbours.kill_broker()
            self.kills["broker killed"] += 1
        if options.database_every and number % options.database_every == 0:
            if (number // options.database_every) % 2:
                self.neighbours.database.end_backends()
                self.kills["database backends ended"] += 1
            else:
                self.neighbours.kill_database()
                self.kills["database killed"] += 1

    def tell(self, number):
        counts = self.history.counts
        say(
            f"{number} kills; {counts['creates acknowledged']} creates, {counts['reports confirmed']} reports,"
            f" {counts['polls answered']} polls, {len(self.history.violations)} violations"
        )

    # ---- the end -----------------------------------------------------------------------------------------------------

    def settle(self):
        """No more faults: all that was begun has to come to its end."""
        began = time.monotonic()
        deadline = began + self.options.settle
        self.calm.set()
        for thread in self.creating[:-3]:
            thread.join(max(0.1, deadline - time.monotonic()))
        unsettled = self.unsettled
        quiet = 0
        while quiet < 3 and time.monotonic() < deadline:
            time.sleep(0.5)
            quiet = 0 if unsettled() else quiet + 1
        if quiet < 3 and (left := unsettled()):
            self.history.violate("I10", f"not settled within {self.options.settle:.0f} s: {left}")
        self.settled_in = time.monotonic() - began
        if failed := self.load.poll_all(time.monotonic() + 60):
            self.history.violate("I10", f"{len(failed)} payouts cannot be polled at the end", failed[0])
        if stuck := self.neighbours.database.stuck():
            time.sleep(1)
            if again := self.neighbours.database.stuck():
                self.history.violate("I12", f"a transaction stays open while nothing happens: {stuck}, {again}")
        self.metrics = self.payoutd.ask("/metrics")[1]
        if code := self.payoutd.stop():
            self.history.violate("harness", f"payoutd did not end in good order: {code}")
        # Estimates pass to the last moment; what was announced of that is read before the readers end.
        while any(services.waiting(self.amqp_url, reader.name) for reader in self.readers):
            time.sleep(0.2)
        time.sleep(1)
        self.over.set()

    def unsettled(self):
        """What is still to be done; nothing, once all is."""
        database = self.neighbours.database
        left = {"a partner": any(thread.is_alive() for thread in self.creating[:-3])}
        left |= {f"watcher {n}": not w.idle.is_set() for n, w in enumerate(self.watchers)}
        left["reports queued"] = self.neighbours.unacknowledged()
        left |= {name: database.count(name) for name in ("outbox", "planned_reports", "parked_reports")}
        for name in (services.ANNOUNCED, services.DEAD):
            left[name] = services.waiting(self.amqp_url, name)
        left["reader"] = any(time.monotonic() - reader.last < 1 for reader in self.readers)
        return {name: value for name, value in left.items() if value}

    def verdict(self):
        queued = services.waiting(self.amqp_url, "payoutd.chain-events")
        checks = Checks(self.history, self.neighbours.database, queued)
        checks.run()
        find_secrets(self, checks)
        return report(self, checks)

    def end(self):
        self.over.set()
        if self.payoutd and self.payoutd.process and self.payoutd.ended() is None:
            self.payoutd.kill()
        if self.options.keep:
            Path(self.options.keep).mkdir(parents=True, exist_ok=True)
            shutil.copy(self.scratch / "payoutd.log", self.options.keep)
        shutil.rmtree(self.scratch, ignore_errors=True)
