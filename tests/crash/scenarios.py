"""Scenarios: the reports that a chain watcher publishes about one payout, in order, repeated, shuffled, late,
contradictory or malformed."""

import json
import threading
import time
import uuid

from history import Report


def rfc3339(seconds):
    micros = round(seconds * 1_000_000)
    whole, rest = divmod(micros, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{rest:06d}Z"


class ScenarioPool:
    """Draws every scenario once before any is repeated, for all watchers together. So even a short run
    combines every status with every type of report."""

    def __init__(self, rng):
        self.rng, self.remaining, self.lock = rng, [], threading.Lock()

    def draw(self):
        with self.lock:
            if not self.remaining:
                self.remaining = list(SCENARIOS)
                self.rng.shuffle(self.remaining)
            return self.remaining.pop()


class ReportFactory:
    """Makes the reports of one watcher."""

    def __init__(self, source, rng, scenarios):
        self.source, self.rng, self.scenarios, self.count = source, rng, scenarios, 0

    def tx_hash(self):
        return "0x" + "".join(self.rng.choices("0123456789abcdef", k=64))

    def event(self, payout, kind, data, age=None):
        """`age` is that of its time, in seconds."""
        # The ids of different watchers coincide: an id is unique only together with its source.
        self.count += 1
        age = self.rng.choice([0, 0, 0.5, 30, -2, -3600]) if age is None else age
        return {
            "specversion": "1.0",
            "id": str(self.count),
            "source": self.source,
            "type": f"chain.{kind}",
            "subject": payout,
            "time": rfc3339(time.time() - age),
            "datacontenttype": "application/json",
            "data": data,
        }

    def report(self, payout, kind, data, age=None, expected="journal"):
        event = self.event(payout, kind, data, age)
        key = (event["source"], event["id"])
        return Report(key, payout, json.dumps(event), expected, self.message_id())

    def message_id(self):
        return str(uuid.UUID(int=self.rng.getrandbits(128)))

    def broadcast(self, payout, tx, **more):
        if self.rng.random() < 0.5:
            more["estimated_seconds"] = self.rng.randrange(1, 90)
        if self.rng.random() < 0.3:
            more["leg"] = self.rng.choice(["source", "bridge", "destination"])
        return self.report(payout, "broadcast", {"network": "tron", "tx_hash": tx, **more})

    def progress(self, payout, seconds=None, **more):
        data = {"network": "tron", **more}
        if seconds is not None:
            data["estimated_seconds"] = seconds
        elif self.rng.random() < 0.8:
            required = self.rng.randrange(1, 30)
            data |= {"confirmations": self.rng.randrange(0, required + 2), "required_confirmations": required}
        return self.report(payout, "progress", data)

    def delivered(self, payout, tx, **more):
        if self.rng.random() < 0.5:
            more |= {"recipient_amount": f"{self.rng.randrange(1, 99)}.25", "fees_paid_usd": "0.125"}
        return self.report(payout, "delivered", {"network": "tron", "tx_hash": tx, **more})

    def failed(self, payout, **more):
        if self.rng.random() < 0.6:
            more["funds"] = self.rng.choice(["not_sent", "returned", "unknown"])
        return self.report(payout, "failed", {"code": "no_gas", "message": "It did not work.", **more})

    # ---- scenarios: reports in the order they are published ------------------------------------------------

    def scenario(self, payout):
        """Pairs of a pause in seconds and a report (None: only the pause)."""
        steps = []
        for step in self.scenarios.draw()(self, payout):
            if isinstance(step, (int, float)):
                steps.append((float(step), None))
                continue
            steps.append((self.rng.choice([0, 0, 0.01, 0.2, 0.8]), step))
            if self.rng.random() < 0.15:
                steps.append((self.rng.choice([0, 0.3, 2]), step))
            if self.rng.random() < 0.04:
                steps.append((0, self.malformed(payout)))
        return steps

    def in_order(self, p):
        tx = self.tx_hash()
        return [self.broadcast(p, tx), self.progress(p), self.progress(p), self.delivered(p, tx)]

    def delivered_first(self, p):
        tx = self.tx_hash()
        return [self.delivered(p, tx), self.broadcast(p, tx), self.progress(p), self.delivered(p, tx.upper())]

    def several_transactions(self, p):
        first, second, third = self.tx_hash(), self.tx_hash(), self.tx_hash()
        reports = [self.broadcast(p, first), self.broadcast(p, first), self.broadcast(p, second)]
        reports += [self.progress(p, 40, replaced_by=third), self.delivered(p, third)]
        return [*reports, self.broadcast(p, second)]

    def failed_before_broadcast(self, p):
        return [self.progress(p), self.failed(p), self.failed(p), self.progress(p)]

    def failed_after_broadcast(self, p):
        tx = self.tx_hash()
        reports = [self.broadcast(p, tx), self.failed(p, tx_hash=tx, network="tron")]
        return [*reports, self.broadcast(p, tx), self.progress(p), self.delivered(p, tx), self.failed(p)]

    def delivered_twice(self, p):
        return [
            self.broadcast(p, self.tx_hash()),
            self.delivered(p, self.tx_hash()),
            self.delivered(p, self.tx_hash()),
        ]

    def reversed(self, p):
        tx = self.tx_hash()
        reports = [self.delivered(p, tx), self.failed(p), self.failed(p, reversal=True)]
        return [*reports, self.failed(p, reversal=True), self.delivered(p, tx)]

    def late(self, p):
        tx = self.tx_hash()
        steps = [self.progress(p, 1), 3.0, self.progress(p, 2), 1.0, self.broadcast(p, tx)]
        steps += [self.progress(p, 1), 4.0]
        return [*steps, self.progress(p), self.delivered(p, tx)]

    def shuffled(self, p):
        tx = self.tx_hash()
        reports = [self.broadcast(p, tx), self.progress(p), self.progress(p), self.delivered(p, tx)]
        self.rng.shuffle(reports)
        return reports

    def without_end(self, p):
        return [self.broadcast(p, self.tx_hash()), self.progress(p), self.progress(p)]

    # ---- messages that are dead-lettered -------------------------------------------------------------------

    def malformed(self, payout):
        event = self.event(payout, "broadcast", {"network": "tron", "tx_hash": self.tx_hash()})
        serialize, reason = self.rng.choice(MALFORMED)
        return Report(None, payout, serialize(event), reason, self.message_id())

    def for_unknown_payout(self):
        payout = f"pay_{self.rng.getrandbits(128):032x}"
        data = {"network": "tron", "tx_hash": self.tx_hash()}
        return self.report(payout, "delivered", data, expected="unknown_payout")

    def for_sandbox_payout(self, payout):
        data = {"network": "tron", "tx_hash": self.tx_hash()}
        return self.report(payout, "delivered", data, expected="sandbox_payout")


SCENARIOS = [
    ReportFactory.in_order,
    ReportFactory.in_order,
    ReportFactory.delivered_first,
    ReportFactory.several_transactions,
    ReportFactory.failed_before_broadcast,
    ReportFactory.failed_after_broadcast,
    ReportFactory.delivered_twice,
    ReportFactory.reversed,
    ReportFactory.late,
    ReportFactory.shuffled,
    ReportFactory.shuffled,
    ReportFactory.without_end,
]


def with_attributes(**attributes):
    """Serializes an event with these attributes changed, or removed if None."""
    return lambda event: json.dumps({k: v for k, v in (event | attributes).items() if v is not None})


# How to serialize an event, and the reason for which payoutd has to dead-letter the result.
MALFORMED = [
    (lambda event: json.dumps(event)[:-7], "not_json"),
    (with_attributes(specversion=None), "not_a_cloud_event"),
    (with_attributes(specversion="2.0"), "unsupported_version"),
    (with_attributes(type="chain.guessed"), "unknown_type"),
    (with_attributes(type="chain.broadcast.v2"), "unsupported_version"),
    (with_attributes(subject=None), "no_payout"),
    (with_attributes(subject="pay_" + "0" * 32), "payout_mismatch"),
    (with_attributes(data={"network": "tron"}), "invalid_data"),
    (lambda event: json.dumps(event)[:-1] + ', "id": "twice"}', "duplicate_key"),
    (with_attributes(more="x" * 70_000), "too_large"),
]
