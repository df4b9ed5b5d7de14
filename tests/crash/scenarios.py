"""What chain watchers tell of one payout: orderly, repeated, in the wrong order, late, contradictory, unreadable."""

import json
import threading
import time
import uuid

from history import Report


def rfc3339(seconds):
    micros = round(seconds * 1_000_000)
    whole, rest = divmod(micros, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{rest:06d}Z"


class Deck:
    """Every story once before one comes again, whoever tells it: a short run is to meet every state with every report."""

    def __init__(self, rng):
        self.rng, self.left, self.lock = rng, [], threading.Lock()

    def next(self):
        with self.lock:
            if not self.left:
                self.left = list(STORIES)
                self.rng.shuffle(self.left)
            return self.left.pop()


class Teller:
    """Makes the reports of one watcher."""

    def __init__(self, source, rng, stories):
        self.source, self.rng, self.stories, self.count = source, rng, stories, 0

    def hash(self):
        return "0x" + "".join(self.rng.choices("0123456789abcdef", k=64))

    def event(self, payout, kind, data, age=None):
        # The same ids as the other watchers': only together with the source do they mean anything.
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
        return Report(key, payout, json.dumps(event), expected, str(uuid.UUID(int=self.rng.getrandbits(128))))

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

    # ---- stories: reports in the order they are published -------------------------------------------------------------

    def story(self, payout):
        """Pairs of a pause in seconds and a report."""
        told = self.stories.next()(self, payout)
        reports = []
        for report in told:
            if isinstance(report, (int, float)):
                reports.append((float(report), None))
                continue
            reports.append((self.rng.choice([0, 0, 0.01, 0.2, 0.8]), report))
            if self.rng.random() < 0.15:
                reports.append((self.rng.choice([0, 0.3, 2]), report))
            if self.rng.random() < 0.04:
                reports.append((0, self.unreadable(payout)))
        return reports

    def happy(self, p):
        tx = self.hash()
        return [self.broadcast(p, tx), self.progress(p), self.progress(p), self.delivered(p, tx)]

    def delivered_first(self, p):
        tx = self.hash()
        return [self.delivered(p, tx), self.broadcast(p, tx), self.progress(p), self.delivered(p, tx.upper())]

    def bridged(self, p):
        first, second, third = self.hash(), self.hash(), self.hash()
        told = [self.broadcast(p, first), self.broadcast(p, first), self.broadcast(p, second)]
        return [*told, self.progress(p, 40, replaced_by=third), self.delivered(p, third), self.broadcast(p, second)]

    def never_sent(self, p):
        return [self.progress(p), self.failed(p), self.failed(p), self.progress(p)]

    def failed_underway(self, p):
        tx = self.hash()
        told = [self.broadcast(p, tx), self.failed(p, tx_hash=tx, network="tron")]
        return [*told, self.broadcast(p, tx), self.progress(p), self.delivered(p, tx), self.failed(p)]

    def twice_delivered(self, p):
        return [self.broadcast(p, self.hash()), self.delivered(p, self.hash()), self.delivered(p, self.hash())]

    def taken_back(self, p):
        tx = self.hash()
        told = [self.delivered(p, tx), self.failed(p), self.failed(p, reversal=True)]
        return [*told, self.failed(p, reversal=True), self.delivered(p, tx)]

    def late(self, p):
        tx = self.hash()
        told = [self.progress(p, 1), 3.0, self.progress(p, 2), 1.0, self.broadcast(p, tx), self.progress(p, 1), 4.0]
        return [*told, self.progress(p), self.delivered(p, tx)]

    def shuffled(self, p):
        tx = self.hash()
        told = [self.broadcast(p, tx), self.progress(p), self.progress(p), self.delivered(p, tx)]
        self.rng.shuffle(told)
        return told

    def unfinished(self, p):
        return [self.broadcast(p, self.hash()), self.progress(p), self.progress(p)]

    # ---- what is no report of a live payout ---------------------------------------------------------------------------

    def unreadable(self, payout):
        event = self.event(payout, "broadcast", {"network": "tron", "tx_hash": self.hash()})
        make, reason = self.rng.choice(UNREADABLE)
        return Report(None, payout, make(event), reason, str(uuid.UUID(int=self.rng.getrandbits(128))))

    def unknown(self):
        payout = f"pay_{self.rng.getrandbits(128):032x}"
        return self.report(payout, "delivered", {"network": "tron", "tx_hash": self.hash()}, expected="unknown_payout")

    def sandboxed(self, payout):
        data = {"network": "tron", "tx_hash": self.hash()}
        return self.report(payout, "delivered", data, expected="sandbox_payout")


STORIES = [
    Teller.happy,
    Teller.happy,
    Teller.delivered_first,
    Teller.bridged,
    Teller.never_sent,
    Teller.failed_underway,
    Teller.twice_delivered,
    Teller.taken_back,
    Teller.late,
    Teller.shuffled,
    Teller.shuffled,
    Teller.unfinished,
]


def changed(**attributes):
    return lambda event: json.dumps({k: v for k, v in (event | attributes).items() if v is not None})


UNREADABLE = [
    (lambda event: json.dumps(event)[:-7], "not_json"),
    (changed(specversion=None), "not_a_cloud_event"),
    (changed(specversion="2.0"), "unsupported_version"),
    (changed(type="chain.guessed"), "unknown_type"),
    (changed(type="chain.broadcast.v2"), "unsupported_version"),
    (changed(subject=None), "no_payout"),
    (changed(subject="pay_" + "0" * 32), "payout_mismatch"),
    (changed(data={"network": "tron"}), "invalid_data"),
    (lambda event: json.dumps(event)[:-1] + ', "id": "twice"}', "duplicate_key"),
    (changed(more="x" * 70_000), "too_large"),
]
