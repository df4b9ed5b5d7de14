"""A history without violations passes the checks, and one with a single violation fails the right check."""

import copy
import json
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checks import Checks
from delivery_checks import DeliveryChecks
from history import History, Report
from model import Model
from partners import Partner
from scenarios import rfc3339
from webhooks import DeliveryAttempt

CREATED = 1_700_000_000
PAYOUT = "pay_" + "1" * 32
ROW = {
    "id": "1" * 32,
    "org_id": "2" * 32,
    "mode": "live",
    "quote_id": "quo_1",
    "tracking_token": "3" * 32,
    "external_ref": "order",
    "destination": "T1",
    "asset": "USDT",
    "user_sends": "11",
    "recipient_gets": "10",
    "fee_total_usd": "1",
    "from_network": "tron",
    "to_network": "tron",
    "estimated_seconds": "60",
    "seconds_after_broadcast": "30",
    "created_at": CREATED * 1_000_000,
    "attention": None,
}


def entry(number, kind, seconds, **data):
    at = rfc3339(CREATED + seconds)
    report = {
        "source": "watcher",
        "id": str(number),
        "type": kind,
        "time": at,
        "data": {"network": "tron", **data},
    }
    recorded = {
        "version": number,
        "recorded_at": at,
        "cause": "report",
        "report": report,
        "outcome": "applied",
    }
    row = {"payout_id": ROW["id"], "version": str(number), "source": "watcher", "report_id": str(number)}
    return row | {"outcome": "applied", "entry": json.dumps(recorded)}


def body_of(view):
    """The body of a poll."""
    keys = ("sequence", "status", "at", "tx_hash", "network", "inferred")
    timeline = [dict(zip(keys, line)) for line in view["timeline"]]
    for line in timeline:
        line["at"] = rfc3339(line["at"] / 1_000_000)
    return {
        "id": PAYOUT,
        "status": view["status"],
        "sequence": view["sequence"],
        "estimated_delivery_at": rfc3339(view["estimated_delivery_at"] / 1_000_000),
        "late": view["late"],
        "timeline": timeline,
        "failure": None,
        "funds": {"location": view["funds"][0], "safe_to_retry": view["funds"][1]},
        "fees_paid_usd": str(view["fees_paid_usd"]),
        "final_recipient_amount": str(view["final_recipient_amount"]),
    }


class Database:
    def __init__(self):
        self.tables = {
            "journal": [entry(2, "broadcast", 5, tx_hash="a1"), entry(3, "delivered", 9, tx_hash="a1")],
            "parked_reports": [],
            "outbox": [],
            "planned_reports": [],
            "webhook_deliveries": [
                {"payout_id": ROW["id"], "sequence": str(n), "status": "succeeded"} for n in (2, 3)
            ],
        }
        model = Model(ROW)
        for row in self.tables["journal"]:
            model.report(json.loads(row["entry"])["report"], (CREATED + 10) * 1_000_000)
        self.model = model
        now = {"status": "delivered", "version": "3", "sequence": "3", "late": False}
        self.tables["payouts"] = [ROW | now | {"estimated_delivery_at": model.due}]

    def table(self, name, _columns):
        return copy.deepcopy(self.tables[name])

    def count(self, name):
        return len(self.tables[name])


