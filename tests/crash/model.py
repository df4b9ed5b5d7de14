"""A second, naive implementation of the contract's state machine. From a payout's row and the reports in its
journal it derives every state that an observer may have seen."""

import datetime
from decimal import Decimal

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
CLOCK_TOLERANCE = 300_000_000  # microseconds


def micros(text):
    """An RFC 3339 time in microseconds since 1970."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


def canonical(tx):
    """A transaction hash in lower case if it is hexadecimal, which is not case-sensitive."""
    if tx is None:
        return None
    digits = tx[2:] if tx[:2] in ("0x", "0X") else tx
    is_hex = all(c in "0123456789abcdefABCDEF" for c in digits) and (digits is not tx or len(tx) == 64)
    return tx.lower() if is_hex else tx


class Model:
    def __init__(self, row):
        self.row = row
        self.status, self.sequence, self.version = "pending", 1, 1
        self.due, self.estimate_time = row["created_at"] + 1_000_000 * int(row["estimated_seconds"]), 0
        self.late, self.attention = False, None
        self.hashes, self.delivery = [], None
        self.failure, self.funds = None, ("sender", False)
        self.amount, self.fees = Decimal(row["recipient_gets"]), Decimal(row["fee_total_usd"])
        self.timeline = [(1, "pending", row["created_at"], None, None, False)]
        self.event_types, self.recorded, self.cells = {1: "payout.created"}, set(), []
        self.views = {1: self.view()}

    def view(self):
        return {
            "status": self.status,
            "sequence": self.sequence,
            "estimated_delivery_at": self.due,
            "late": self.late,
            "timeline": list(self.timeline),
            "failure": self.failure,
            "funds": self.funds,
            "fees_paid_usd": self.fees,
            "final_recipient_amount": self.amount,
        }

    def change(self, kind, entry=None):
        self.sequence += 1
        self.event_types[self.sequence] = kind
        if entry:
            at, tx, network, inferred = entry
            self.timeline.append((self.sequence, self.status, at, tx, network, inferred))
        self.views[self.sequence] = self.view()

    def due_passed(self, now):
        """Checks the estimated delivery time against `now`. Returns the outcome."""
        if self.status not in ("pending", "broadcast") or self.late or self.due > now:
            return "nothing to record"
        self.late = True
        self.change("payout.late")
        return "applied"

    def report(self, report, now):
        """Applies a report. Returns its outcome and the reason."""
        key = (report["source"], report["id"])
        if key in self.recorded:
            return "unchanged", "repeat"
        self.recorded.add(key)
        self.cells.append((self.status, report["type"]))
        time = micros(report["time"])
        if time > now + CLOCK_TOLERANCE:
            time = now
        at = max(time, self.timeline[-1][2])
        data = report["data"]
        return getattr(self, "on_" + report["type"])(data, time, at, now)

    def on_broadcast(self, data, time, at, now):
        tx = canonical(data["tx_hash"])
        if self.status == "delivered":
            return "unchanged", "late"
        if self.status == "failed":
            return self.refuse("broadcast_after_failed")
        if tx in self.hashes:
            return "unchanged", "already_known"
        seconds = data.get("estimated_seconds")
        seconds = int(self.row["seconds_after_broadcast"]) if seconds is None else seconds
        return self.add_transaction(tx, data["network"], at, (time + 1_000_000 * seconds, time), now)

    def add_transaction(self, tx, network, at, estimate, now):
        if len(self.hashes) >= 32:
            return self.refuse("too_many_transactions")
        kind = "payout.broadcast" if self.status == "pending" else "payout.updated"
        self.status = "broadcast"
        self.hashes.append(tx)
        self.funds = ("in_transit", False)
        self.apply_estimate(estimate, now)
        self.change(kind, (at, tx, network.lower(), False))
        return "applied", None

    def apply_estimate(self, estimate, now):
        """Applies an estimate (the estimated delivery time, and the report's time) unless it is older than the
        current one. Returns whether the estimated delivery time changes."""
        if estimate is None or estimate[1] < self.estimate_time or estimate == (self.due, self.estimate_time):
            return False
        changed = estimate[0] != self.due
        self.due, self.estimate_time = estimate
        self.late = self.late and self.due <= now
        return changed

    def on_progress(self, data, time, at, now):
        if self.status in ("delivered", "failed"):
            return "unchanged", "late"
        whole = int(self.row["estimated_seconds" if self.status == "pending" else "seconds_after_broadcast"])
        seconds, required = data.get("estimated_seconds"), data.get("required_confirmations")
        if seconds is None and data.get("confirmations") is not None and required:
            missing = max(required - data["confirmations"], 0)
            seconds = -(-whole * missing // required)
        estimate = None if seconds is None else (time + 1_000_000 * seconds, time)
        replaced = canonical(data.get("replaced_by"))
        if self.status == "broadcast" and replaced is not None and replaced not in self.hashes:
            return self.add_transaction(replaced, data["network"], at, estimate, now)
        if self.apply_estimate_of_progress(estimate, now):
            self.change("payout.updated")
            return "applied", None
        return "unchanged", "nothing_new"

    def apply_estimate_of_progress(self, estimate, now):
        if estimate is not None and estimate[0] == self.due:
            # The estimated delivery time stays, but older estimates are ignored from now on.
            if estimate[1] >= self.estimate_time:
                self.estimate_time = estimate[1]
            return False
        return self.apply_estimate(estimate, now)

    def on_delivered(self, data, time, at, now):
        tx = canonical(data["tx_hash"])
        if self.status == "failed":
            return self.refuse("delivered_after_failed")
        if self.status == "delivered":
            return ("unchanged", "already_known") if tx == self.delivery else self.refuse("delivered_twice")
        if self.status == "pending":
            self.status, self.funds = "broadcast", ("in_transit", False)
            self.change("payout.broadcast", (at, tx, data["network"].lower(), True))
        self.status, self.funds, self.delivery = "delivered", ("recipient", False), tx
        self.due, self.late = at, False
        self.amount = Decimal(data["recipient_amount"]) if data.get("recipient_amount") else self.amount
        self.fees = Decimal(data["fees_paid_usd"]) if data.get("fees_paid_usd") else self.fees
        self.change("payout.delivered", (at, tx, data["network"].lower(), False))
        return "applied", None

    def on_failed(self, data, time, at, now):
        if self.status == "failed":
            return "unchanged", "already_known"
        if self.status == "delivered" and not data.get("reversal"):
            return self.refuse("failed_after_delivered")
        self.status, self.due, self.late = "failed", None, False
        self.failure = (data["code"], data["message"])
        where = data.get("funds") or "unknown"
        self.funds = {
            "not_sent": ("sender", True),
            "returned": ("returned", True),
            "unknown": ("unknown", False),
        }[where]
        network = data["network"].lower() if data.get("network") else None
        self.change("payout.failed", (at, canonical(data.get("tx_hash")), network, False))
        return "applied", None

    def refuse(self, reason):
        self.attention = reason
        return "refused", reason


def view_of(body):
    """The body of a poll or an event, in the form of the model's views."""
    funds = (body["funds"]["location"], body["funds"]["safe_to_retry"])
    failure = (body["failure"]["code"], body["failure"]["message"]) if body["failure"] else None
    due = body["estimated_delivery_at"]
    return {
        "status": body["status"],
        "sequence": body["sequence"],
        "estimated_delivery_at": micros(due) if due else None,
        "late": body["late"],
        "timeline": [
            (e["sequence"], e["status"], micros(e["at"]), e["tx_hash"], e["network"], e["inferred"])
            for e in body["timeline"]
        ],
        "failure": failure,
        "funds": funds,
        "fees_paid_usd": Decimal(body["fees_paid_usd"]),
        "final_recipient_amount": Decimal(body["final_recipient_amount"]),
    }
