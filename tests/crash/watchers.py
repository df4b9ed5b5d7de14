"""Chain watchers: independent publishers with confirms, that send again whatever was not confirmed."""

import heapq
import queue
import random
import threading
import time

import pika

from scenarios import Teller


class Watcher(threading.Thread):
    def __init__(self, load, number, stories):
        super().__init__(daemon=True)
        self.load, self.history = load, load.history
        self.rng = random.Random(f"{load.seed}/watcher/{number}")
        self.teller = Teller(f"watcher/{number}", self.rng, stories)
        self.payouts = queue.SimpleQueue()  # ("live" or "sandbox", payout)
        self.later = []  # heap of (when, order, reports left of that payout)
        self.order = 0
        self.channel = None
        self.idle = threading.Event()

    def run(self):
        while not self.load.over.is_set():
            try:
                self.take_new()
                if not self.later:
                    if self.load.calm.is_set():
                        self.idle.set()
                    self.rest(0.02)
                    continue
                self.idle.clear()
                self.turn()
            except Exception as error:
                self.history.violate("harness", f"a watcher failed: {error!r}")
                raise

    def rest(self, seconds):
        """Sleeps, and lets the connection do its part."""
        try:
            if self.channel is not None:
                self.channel.connection.sleep(seconds)
                return
        except pika.exceptions.AMQPError:
            self.channel = None
        time.sleep(seconds)

    def take_new(self):
        while True:
            try:
                kind, payout = self.payouts.get_nowait()
            except queue.Empty:
                return
            if kind == "sandbox":
                story = [(0, self.teller.sandboxed(payout))]
            else:
                story = self.teller.story(payout)
                if self.rng.random() < 0.05:
                    story.append((0, self.teller.unknown()))
            for _, report in story:
                if report is not None and report.tries == 0 and report.first_sent is None:
                    report.first_sent = 0.0
                    self.history.add_report(report)
            self.push(story)

    def push(self, story):
        if story:
            pause = story[0][0] if not self.load.calm.is_set() else min(story[0][0], 3.0)
            self.order += 1
            heapq.heappush(self.later, (time.monotonic() + pause, self.order, story))

    def turn(self):
        when, _, story = self.later[0]
        wait = when - time.monotonic()
        if wait > 0:
            self.rest(min(wait, 0.05))
            return
        heapq.heappop(self.later)
        report = story[0][1]
        if report is not None and not self.publish(report):
            # Not known to be with the broker: it is sent again, before anything else of this payout.
            self.push([(self.rng.uniform(0.05, 0.3), report), *story[1:]])
            return
        self.push(story[1:])

    def publish(self, report):
        try:
            if self.channel is None or self.channel.is_closed:
                self.connect()
            properties = pika.BasicProperties(
                content_type="application/cloudevents+json",
                message_id=report.message_id,
                delivery_mode=pika.DeliveryMode.Persistent,
            )
            self.load.in_flight.change("report", 1)
            try:
                self.channel.basic_publish("chain.events", report.payout, report.body.encode(), properties, True)
            finally:
                self.load.in_flight.change("report", -1)
        except (pika.exceptions.AMQPError, OSError):
            self.channel = None
            self.history.sent(report, False)
            return False
        self.history.sent(report, True)
        self.load.last_report = time.monotonic()
        self.load.progress("report")
        return True

    def connect(self):
        parameters = pika.URLParameters(self.load.amqp_url)
        parameters.heartbeat = 30
        parameters.socket_timeout = parameters.blocked_connection_timeout = 20
        self.channel = pika.BlockingConnection(parameters).channel()
        self.channel.confirm_delivery()
