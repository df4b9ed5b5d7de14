"""What webhooks and streams told, checked against the replayed journal: I3, I7, I8 and I10 for those observers."""

import json

from model import view_of


class Told:
    def __init__(self, checks, receiver, database):
        self.checks, self.receiver, self.history = checks, receiver, checks.history
        columns = ("payout_id", "sequence", "status")
        rows = database.table("webhook_deliveries", columns)
        # While payoutd ends, an estimate may pass: there is no time left to tell of it.
        self.waiting = {("pay_" + row["payout_id"], int(row["sequence"])) for row in rows if row["status"] == "waiting"}
        for row in rows:
            if row["status"] not in ("waiting", "succeeded"):
                self.violate("I7", f"a webhook was given up: {row}", "pay_" + row["payout_id"])

    def violate(self, invariant, what, payout):
        self.checks.violate(invariant, what, payout)

    def run(self):
        for (owner, payout), arrivals in self.receiver.arrivals.items():
            self.webhooks(owner, payout, arrivals)
        for payout, model in self.checks.models.items():
            self.complete(payout, model)
        for (payout, sequence), (kind, text) in self.history.streams.items():
            self.same(payout, sequence, kind, json.loads(text), "a stream")

    def webhooks(self, owner, payout, arrivals):
        known = self.history.payouts.get(payout)
        if known is not None and known.owns != owner:
            self.violate("I8", f"{owner} was told of a payout of {known.owns}", payout)
        answered, first, by_id = set(), {}, {}
        for arrival in arrivals:
            body = json.loads(arrival.body)
            sequence = body["data"]["sequence"]
            missing = set(range(2, sequence)) - answered
            if missing:
                self.violate("I3", f"told of {sequence} before {sorted(missing)} was taken: {arrival.body}", payout)
            before = first.setdefault(sequence, arrival)
            if before is arrival:
                self.body(payout, sequence, body)
            if (before.webhook_id, before.body) != (arrival.webhook_id, arrival.body):
                self.violate("I7", f"told of {sequence} in two ways: {vars(before)} and {vars(arrival)}", payout)
            if by_id.setdefault(arrival.webhook_id, sequence) != sequence:
                self.violate("I7", f"one webhook-id for two changes: {arrival.webhook_id}", payout)
            self.checks.checked["webhook repeats compared"] += before is not arrival
            if arrival.answered:
                answered.add(sequence)

    def body(self, payout, sequence, body):
        data = dict(body["data"])
        previous, model = data.pop("previous_status"), self.checks.models.get(payout)
        if model and sequence - 1 in model.views and previous != model.views[sequence - 1]["status"]:
            self.violate("I3", f"told that it was {previous} before {sequence}: {body}", payout)
        self.same(payout, sequence, body["type"], data, "a webhook")

    def same(self, payout, sequence, kind, shown, who):
        """Exactly what a poll of it shows, where there was one; and what was committed."""
        self.checks.same_as_model("I3", payout, sequence, shown, who)
        model = self.checks.models.get(payout)
        if model and kind != model.kinds.get(sequence):
            self.violate("I3", f"{who} calls {sequence} {kind}, not {model.kinds.get(sequence)}", payout)
        polled = self.history.shown.get((payout, sequence))
        if polled is not None:
            self.checks.checked[f"bodies compared with polls: {who}"] += 1
            if json.loads(polled) != shown:
                self.violate("I3", f"{who} of {sequence} differs from a poll:\n  {shown}\n  {polled}", payout)

    def complete(self, payout, model):
        """At least once, all that is not on its way still."""
        owner = self.history.payouts.get(payout)
        if owner is None:
            return  # nobody was ever told of it, so nobody knows whose it is
        arrivals = self.receiver.arrivals.get((owner.owns, payout), [])
        taken = {json.loads(arrival.body)["data"]["sequence"] for arrival in arrivals if arrival.answered}
        missing = {n for n in range(2, model.sequence + 1) if n not in taken and (payout, n) not in self.waiting}
        self.checks.checked["changes told by webhook"] += len(taken)
        if missing:
            self.violate("I7", f"no webhook told of {sorted(missing)}; the others of {sorted(taken)}", payout)

    def gates(self, disturbed):
        """Why this proves nothing, if it does not."""
        checked, why = self.checks.checked, []
        if checked["changes told by webhook"] < checked["rows compared with their replay"] / 2:
            why.append("hardly a webhook was sent")
        if not checked["webhook repeats compared"]:
            why.append("no webhook was repeated")
        if not checked["states compared with the replay: a stream"]:
            why.append("no stream showed anything")
        if disturbed and not self.history.counts["streams resumed"]:
            why.append("no stream was resumed")
        return why
