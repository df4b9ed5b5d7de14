"""One run: servers, load, faults, the settling, the checks, the verdict."""

import random
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import disk
import outages
import consumers
from http_client import InFlight
from checks import Checks
from episodes import Episodes
from history import History
from kills import Kills
from dependencies import Neighbours
from partners import Partner, Partners
from process import Payoutd
from secret_checks import find_secrets
from settling import settle
from scenarios import Deck
from streams import Follower
from delivery_checks import Told
from verdict import report
from watchers import Watcher
from webhooks import Receiver

ORGS = ["acme", "bolt", "crane"]


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
        self.rng = random.Random(f"{self.seed}/run")
        self.history, self.in_flight = History(), InFlight()
        self.calm, self.over = threading.Event(), threading.Event()
        self.own_port, self.last_report = free_port(), 0.0
        self.port = self.own_port  # where partners call
        self.now = Counter()  # what was done in this life
        self.share_done = 0.0  # how much of the kills, or of the episodes
        self.scratch = Path(tempfile.mkdtemp(prefix="payoutd-crash."))
        self.payoutd, self.neighbours, self.watchers, self.episodes, self.outages = None, None, [], None, []
        self.most_memory, self.settled_in = 0, None

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def progress(self, what):
        self.now[what] += 1

    def work(self):
        counts = self.history.counts
        return sum(counts[what] for what in ("creates acknowledged", "reports confirmed", "polls answered"))

    def figures(self):
        counts = self.history.counts
        return (
            f"{counts['creates acknowledged']} creates, {counts['reports confirmed']} reports,"
            f" {counts['polls answered']} polls, {len(self.history.violations)} violations"
        )

    def look(self):
        self.most_memory = max(self.most_memory, self.payoutd.memory())

    def takes_the_database_away(self):
        return bool(self.options.database_faults or self.options.disk_full)

    def disturbs_the_database(self):
        return bool(self.options.episodes) and self.options.store == "postgres"

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
        self.all_faults()
        settle(self)
        return self.verdict()

    def prepare(self):
        options = self.options
        self.say(f"store {options.store}, seed {self.seed}: {options.told()}")
        breaks = (options.broker_faults, options.database_faults)
        self.neighbours = Neighbours(options.store, *breaks, self.scratch, options.disk_full)
        self.amqp_url = self.neighbours.broker.url
        if options.episodes:
            self.episodes = Episodes(self, options.episodes)
        self.payoutd = self.new_payoutd()
        self.payoutd.run("migrate")
        self.partners = [
            Partner(org, mode, self.payoutd.run("keys", "create", "--org", org, "--mode", mode))
            for org in ORGS
            for mode in ("live", "live" if org == "acme" else "test")
        ]
        consumers.declare(self.amqp_url)
        self.kills = Kills(self)
        self.payoutd.start()
        if not self.payoutd.await_ready(60):
            raise RuntimeError(f"payoutd does not get ready:\n{self.payoutd.log_path.read_text()[-3000:]}")

    def new_payoutd(self):
        options = self.options
        self.signing_key, token = f"{random.SystemRandom().getrandbits(256):064x}", "operators-only-7f3a9c"
        ops_port = free_port()
        settings = {
            "DATABASE_URL": self.neighbours.database.url,
            "AMQP_URL": self.amqp_url,
            "PAYOUTD_HTTP__LISTEN": f"127.0.0.1:{self.own_port}",
            "PAYOUTD_OPS__LISTEN": f"127.0.0.1:{ops_port}",
            "PAYOUTD_OPS__TOKEN": token,
            "PAYOUTD_HTTP__PUBLIC_URL": "https://payouts.example",
            "PAYOUTD_QUOTES__SIGNING_KEY": self.signing_key,
            "PAYOUTD_QUOTES__TTL_SECONDS": "900",
            "PAYOUTD_REPORTS__PARK_SECONDS": str(options.park_seconds),
            "PAYOUTD_ACTORS__IDLE_SECONDS": "5",
            "PAYOUTD_ACTORS__ENDED_SECONDS": "1",
        }
        if options.episodes or options.broker_faults:
            # Black holes and blocked connections outlast these now and then.
            settings |= {"PAYOUTD_DATABASE__STATEMENT_TIMEOUT_SECONDS": "2", "PAYOUTD_AMQP__CONFIRM_TIMEOUT_SECONDS": "3"}
        settings |= {
            "PAYOUTD_WEBHOOKS__ALLOW_INSECURE": "true",
            "PAYOUTD_WEBHOOKS__ALLOW_PRIVATE_ADDRESSES": "true",
            "PAYOUTD_WAITING__HEARTBEAT_SECONDS": "1",
        }
        if self.episodes:
            settings["AMQP_URL"] = self.episodes.broker(self.amqp_url)
            if options.store == "postgres":
                settings["DATABASE_URL"] = self.episodes.database(self.neighbours.database.url)
            self.port = self.episodes.partners(self.own_port)
        return Payoutd(options.binary, settings, self.own_port, ops_port, token, self.scratch / "payoutd.log")

    def begin_load(self):
        stories = Deck(random.Random(f"{self.seed}/stories"))
        self.watchers = [Watcher(self, number, stories) for number in range(3)]
        self.readers = [
            consumers.Reader(self, consumers.ANNOUNCED, consumers.announced(self)),
            consumers.Reader(self, consumers.DEAD, consumers.put_aside(self)),
        ]
        self.load = Partners(self, self.partners, self.options.rate)
        self.receiver = Receiver(self)
        self.receiver.register(self.partners, self.load.caller())
        followers = [Follower(self, number) for number in range(4)]
        for thread in [*self.watchers, *self.readers, *followers]:
            thread.start()
        self.load.start()
        time.sleep(3)

    def all_faults(self):
        options = self.options
        if options.broker_faults:
            self.outages.append(outages.of_broker(self, options.broker_faults))
        if options.database_faults:
            self.outages.append(outages.of_database(self, options.database_faults))
        threads = [outage.thread() for outage in self.outages]
        threads += self.episodes.threads() if self.episodes else []
        for thread in threads:
            thread.start()
        if options.points:
            self.kills.all_points(options.store)
        else:
            self.kills.all_kills(options.kills, options.least, options.most)
        if options.disk_full:
            disk.all_disk_full(self, options.disk_full)
        self.share_done = 1.0
        window = time.monotonic()
        while any(thread.is_alive() for thread in threads):
            self.kills.get_ready()
            self.look()
            if self.kills.end_window(time.monotonic() - window):
                window = time.monotonic()
            time.sleep(0.1)
        self.kills.get_ready()

    def verdict(self):
        queued = consumers.waiting(self.amqp_url, "payoutd.chain-events")
        checks = Checks(self.history, self.neighbours.database, queued)
        checks.run()
        self.told = Told(checks, self.receiver, self.neighbours.database)
        self.told.run()
        find_secrets(self, checks)
        return report(self, checks)

    def end(self):
        self.over.set()
        if self.payoutd and self.payoutd.process and self.payoutd.ended() is None:
            self.payoutd.kill()
        if self.neighbours:
            self.neighbours.end()
        if self.episodes:
            self.episodes.loop.end()
        if self.options.keep:
            Path(self.options.keep).mkdir(parents=True, exist_ok=True)
            shutil.copy(self.scratch / "payoutd.log", self.options.keep)
        shutil.rmtree(self.scratch, ignore_errors=True)
