"""One run: servers, load, faults, settling, checks, results."""

import random
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import consumers
import disk
import outages
from checks import Checks
from delivery_checks import DeliveryChecks
from dependencies import Dependencies
from episodes import EpisodeRunner
from history import History
from http_client import InFlightCalls
from kills import KillRunner
from partners import Partner, PartnerLoad
from process import PayoutdProcess
from results import print_results
from scenarios import ScenarioPool
from secret_checks import check_secrets
from settling import settle
from streams import StreamClient
from watchers import Watcher
from webhooks import WebhookReceiver

ORGS = ["acme", "bolt", "crane"]


def free_port():
    """A free port outside the ephemeral range, so that it stays free while payoutd is down."""
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
    """One run. It is also the context that the load threads share."""

    def __init__(self, options):
        self.options, self.seed = options, options.seed
        self.rng = random.Random(f"{self.seed}/run")
        self.history, self.in_flight = History(), InFlightCalls()
        self.settling, self.finished = threading.Event(), threading.Event()
        self.listen_port, self.last_report_at = free_port(), 0.0
        self.client_port = self.listen_port  # the proxy's, if there is one
        self.interval_operations = Counter()  # operations completed in the current interval
        self.kill_progress = 0.0  # the share of the planned kills that is done
        self.scratch = Path(tempfile.mkdtemp(prefix="payoutd-crash."))
        self.payoutd, self.dependencies = None, None
        self.watchers, self.episodes, self.outages = [], None, []
        self.peak_memory, self.settled_in = 0, None  # in MiB and seconds

    def log(self, text):
        print(text, file=sys.stderr, flush=True)

    def count_operation(self, name):
        self.interval_operations[name] += 1

    def completed_operations(self):
        counts = self.history.counts
        return sum(counts[name] for name in ("creates acknowledged", "reports confirmed", "polls succeeded"))

    def progress(self):
        counts = self.history.counts
        return (
            f"{counts['creates acknowledged']} creates, {counts['reports confirmed']} reports,"
            f" {counts['polls succeeded']} polls, {len(self.history.violations)} violations"
        )

    def sample_memory(self):
        self.peak_memory = max(self.peak_memory, self.payoutd.memory())

    def database_may_fail(self):
        return bool(self.options.database_faults or self.options.disk_full)

    def database_may_be_unreachable(self):
        return bool(self.options.episodes) and self.options.store == "postgres"

    def watch_live_payout(self, payout):
        """Assigns the payout to a watcher, and one in five payouts to a second one."""
        number = hash(payout) % len(self.watchers)
        self.watchers[number].payouts.put(("live", payout))
        if hash(payout) % 5 == 0:
            self.watchers[number - 1].payouts.put(("live", payout))

    def watch_sandbox_payout(self, partner, payout):
        """Has a watcher report on one in ten sandbox payouts, which payoutd has to refuse."""
        if partner.mode == "test" and hash(payout) % 10 == 0:
            self.watchers[0].payouts.put(("sandbox", payout))

    # ---- phases --------------------------------------------------------------------------------------------

    def execute(self):
        """Returns the exit code."""
        self.start_payoutd()
        self.start_load()
        self.inject_faults()
        settle(self)
        return self.check()

    def start_payoutd(self):
        options = self.options
        self.log(f"store {options.store}, seed {self.seed}: {options.describe_faults()}")
        breaks = (options.broker_faults, options.database_faults)
        self.dependencies = Dependencies(options.store, *breaks, self.scratch, options.disk_full)
        self.amqp_url = self.dependencies.broker.url
        if options.episodes:
            self.episodes = EpisodeRunner(self, options.episodes)
        self.payoutd = self.configure_payoutd()
        self.payoutd.run("migrate")
        self.partners = [
            Partner(org, mode, self.payoutd.run("keys", "create", "--org", org, "--mode", mode))
            for org in ORGS
            for mode in ("live", "live" if org == "acme" else "test")
        ]
        consumers.declare_event_queue(self.amqp_url)
        self.kills = KillRunner(self)
        self.payoutd.start()
        if not self.payoutd.await_ready(60):
            raise RuntimeError(f"payoutd does not become ready:\n{self.payoutd.log_tail(3000)}")

    def configure_payoutd(self):
        options = self.options
        self.signing_key = f"{random.SystemRandom().getrandbits(256):064x}"
        ops_port, ops_token = free_port(), "operators-only-7f3a9c"
        settings = {
            "DATABASE_URL": self.dependencies.database.url,
            "AMQP_URL": self.amqp_url,
            "PAYOUTD_HTTP__LISTEN": f"127.0.0.1:{self.listen_port}",
            "PAYOUTD_OPS__LISTEN": f"127.0.0.1:{ops_port}",
            "PAYOUTD_OPS__TOKEN": ops_token,
            "PAYOUTD_HTTP__PUBLIC_URL": "https://payouts.example",
            "PAYOUTD_QUOTES__SIGNING_KEY": self.signing_key,
            "PAYOUTD_QUOTES__TTL_SECONDS": "900",
            "PAYOUTD_REPORTS__PARK_SECONDS": str(options.park_seconds),
            "PAYOUTD_ACTORS__IDLE_SECONDS": "5",
            "PAYOUTD_ACTORS__ENDED_SECONDS": "1",
            "PAYOUTD_WEBHOOKS__ALLOW_INSECURE": "true",
            "PAYOUTD_WEBHOOKS__ALLOW_PRIVATE_ADDRESSES": "true",
            "PAYOUTD_WAITING__HEARTBEAT_SECONDS": "1",
        }
        if options.episodes or options.broker_faults:
            # Shorter than the longest black hole and the longest block, so that these timeouts expire.
            settings["PAYOUTD_DATABASE__STATEMENT_TIMEOUT_SECONDS"] = "2"
            settings["PAYOUTD_AMQP__CONFIRM_TIMEOUT_SECONDS"] = "3"
        if self.episodes:
            settings["AMQP_URL"] = self.episodes.proxy_broker(self.amqp_url)
            if options.store == "postgres":
                settings["DATABASE_URL"] = self.episodes.proxy_database(self.dependencies.database.url)
            self.client_port = self.episodes.proxy_partners(self.listen_port)
        return PayoutdProcess(options.binary, settings, ops_port, ops_token, self.scratch / "payoutd.log")

    def start_load(self):
        scenarios = ScenarioPool(random.Random(f"{self.seed}/scenarios"))
        self.watchers = [Watcher(self, number, scenarios) for number in range(3)]
        self.consumers = [
            consumers.QueueConsumer(self, consumers.EVENT_QUEUE, consumers.event_handler(self)),
            consumers.QueueConsumer(self, consumers.DEAD_LETTER_QUEUE, consumers.dead_letter_handler(self)),
        ]
        self.load = PartnerLoad(self, self.partners, self.options.rate)
        self.receiver = WebhookReceiver(self)
        self.receiver.register(self.partners, self.load.new_client())
        stream_clients = [StreamClient(self, number) for number in range(4)]
        for thread in [*self.watchers, *self.consumers, *stream_clients]:
            thread.start()
        self.load.start()
        time.sleep(3)

    def inject_faults(self):
        options = self.options
        if options.broker_faults:
            self.outages.append(outages.broker_outages(self, options.broker_faults))
        if options.database_faults:
            self.outages.append(outages.database_outages(self, options.database_faults))
        threads = [outage.thread() for outage in self.outages]
        threads += self.episodes.threads() if self.episodes else []
        for thread in threads:
            thread.start()
        if options.points:
            self.kills.run_named_points(options.store)
        else:
            self.kills.run_random_kills(options.kills, options.least, options.most)
        if options.disk_full:
            disk.run_disk_full_faults(self, options.disk_full)
        self.kill_progress = 1.0
        window_began = time.monotonic()
        while any(thread.is_alive() for thread in threads):
            self.kills.await_ready()
            self.sample_memory()
            if self.kills.close_window(time.monotonic() - window_began):
                window_began = time.monotonic()
            time.sleep(0.1)
        self.kills.await_ready()

    def check(self):
        queued = consumers.ready_messages(self.amqp_url, "payoutd.chain-events")
        checks = Checks(self.history, self.dependencies.database, queued)
        checks.run()
        self.delivery_checks = DeliveryChecks(checks, self.receiver, self.dependencies.database)
        self.delivery_checks.run()
        check_secrets(self, checks)
        return print_results(self, checks)

    def clean_up(self):
        self.finished.set()
        if self.payoutd and self.payoutd.process and self.payoutd.exit_code() is None:
            self.payoutd.kill()
        if self.dependencies:
            self.dependencies.clean_up()
        if self.episodes:
            self.episodes.proxy_thread.stop()
        if self.options.keep:
            Path(self.options.keep).mkdir(parents=True, exist_ok=True)
            shutil.copy(self.scratch / "payoutd.log", self.options.keep)
        shutil.rmtree(self.scratch, ignore_errors=True)