class ChecksTest(unittest.TestCase):
    """One payout that was created, broadcast and delivered, as all observers saw it."""

    def setUp(self):
        self.database, self.history = Database(), History()
        self.owner = Partner("acme", "live", "sk")
        self.history.owners[PAYOUT] = self.owner
        self.bodies = {n: body_of(view) for n, view in self.database.model.views.items()}
        for n, kind in self.database.model.event_types.items():
            event = {"type": kind, "data": self.bodies[n]}
            self.history.add_event(PAYOUT, n, json.dumps(event), False)
            self.history.add_poll(PAYOUT, n, n + 0.5, n, json.dumps(self.bodies[n]))
            self.history.add_stream_event(PAYOUT, n, kind, json.dumps(self.bodies[n]))
        for row in self.database.tables["journal"]:
            recorded = json.loads(row["entry"])["report"]
            event = {"type": f"chain.{recorded['type']}", "time": recorded["time"], "data": recorded["data"]}
            report = Report(("watcher", recorded["id"]), PAYOUT, json.dumps(event), "journal", "m")
            report.attempts = report.confirms = 1
            self.history.add_report(report)
        self.attempts = [self.attempt(2), self.attempt(3)]

    def attempt(self, n, accepted=True, **changed):
        previous = self.bodies[n - 1]["status"]
        data = self.bodies[n] | {"previous_status": previous} | changed
        body = json.dumps({"type": self.database.model.event_types[n], "data": data})
        return DeliveryAttempt(self.owner.account, f"msg_{n}", body, accepted)

    def violated(self, queued=0):
        """The invariants that the checks report as violated."""
        checks = Checks(self.history, self.database, queued)
        checks.run()
        receiver = SimpleNamespace(attempts={(self.owner.account, PAYOUT): self.attempts})
        DeliveryChecks(checks, receiver, self.database).run()
        return {invariant for invariant, _, _ in self.history.violations}

    def test_a_correct_history_has_no_violations(self):
        self.assertEqual(self.violated(), set(), self.history.violations)

    def test_a_poll_with_a_lower_sequence_than_before_violates_i3(self):
        self.history.add_poll(PAYOUT, 9, 9.5, 1, json.dumps(self.bodies[1]))
        self.assertEqual(self.violated(), {"I3"})

    def test_a_row_that_differs_from_its_replay_violates_i4(self):
        self.database.tables["payouts"][0]["status"] = "broadcast"
        self.assertEqual(self.violated(), {"I4", "I10"})

    def test_a_lost_report_and_a_queued_report_violate_i5_and_i6(self):
        lost = Report(("watcher", "9"), PAYOUT, "{}", "journal", "m")
        lost.attempts = lost.confirms = 1
        self.history.add_report(lost)
        self.assertEqual(self.violated(queued=1), {"I5", "I6"})

    def test_a_change_without_an_event_violates_i7(self):
        self.history.events[PAYOUT].remove(2)
        self.assertEqual(self.violated(), {"I7"})

    def test_events_in_the_wrong_order_violate_i7(self):
        self.history.events[PAYOUT].reverse()
        self.assertEqual(self.violated(), {"I7"})

    def test_an_event_with_the_sequence_of_another_violates_i3_and_i7(self):
        self.history.event_bodies[(PAYOUT, 2)] = self.history.event_bodies[(PAYOUT, 3)]
        self.assertEqual(self.violated(), {"I3", "I7"})

    def test_webhooks_in_the_wrong_order_violate_i3(self):
        self.attempts.reverse()
        self.assertEqual(self.violated(), {"I3"})

    def test_a_webhook_sent_before_the_previous_one_was_accepted_violates_i3(self):
        self.attempts = [self.attempt(2, accepted=False), self.attempt(3), self.attempt(2)]
        self.assertEqual(self.violated(), {"I3"})

    def test_a_missing_or_abandoned_webhook_violates_i7(self):
        del self.attempts[1]
        self.assertEqual(self.violated(), {"I7"})
        self.setUp()
        self.database.tables["webhook_deliveries"][0]["status"] = "failed"
        self.assertEqual(self.violated(), {"I7"})

    def test_a_repeated_webhook_violates_i7_only_if_it_differs(self):
        self.attempts.append(self.attempt(2))
        self.assertEqual(self.violated(), set())
        self.attempts[-1].webhook_id = "msg_9"
        self.assertEqual(self.violated(), {"I7"})

    def test_a_webhook_with_a_wrong_body_or_previous_status_violates_i3(self):
        self.attempts[0] = self.attempt(2, late=True)
        self.assertEqual(self.violated(), {"I3"})
        self.setUp()
        self.attempts[0] = self.attempt(2, previous_status="failed")
        self.assertEqual(self.violated(), {"I3"})

    def test_a_webhook_to_another_account_violates_i8(self):
        self.history.owners[PAYOUT] = Partner("bolt", "live", "sk")
        self.assertIn("I8", self.violated())

    def test_a_stream_event_that_differs_from_the_replay_violates_i3(self):
        self.history.stream_events[(PAYOUT, 2)] = (
            "payout.broadcast",
            json.dumps(self.bodies[2] | {"late": True}),
        )
        self.assertEqual(self.violated(), {"I3"})

    def test_two_streams_that_differ_violate_i3(self):
        self.history.add_stream_event(PAYOUT, 2, "payout.broadcast", "{}")
        self.assertEqual({invariant for invariant, _, _ in self.history.violations}, {"I3"})


if __name__ == "__main__":
    unittest.main()
