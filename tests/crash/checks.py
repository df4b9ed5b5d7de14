"""The invariants, checked over the whole history and the rows. Their numbers are those of RELIABILITY.md."""

import json
from collections import Counter, defaultdict
from decimal import Decimal

from model import Model, micros, view_of
from report_checks import Reported
from database import JOURNAL, PARKED, PAYOUTS

SANDBOX_ENDS = {
    "sandbox_deliver": "delivered",
    "sandbox_fail": "failed",
    "sandbox_fail:no_liquidity": "failed",
    "sandbox_stall": "broadcast",
    "sandbox_skip_broadcast": "delivered",
    "sandbox_reorg": "failed",
}


class Checks:
    def __init__(self, history, database, queued):
        self.history, self.queued = history, queued
        self.rows = {"pay_" + row["id"]: row for row in database.table("payouts", PAYOUTS)}
        self.journal = defaultdict(list)
        for row in database.table("journal", JOURNAL):
            self.journal["pay_" + row["payout_id"]].append(row)
        self.parked = {("pay_" + r["payout_id"], r["source"], r["report_id"]) for r in database.table("parked_reports", PARKED)}
        self.left = {name: database.count(name) for name in ("planned_reports", "parked_reports")}
        # While payoutd ends, an estimate may pass: that it was announced before is for the settling to see.
        self.unsent = defaultdict(set)
        for row in database.table("outbox", ("payout_id", "sequence")):
            self.unsent["pay_" + row["payout_id"]].add(int(row["sequence"]))
        self.models, self.cells, self.checked = {}, Counter(), Counter()

    def violate(self, invariant, what, payout=None):
        self.history.violate(invariant, what, payout)

    def run(self):
        for payout, row in self.rows.items():
            self.replay(payout, row)
        self.creations()
        self.observers()
        Reported(self).run()
        self.announcements()
        self.ends()

    # ---- I4: each change once, sequence without gaps, replay equals row ------------------------------------------------

    def replay(self, payout, row):
        model = self.models[payout] = Model(row)
        for number, record in enumerate(sorted(self.journal[payout], key=lambda r: int(r["version"])), 2):
            entry = json.loads(record["entry"])
            self.checked["journal entries replayed"] += 1
            if int(record["version"]) != number or entry["version"] != number:
                self.violate("I4", f"version {record['version']} ({entry['version']}) where {number} is due", payout)
            now = micros(entry["recorded_at"])
            if entry["cause"] == "due_passed":
                expected = (model.passed(now), None)
            else:
                if (entry["report"]["source"], entry["report"]["id"]) in model.seen:
                    self.violate("I5", f"a report is recorded twice: {record['entry']}", payout)
                expected = model.report(entry["report"], now)
            found = (entry["outcome"], entry.get("reason"))
            if found != expected or record["outcome"] != found[0]:
                self.violate("I4", f"{record['entry']}: recorded {found}, to be {expected}", payout)
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
        self.checked["rows compared with their replay"] += 1
        if found != expected:
            self.violate("I4", f"the row says {found}, its replay {expected}", payout)

    # ---- I1, I2: what was acknowledged exists, once ---------------------------------------------------------------------

    def creations(self):
        backed = Counter(row["quote_id"] for row in self.rows.values())
        for quote, times in backed.items():
            if times > 1:
                self.violate("I1", f"the quote {quote} backs {times} payouts")
        for quote, answers in self.history.answers.items():
            self.checked["executions checked"] += len(answers)
            self.execution(quote, answers)

    def execution(self, quote, answers):
        partner = self.history.quotes[quote]["partner"]
        named = set()
        wins = []
        for key, answer in answers:
            body = answer.json()
            if answer.status == 201:
                named.add(body["id"])
                wins.append((key, answer))
                self.acknowledged(quote, partner, answer, body)
            else:
                named.add(body.get("payout_id"))
        if len(named) > 1:
            self.violate("I1", f"executing {quote} named {named}", next(iter(named)))
        for payout in named:
            if payout not in self.rows or self.rows[payout]["quote_id"] != quote:
                self.violate("I2", f"{quote} was said to back {payout}; the rows do not know of it", payout)
        if len({answer.text for _, answer in wins}) > 1:
            self.violate("I1", f"executing {quote} had different answers", next(iter(named)))
        # Live, exactly one call wins; the same call asked again under its idempotency key gets its answer again.
        keys = {key for key, _ in wins}
        if partner.mode == "live" and len(wins) > 1 and (len(keys) > 1 or keys == {None}):
            self.violate("I1", f"executing {quote} was acknowledged {len(wins)} times", next(iter(named)))

    def acknowledged(self, quote, partner, answer, body):
        row = self.rows.get(body["id"])
        if row is None:
            self.violate("I2", f"an acknowledged payout is not there: {answer}", body["id"])
            return
        asked, offered = self.history.quotes[quote]["request"], self.history.quotes[quote]["body"]
        money = ("user_sends", "recipient_gets", "fee_total_usd")
        same = (
            row["mode"] == partner.mode
            and row["destination"] == asked["destination"]
            and row["external_ref"] == asked["external_ref"]
            and row["asset"].upper() == asked["asset"].upper()
            and Decimal(row["recipient_gets"]) == Decimal(asked["amount"])
            and all(Decimal(row[m]) == Decimal(offered[m]) == Decimal(body["quote"][m]) for m in money)
            and body["quote"]["route"] == offered["route"]
            and (row["from_network"], row["to_network"], int(row["estimated_seconds"]))
            == tuple(offered["route"][k] for k in ("from_network", "to_network", "estimated_seconds"))
            and row["created_at"] == micros(body["created_at"])
            and (body["status"], body["sequence"]) == ("pending", 1)
            and body["tracking_url"].endswith("/track/" + row["tracking_token"])
        )
        if not same:
            self.violate("I2", f"other terms than were acknowledged: {row} and {answer}", body["id"])

    # ---- I3: every observer sees a monotonic path ------------------------------------------------------------------------

    def observers(self):
        for payout, polls in self.history.polls.items():
            self.monotonic(payout, polls)
        for (payout, sequence), text in self.history.shown.items():
            self.same_as_model("I3", payout, sequence, json.loads(text), "a poll")
        for (payout, sequence), text in self.history.event_bodies.items():
            self.same_as_model("I3", payout, sequence, json.loads(text)["data"], "an event")

    def monotonic(self, payout, polls):
        """No poll may show less than one that had ended before it began."""
        by_end, highest, ended = sorted(polls, key=lambda p: p[1]), 0, 0
        for began, _, sequence in sorted(polls):
            while ended < len(by_end) and by_end[ended][1] <= began:
                highest = max(highest, by_end[ended][2])
                ended += 1
            self.checked["polls checked"] += 1
            if sequence < highest:
                self.violate("I3", f"a poll at {began:.3f} shows {sequence} after {highest} was shown", payout)

    def same_as_model(self, invariant, payout, sequence, body, who):
        model = self.models.get(payout)
        if model is None or sequence not in model.views:
            self.violate(invariant, f"{who} shows sequence {sequence}, which was never committed: {body}", payout)
            return
        self.checked[f"states compared with the replay: {who}"] += 1
        seen, expected = view_of(body), model.views[sequence]
        differing = {k: (seen[k], expected[k]) for k in seen if seen[k] != expected[k]}
        if differing:
            self.violate(invariant, f"{who} of sequence {sequence} is not what was committed: {differing}", payout)

    # ---- I7: every change is announced, in order ------------------------------------------------------------------------

    def announcements(self):
        for payout, model in self.models.items():
            events = self.history.events.get(payout, [])
            if model.row["mode"] == "test":
                if events:
                    self.violate("I8", f"a sandbox payout was announced: {events}", payout)
                continue
            first = list(dict.fromkeys(events))
            self.checked["changes announced"] += len(first)
            if first + sorted(self.unsent[payout] - set(first)) != list(range(1, model.sequence + 1)):
                self.violate("I7", f"announced in this order: {first}; committed up to {model.sequence}", payout)
            for sequence in first:
                text = self.history.event_bodies[(payout, sequence)]
                if json.loads(text)["type"] != model.kinds.get(sequence):
                    self.violate("I7", f"announced as another kind than {model.kinds.get(sequence)}: {text}", payout)
        for payout in set(self.history.events) - set(self.models):
            self.violate("I7", "announced, but not there", payout)

    # ---- I10: everything with evidence for an end reached it, and nothing is left -----------------------------------------

    def ends(self):
        told = {r.payout for r in self.history.reports if r.confirmed and r.expected == "journal" and '"chain.delivered"' in r.body}
        told |= {r.payout for r in self.history.reports if r.confirmed and r.expected == "journal" and '"chain.failed"' in r.body}
        for payout in told & set(self.rows):
            self.checked["ends checked"] += 1
            if self.rows[payout]["status"] not in ("delivered", "failed"):
                self.violate("I10", f"still {self.rows[payout]['status']}, with a report of its end", payout)
        for payout, row in self.rows.items():
            if row["mode"] == "test":
                self.checked["ends checked"] += 1
                end = SANDBOX_ENDS.get(row["external_ref"], "delivered")
                if row["status"] != end:
                    self.violate("I10", f"{row['external_ref']} is {row['status']}, not {end}", payout)
        for name, count in self.left.items():
            if count:
                self.violate("I10", f"{count} rows are left in {name}")
