"""I5 and I6: every report that was published has one outcome, and nothing has one that was not."""

import json
from collections import Counter, defaultdict
from decimal import Decimal

from model import canonical, micros


class Reported:
    def __init__(self, checks):
        self.checks, self.history = checks, checks.history

    def run(self):
        recorded = self.recorded_reports()
        letters = self.dead_letters()
        outcomes = Counter()
        expected_keys = set()
        for report in self.history.reports:
            if report.tries == 0:
                continue
            self.checks.checked["reports checked"] += 1
            found = []
            if report.key is not None and (report.payout, *report.key) in recorded:
                found.append("journal")
                self.same_report(report, recorded[(report.payout, *report.key)])
            if report.key is not None and (report.payout, *report.key) in self.checks.parked:
                found.append("parked")
            found += letters.get(report.message_id if report.key is None else report.key, [])
            expected_keys.add(report.message_id if report.key is None else report.key)
            if report.confirmed and found != [report.expected]:
                self.checks.violate("I5", f"{report.key or report.message_id}: {found}, to be {report.expected}", report.payout)
            if report.confirmed:
                outcomes[found[0] if len(found) == 1 else "not one outcome"] += 1
        confirmed = sum(1 for r in self.history.reports if r.confirmed)
        if confirmed != sum(outcomes.values()) or self.checks.queued:
            self.checks.violate("I6", f"{confirmed} reports published: {dict(outcomes)}, {self.checks.queued} still queued")
        for name in set(letters) - expected_keys:
            self.checks.violate("I6", f"a dead letter of nobody's report: {name}: {letters[name]}")
        self.checks.outcomes = outcomes

    def recorded_reports(self):
        """The journal's reports of live payouts by key, each once."""
        recorded = {}
        known = {(r.payout, *r.key) for r in self.history.reports if r.key is not None}
        for payout, entries in self.checks.journal.items():
            live = payout in self.checks.rows and self.checks.rows[payout]["mode"] == "live"
            for row in entries if live else ():
                if row["source"] is None:
                    continue
                key = (payout, row["source"], row["report_id"])
                if key in recorded:
                    self.checks.violate("I5", f"recorded twice: {key}", payout)
                if key not in known:
                    self.checks.violate("I6", f"recorded, but never published: {key}", payout)
                recorded[key] = (json.loads(row["entry"])["report"], row["outcome"])
        return recorded

    def same_report(self, report, recorded):
        published, found = json.loads(report.body), recorded[0]

        def plain(data):
            told = {k: v for k, v in data.items() if v is not None and v is not False}
            for name in ("tx_hash", "replaced_by"):
                if name in told:
                    told[name] = canonical(told[name])
            for name in ("recipient_amount", "fees_paid_usd"):
                if name in told:
                    told[name] = Decimal(told[name])
            return told

        if (
            f"chain.{found['type']}" != published["type"]
            or micros(found["time"]) != micros(published["time"])
            or plain(found["data"]) != plain(published["data"])
        ):
            self.checks.violate("I5", f"recorded otherwise than published: {found} and {report.body}", report.payout)

    def dead_letters(self):
        """The reasons each message was put aside for, by message id; readable ones by key."""
        found = defaultdict(set)
        for letter in self.history.letters:
            reason, message = letter["headers"].get("payoutd-reason"), letter["headers"].get("payoutd-message-id")
            if reason is None:
                self.checks.violate("I5", f"dead-lettered without a reason: {letter}")
            if reason in ("unknown_payout", "sandbox_payout", "quarantined", "not_recordable"):
                event = json.loads(letter["body"])
                found[(event["source"], event["id"])].add(reason)
            else:
                found[message].add(reason)
        self.checks.checked["dead letters checked"] += len(self.history.letters)
        return {name: sorted(reasons) for name, reasons in found.items()}
