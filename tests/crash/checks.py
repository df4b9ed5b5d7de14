"""The checks of the invariants over the history and the database. RELIABILITY.md numbers the invariants."""

import json
from collections import Counter, defaultdict
from decimal import Decimal

from database import JOURNAL, PARKED, PAYOUTS
from model import Model, micros, view_of
from report_checks import ReportChecks

SANDBOX_END_STATUSES = {
    "sandbox_deliver": "delivered",
    "sandbox_fail": "failed",
    "sandbox_fail:no_liquidity": "failed",
    "sandbox_stall": "broadcast",
    "sandbox_skip_broadcast": "delivered",
    "sandbox_reorg": "failed",
}


class Checks:
    def __init__(self, history, database, queued):
        """`queued` is the number of reports left in payoutd's queue."""
        self.history, self.queued = history, queued
        self.rows = {"pay_" + row["id"]: row for row in database.table("payouts", PAYOUTS)}
        self.journal = defaultdict(list)
        for row in database.table("journal", JOURNAL):
            self.journal["pay_" + row["payout_id"]].append(row)
        self.parked = {
            ("pay_" + row["payout_id"], row["source"], row["report_id"])
            for row in database.table("parked_reports", PARKED)
        }
        self.remaining = {name: database.count(name) for name in ("planned_reports", "parked_reports")}
        # An estimated delivery time may pass while payoutd exits: its event stays in the outbox.
        self.unpublished = defaultdict(set)
        for row in database.table("outbox", ("payout_id", "sequence")):
            self.unpublished["pay_" + row["payout_id"]].add(int(row["sequence"]))
        self.models, self.cells, self.checked = {}, Counter(), Counter()

    def add_violation(self, invariant, description, payout=None):
        self.history.add_violation(invariant, description, payout)

    def run(self):
        for payout, row in self.rows.items():
            self.check_replay(payout, row)
        self.check_executions()
        self.check_observers()
        ReportChecks(self).run()
        self.check_events()
        self.check_end_statuses()

    # ---- I4: each change is recorded once, sequence has no gaps, the replay equals the row -----------------

    def check_replay(self, payout, row):
        model = self.models[payout] = Model(row)
        for number, record in enumerate(sorted(self.journal[payout], key=lambda r: int(r["version"])), 2):
            entry = json.loads(record["entry"])
            self.checked["journal entries replayed"] += 1
            if int(record["version"]) != number or entry["version"] != number:
                message = f"version {record['version']} ({entry['version']}) instead of {number}"
                self.add_violation("I4", message, payout)
            now = micros(entry["recorded_at"])
            if entry["cause"] == "due_passed":
                expected = (model.due_passed(now), None)
            else:
                if (entry["report"]["source"], entry["report"]["id"]) in model.recorded:
                    self.add_violation("I5", f"a report is recorded twice: {record['entry']}", payout)
                expected = model.report(entry["report"], now)
            found = (entry["outcome"], entry.get("reason"))
            if found != expected or record["outcome"] != found[0]:
                message = f"{record['entry']}: recorded {found}, expected {expected}"
                self.add_violation("I4", message, payout)
            model.version = number
        self.cells.update(model.cells)
        self.compare_row(payout, row, model)

    def compare_row(self, payout, row, model):
        found = {
            "status": row["status"],
            "version": int(row["version"]),
            "sequence": int(row["sequence"]),
            "due": row["estimated_delivery_at"],
            "late": row["late"],
            "attention": row["attention"],
        }
        expected = {
            "status": model.status,
            "version": model.version,
            "sequence": model.sequence,
            "due": model.due,
            "late": model.late,
            "attention": model.attention,
        }
        self.checked["rows compared with the replay"] += 1
        if found != expected:
            self.add_violation("I4", f"the row has {found}, its replay {expected}", payout)

    # ---- I1, I2: an acknowledged payout exists once, on the acknowledged terms -----------------------------

    def check_executions(self):
        backed = Counter(row["quote_id"] for row in self.rows.values())
        for quote, payouts in backed.items():
            if payouts > 1:
                self.add_violation("I1", f"the quote {quote} backs {payouts} payouts")
        for quote, executions in self.history.executions.items():
            self.checked["executions checked"] += len(executions)
            self.check_quote(quote, executions)

    def check_quote(self, quote, executions):
        partner = self.history.quotes[quote]["partner"]
        payouts, created = set(), []
        for key, response in executions:
            body = response.json()
            if response.status == 201:
                payouts.add(body["id"])
                created.append((key, response))
                self.check_terms(quote, partner, response, body)
            else:
                payouts.add(body.get("payout_id"))
        if len(payouts) > 1:
            self.add_violation("I1", f"the execution of {quote} named {payouts}", next(iter(payouts)))
        for payout in payouts:
            if payout not in self.rows or self.rows[payout]["quote_id"] != quote:
                self.add_violation("I2", f"no row has the quote {quote} and the payout {payout}", payout)
        if len({response.text for _, response in created}) > 1:
            message = f"the execution of {quote} had different responses"
            self.add_violation("I1", message, next(iter(payouts)))
        # In live mode one execution gets 201. It gets it again if it is repeated with its idempotency key.
        keys = {key for key, _ in created}
        if partner.mode == "live" and len(created) > 1 and (len(keys) > 1 or keys == {None}):
            message = f"the execution of {quote} was acknowledged {len(created)} times"
            self.add_violation("I1", message, next(iter(payouts)))

    def check_terms(self, quote, partner, response, body):
        row = self.rows.get(body["id"])
        if row is None:
            self.add_violation("I2", f"an acknowledged payout has no row: {response}", body["id"])
            return
        request, quoted = self.history.quotes[quote]["request"], self.history.quotes[quote]["body"]
        amounts = ("user_sends", "recipient_gets", "fee_total_usd")
        same = (
            row["mode"] == partner.mode
            and row["destination"] == request["destination"]
            and row["external_ref"] == request["external_ref"]
            and row["asset"].upper() == request["asset"].upper()
            and Decimal(row["recipient_gets"]) == Decimal(request["amount"])
            and all(Decimal(row[a]) == Decimal(quoted[a]) == Decimal(body["quote"][a]) for a in amounts)
            and body["quote"]["route"] == quoted["route"]
            and (row["from_network"], row["to_network"], int(row["estimated_seconds"]))
            == tuple(quoted["route"][k] for k in ("from_network", "to_network", "estimated_seconds"))
            and row["created_at"] == micros(body["created_at"])
            and (body["status"], body["sequence"]) == ("pending", 1)
            and body["tracking_url"].endswith("/track/" + row["tracking_token"])
        )
        if not same:
            message = f"the terms differ from the acknowledged ones: {row} and {response}"
            self.add_violation("I2", message, body["id"])

    # ---- I3: every observer sees a monotonic path ----------------------------------------------------------

    def check_observers(self):
        for payout, polls in self.history.polls.items():
            self.check_monotonic(payout, polls)
        for (payout, sequence), text in self.history.poll_bodies.items():
            self.compare_with_model(payout, sequence, json.loads(text), "a poll")
        for (payout, sequence), text in self.history.event_bodies.items():
            self.compare_with_model(payout, sequence, json.loads(text)["data"], "an event")

    def check_monotonic(self, payout, polls):
        """A poll must not return a lower sequence than any poll that ended before it began."""
        by_end, highest, ended = sorted(polls, key=lambda p: p[1]), 0, 0
        for began, _, sequence in sorted(polls):
            while ended < len(by_end) and by_end[ended][1] <= began:
                highest = max(highest, by_end[ended][2])
                ended += 1
            self.checked["polls checked"] += 1
            if sequence < highest:
                message = f"a poll at {began:.3f} returned {sequence} after {highest}"
                self.add_violation("I3", message, payout)

    def compare_with_model(self, payout, sequence, body, observer):
        model = self.models.get(payout)
        if model is None or sequence not in model.views:
            message = f"{observer} has sequence {sequence}, which was never committed: {body}"
            self.add_violation("I3", message, payout)
            return
        self.checked[f"states compared with the replay: {observer}"] += 1
        found, expected = view_of(body), model.views[sequence]
        differences = {k: (found[k], expected[k]) for k in found if found[k] != expected[k]}
        if differences:
            message = f"{observer} of sequence {sequence} differs from what was committed: {differences}"
            self.add_violation("I3", message, payout)

    # ---- I7: every change is published, in order -----------------------------------------------------------

    def check_events(self):
        for payout, model in self.models.items():
            events = self.history.events.get(payout, [])
            if model.row["mode"] == "test":
                if events:
                    self.add_violation("I8", f"a sandbox payout has events: {events}", payout)
                continue
            order = list(dict.fromkeys(events))
            self.checked["changes published"] += len(order)
            if order + sorted(self.unpublished[payout] - set(order)) != list(range(1, model.sequence + 1)):
                message = f"published in this order: {order}; committed up to {model.sequence}"
                self.add_violation("I7", message, payout)
            for sequence in order:
                text, kind = self.history.event_bodies[(payout, sequence)], model.event_types.get(sequence)
                if json.loads(text)["type"] != kind:
                    self.add_violation("I7", f"published with another type than {kind}: {text}", payout)
        for payout in set(self.history.events) - set(self.models):
            self.add_violation("I7", "an event of a payout that has no row", payout)

    # ---- I10: every payout with a report of its end has ended, and no work is left -------------------------

    def check_end_statuses(self):
        ended = {
            report.payout
            for report in self.history.reports
            if report.confirms
            and report.expected == "journal"
            and ('"chain.delivered"' in report.body or '"chain.failed"' in report.body)
        }
        for payout in ended & set(self.rows):
            self.checked["end statuses checked"] += 1
            if self.rows[payout]["status"] not in ("delivered", "failed"):
                message = f"still {self.rows[payout]['status']} after a report of its end"
                self.add_violation("I10", message, payout)
        for payout, row in self.rows.items():
            if row["mode"] == "test":
                self.checked["end statuses checked"] += 1
                expected = SANDBOX_END_STATUSES.get(row["external_ref"], "delivered")
                if row["status"] != expected:
                    message = f"{row['external_ref']} is {row['status']}, expected {expected}"
                    self.add_violation("I10", message, payout)
        for name, count in self.remaining.items():
            if count:
                self.add_violation("I10", f"{count} rows remain in {name}")
