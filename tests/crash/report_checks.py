"""I5 and I6: every published report has exactly one outcome, and no other report has one."""

import json
from collections import Counter, defaultdict
from decimal import Decimal

from model import canonical, micros

# payoutd could read a report that is dead-lettered for one of these.
READABLE_REASONS = ("unknown_payout", "sandbox_payout", "quarantined", "not_recordable")


class ReportChecks:
    def __init__(self, checks):
        self.checks, self.history = checks, checks.history

    def run(self):
        recorded = self.recorded_reports()
        dead_letters = self.dead_letter_reasons()
        outcomes, published = Counter(), set()
        for report in self.history.reports:
            if report.attempts == 0:
                continue
            self.checks.checked["reports checked"] += 1
            found, name = [], report.message_id if report.key is None else report.key
            if report.key is not None and (report.payout, *report.key) in recorded:
                found.append("journal")
                self.compare_report(report, recorded[(report.payout, *report.key)])
            if report.key is not None and (report.payout, *report.key) in self.checks.parked:
                found.append("parked")
            found += dead_letters.get(name, [])
            published.add(name)
            if report.confirms and found != [report.expected]:
                message = f"{name}: outcomes {found}, expected {report.expected}"
                self.checks.add_violation("I5", message, report.payout)
            if report.confirms:
                outcomes[found[0] if len(found) == 1 else "not one outcome"] += 1
        confirmed = sum(1 for report in self.history.reports if report.confirms)
        if confirmed != sum(outcomes.values()) or self.checks.queued:
            message = f"{confirmed} reports published: {dict(outcomes)}, {self.checks.queued} still queued"
            self.checks.add_violation("I6", message)
        for name in set(dead_letters) - published:
            message = f"a dead letter that was never published: {name}: {dead_letters[name]}"
            self.checks.add_violation("I6", message)
        self.checks.outcomes = outcomes

    def recorded_reports(self):
        """The reports in the journals of live payouts, by payout and key."""
        recorded = {}
        published = {(r.payout, *r.key) for r in self.history.reports if r.key is not None}
        for payout, entries in self.checks.journal.items():
            live = payout in self.checks.rows and self.checks.rows[payout]["mode"] == "live"
            for row in entries if live else ():
                if row["source"] is None:
                    continue
                key = (payout, row["source"], row["report_id"])
                if key in recorded:
                    self.checks.add_violation("I5", f"recorded twice: {key}", payout)
                if key not in published:
                    self.checks.add_violation("I6", f"recorded, but never published: {key}", payout)
                recorded[key] = json.loads(row["entry"])["report"]
        return recorded

    def compare_report(self, report, recorded):
        published = json.loads(report.body)

        def normalize(data):
            normal = {k: v for k, v in data.items() if v is not None and v is not False}
            for name in ("tx_hash", "replaced_by"):
                if name in normal:
                    normal[name] = canonical(normal[name])
            for name in ("recipient_amount", "fees_paid_usd"):
                if name in normal:
                    normal[name] = Decimal(normal[name])
            return normal

        if (
            f"chain.{recorded['type']}" != published["type"]
            or micros(recorded["time"]) != micros(published["time"])
            or normalize(recorded["data"]) != normalize(published["data"])
        ):
            message = f"the recorded report differs from the published one: {recorded} and {report.body}"
            self.checks.add_violation("I5", message, report.payout)

    def dead_letter_reasons(self):
        """The reasons of the dead letters, by the report's key if it is readable, otherwise by message id."""
        reasons = defaultdict(set)
        for dead_letter in self.history.dead_letters:
            headers = dead_letter["headers"]
            reason, message_id = headers.get("payoutd-reason"), headers.get("payoutd-message-id")
            if reason is None:
                self.checks.add_violation("I5", f"a dead letter without a reason: {dead_letter}")
            if reason in READABLE_REASONS:
                event = json.loads(dead_letter["body"])
                reasons[(event["source"], event["id"])].add(reason)
            else:
                reasons[message_id].add(reason)
        self.checks.checked["dead letters checked"] += len(self.history.dead_letters)
        return {name: sorted(of) for name, of in reasons.items()}
