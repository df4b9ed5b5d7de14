"""Chain watchers: independent publishers that publish a report again until the broker confirms it."""

import heapq
import queue
import random
import threading
import time

import pika

from scenarios import ReportFactory


class Watcher(threading.Thread):
    def __init__(self, context, number, scenarios):
        super().__init__(daemon=True)
        self.context, self.history = context, context.history
        self.rng = random.Random(f"{context.seed}/watcher/{number}")
        self.factory = ReportFactory(f"watcher/{number}", self.rng, scenarios)
        self.payouts = queue.SimpleQueue()  # ("live" or "sandbox", payout)
        self.scheduled = []  # heap of (time, insertion number, remaining steps of a scenario)
        self.insertions = 0
        self.channel = None
        self.idle = threading.Event()

    def run(self):
        while not self.context.finished.is_set():
            try:
                self.schedule_new_payouts()
                if not self.scheduled:
                    if self.context.settling.is_set():
                        self.idle.set()
                    self.sleep(0.02)
                    continue
                self.idle.clear()
                self.run_next_step()
            except Exception as error:
                self.history.add_violation("harness", f"a watcher failed: {error!r}")
                raise

    def sleep(self, seconds):
        """Sleeps while the connection processes its heartbeats."""
        try:
            if self.channel is not None:
                self.channel.connection.sleep(seconds)
                return
        except pika.exceptions.AMQPError:
            self.channel = None
        time.sleep(seconds)

    def schedule_new_payouts(self):
        while True:
            try:
                mode, payout = self.payouts.get_nowait()
            except queue.Empty:
                return
            if mode == "sandbox":
                steps = [(0, self.factory.for_sandbox_payout(payout))]
            else:
                steps = self.factory.scenario(payout)
                if self.rng.random() < 0.05:
                    steps.append((0, self.factory.for_unknown_payout()))
            for _, report in steps:
                if report is not None and not report.recorded:
                    self.history.add_report(report)
            self.schedule(steps)

    def schedule(self, steps):
        if steps:
            pause = steps[0][0] if not self.context.settling.is_set() else min(steps[0][0], 3.0)
            self.insertions += 1
            heapq.heappush(self.scheduled, (time.monotonic() + pause, self.insertions, steps))

    def run_next_step(self):
        due, _, steps = self.scheduled[0]
        wait = due - time.monotonic()
        if wait > 0:
            self.sleep(min(wait, 0.05))
            return
        heapq.heappop(self.scheduled)
        report = steps[0][1]
        if report is not None and not self.publish(report):
            # Not confirmed: published again before any other report of this payout.
            self.schedule([(self.rng.uniform(0.05, 0.3), report), *steps[1:]])
            return
        self.schedule(steps[1:])

    def publish(self, report):
        """Returns whether the broker confirmed it."""
        try:
            if self.channel is None or self.channel.is_closed:
                self.connect()
            properties = pika.BasicProperties(
                content_type="application/cloudevents+json",
                message_id=report.message_id,
                delivery_mode=pika.DeliveryMode.Persistent,
            )
            self.context.in_flight.add("report", 1)
            try:
                body = report.body.encode()
                self.channel.basic_publish("chain.events", report.payout, body, properties, mandatory=True)
            finally:
                self.context.in_flight.add("report", -1)
        except (pika.exceptions.AMQPError, OSError):
            self.channel = None
            self.history.add_publish(report, confirmed=False)
            return False
        self.history.add_publish(report, confirmed=True)
        self.context.last_report_at = time.monotonic()
        self.context.count_operation("report")
        return True

    def connect(self):
        parameters = pika.URLParameters(self.context.amqp_url)
        parameters.heartbeat = 30
        parameters.socket_timeout = parameters.blocked_connection_timeout = 20
        self.channel = pika.BlockingConnection(parameters).channel()
        self.channel.confirm_delivery()
