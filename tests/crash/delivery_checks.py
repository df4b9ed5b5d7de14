"""I3, I7 and I8 for webhooks and streams, checked against the replayed journal."""

import json


class DeliveryChecks:
    def __init__(self, checks, receiver, database):
        self.checks, self.receiver, self.history = checks, receiver, checks.history
        rows = database.table("webhook_deliveries", ("payout_id", "sequence", "status"))
        # An estimated delivery time may pass while payoutd exits: its webhook stays waiting.
        self.waiting = {
            ("pay_" + row["payout_id"], int(row["sequence"])) for row in rows if row["status"] == "waiting"
        }
        for row in rows:
            if row["status"] not in ("waiting", "succeeded"):
                self.add_violation("I7", f"a webhook was abandoned: {row}", "pay_" + row["payout_id"])

    def add_violation(self, invariant, description, payout):
        self.checks.add_violation(invariant, description, payout)

    def run(self):
        for (account, payout), attempts in self.receiver.attempts.items():
            self.check_attempts(account, payout, attempts)
        for payout, model in self.checks.models.items():
            self.check_complete(payout, model)
        for (payout, sequence), (kind, text) in self.history.stream_events.items():
            self.check_body(payout, sequence, kind, json.loads(text), "a stream")

    def check_attempts(self, account, payout, attempts):
        owner = self.history.owners.get(payout)
        if owner is not None and owner.account != account:
            self.add_violation("I8", f"{account} got a webhook of a payout of {owner.account}", payout)
        accepted, first_attempts, sequences = set(), {}, {}
        for attempt in attempts:
            body = json.loads(attempt.body)
            sequence = body["data"]["sequence"]
            missing = set(range(2, sequence)) - accepted
            if missing:
                message = f"a webhook of {sequence} before {sorted(missing)} was accepted: {attempt.body}"
                self.add_violation("I3", message, payout)
            first = first_attempts.setdefault(sequence, attempt)
            if first is attempt:
                self.check_webhook(payout, sequence, body)
            if (first.webhook_id, first.body) != (attempt.webhook_id, attempt.body):
                message = f"two webhooks of {sequence} differ: {vars(first)} and {vars(attempt)}"
                self.add_violation("I7", message, payout)
            if sequences.setdefault(attempt.webhook_id, sequence) != sequence:
                self.add_violation("I7", f"one webhook-id for two changes: {attempt.webhook_id}", payout)
            self.checks.checked["webhook repeats compared"] += first is not attempt
            if attempt.accepted:
                accepted.add(sequence)

    def check_webhook(self, payout, sequence, body):
        data = dict(body["data"])
        previous, model = data.pop("previous_status"), self.checks.models.get(payout)
        if model and sequence - 1 in model.views and previous != model.views[sequence - 1]["status"]:
            message = f"a webhook of {sequence} has the previous status {previous}: {body}"
            self.add_violation("I3", message, payout)
        self.check_body(payout, sequence, body["type"], data, "a webhook")

    def check_body(self, payout, sequence, kind, data, observer):
        """The data equals the committed state, and the body of a poll of that sequence if there was one."""
        self.checks.compare_with_model(payout, sequence, data, observer)
        model = self.checks.models.get(payout)
        if model and kind != model.event_types.get(sequence):
            expected = model.event_types.get(sequence)
            message = f"{observer} of {sequence} has the type {kind}, expected {expected}"
            self.add_violation("I3", message, payout)
        polled = self.history.poll_bodies.get((payout, sequence))
        if polled is not None:
            self.checks.checked[f"bodies compared with polls: {observer}"] += 1
            if json.loads(polled) != data:
                message = f"{observer} of {sequence} differs from a poll:\n  {data}\n  {polled}"
                self.add_violation("I3", message, payout)

    def check_complete(self, payout, model):
        """Every change was accepted at least once, except those whose webhook is still waiting."""
        owner = self.history.owners.get(payout)
        if owner is None:
            return  # no response named it, so its account is unknown
        attempts = self.receiver.attempts.get((owner.account, payout), [])
        accepted = {json.loads(attempt.body)["data"]["sequence"] for attempt in attempts if attempt.accepted}
        expected = {n for n in range(2, model.sequence + 1) if (payout, n) not in self.waiting}
        missing = expected - accepted
        self.checks.checked["changes delivered by webhook"] += len(accepted)
        if missing:
            message = f"no webhook of {sorted(missing)} was accepted; accepted: {sorted(accepted)}"
            self.add_violation("I7", message, payout)

    def invalid_reasons(self, had_episodes):
        checked, reasons = self.checks.checked, []
        if checked["changes delivered by webhook"] < checked["rows compared with the replay"] / 2:
            reasons.append("too few webhooks were accepted")
        if not checked["webhook repeats compared"]:
            reasons.append("no webhook was repeated")
        if not checked["states compared with the replay: a stream"]:
            reasons.append("no stream had an event")
        if had_episodes and not self.history.counts["streams resumed"]:
            reasons.append("no stream was resumed")
        return reasons
