"""Each check finds what it is there for: a history without fault passes, and with one thing wrong it does not."""

import copy
import json
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checks import Checks
from history import History, Report
from model import Model
from partners import Partner
from scenarios import rfc3339
from delivery_checks import Told
from webhooks import Arrival

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
    report = {"source": "watcher", "id": str(number), "type": kind, "time": at, "data": {"network": "tron", **data}}
    told = {"version": number, "recorded_at": at, "cause": "report", "report": report, "outcome": "applied"}
    row = {"payout_id": ROW["id"], "version": str(number), "source": "watcher", "report_id": str(number)}
    return row | {"outcome": "applied", "entry": json.dumps(told)}


def body_of(view):
    """What a poll shows."""
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
            told = json.loads(row["entry"])
            model.report(told["report"], (CREATED + 10) * 1_000_000)
        self.model = model
        now = {"status": "delivered", "version": "3", "sequence": "3", "late": False}
        self.tables["payouts"] = [ROW | now | {"estimated_delivery_at": model.due}]

    def table(self, name, _columns):
        return copy.deepcopy(self.tables[name])

    def count(self, name):
        return len(self.tables[name])


class ChecksTest(unittest.TestCase):
    """A payout that was created, broadcast and delivered, as everybody saw it."""

    def setUp(self):
        self.database, self.history = Database(), History()
        self.owner = Partner("acme", "live", "sk")
        self.history.payouts[PAYOUT] = self.owner
        self.bodies = {n: body_of(view) for n, view in self.database.model.views.items()}
        for n, kind in self.database.model.kinds.items():
            event = {"type": kind, "data": self.bodies[n]}
            self.history.announced(PAYOUT, n, json.dumps(event), False)
            self.history.polled(PAYOUT, n, n + 0.5, n, json.dumps(self.bodies[n]))
            self.history.streamed(PAYOUT, n, kind, json.dumps(self.bodies[n]))
        for row in self.database.tables["journal"]:
            told = json.loads(row["entry"])["report"]
            event = {"type": f"chain.{told['type']}", "time": told["time"], "data": told["data"]}
            report = Report(("watcher", told["id"]), PAYOUT, json.dumps(event), "journal", "m")
            report.tries = report.confirmed = 1
            self.history.add_report(report)
        self.arrivals = [self.arrival(2), self.arrival(3)]

    def arrival(self, n, answered=True, **changed):
        before = self.bodies[n - 1]["status"]
        data = self.bodies[n] | {"previous_status": before} | changed
        body = json.dumps({"type": self.database.model.kinds[n], "data": data})
        return Arrival(self.owner.owns, f"msg_{n}", body, answered)

    def broken(self, queued=0):
        """The invariants that the checks find violated."""
        checks = Checks(self.history, self.database, queued)
        checks.run()
        receiver = SimpleNamespace(arrivals={(self.owner.owns, PAYOUT): self.arrivals})
        Told(checks, receiver, self.database).run()
        return {invariant for invariant, _, _ in self.history.violations}

    def test_without_fault_nothing_is_found(self):
        self.assertEqual(self.broken(), set(), self.history.violations)

    def test_a_poll_that_goes_back(self):
        self.history.polled(PAYOUT, 9, 9.5, 1, json.dumps(self.bodies[1]))
        self.assertEqual(self.broken(), {"I3"})

    def test_a_row_that_is_not_its_replay(self):
        self.database.tables["payouts"][0]["status"] = "broadcast"
        self.assertEqual(self.broken(), {"I4", "I10"})

    def test_a_report_that_was_lost_or_still_waits(self):
        lost = Report(("watcher", "9"), PAYOUT, "{}", "journal", "m")
        lost.tries = lost.confirmed = 1
        self.history.add_report(lost)
        self.assertEqual(self.broken(queued=1), {"I5", "I6"})

    def test_a_change_that_was_not_announced(self):
        self.history.events[PAYOUT].remove(2)
        self.assertEqual(self.broken(), {"I7"})

    def test_changes_announced_in_the_wrong_order(self):
        self.history.events[PAYOUT].reverse()
        self.assertEqual(self.broken(), {"I7"})

    def test_an_announcement_under_anothers_sequence(self):
        self.history.event_bodies[(PAYOUT, 2)] = self.history.event_bodies[(PAYOUT, 3)]
        self.assertEqual(self.broken(), {"I3", "I7"})

    def test_webhooks_in_the_wrong_order(self):
        self.arrivals.reverse()
        self.assertEqual(self.broken(), {"I3"})

    def test_a_webhook_before_the_one_before_was_taken(self):
        self.arrivals = [self.arrival(2, answered=False), self.arrival(3), self.arrival(2)]
        self.assertEqual(self.broken(), {"I3"})

    def test_a_webhook_that_never_came_or_was_given_up(self):
        del self.arrivals[1]
        self.assertEqual(self.broken(), {"I7"})
        self.setUp()
        self.database.tables["webhook_deliveries"][0]["status"] = "failed"
        self.assertEqual(self.broken(), {"I7"})

    def test_a_repeat_is_no_fault_unless_it_differs(self):
        self.arrivals.append(self.arrival(2))
        self.assertEqual(self.broken(), set())
        self.arrivals[-1].webhook_id = "msg_9"
        self.assertEqual(self.broken(), {"I7"})

    def test_a_webhook_with_another_body_or_status_before(self):
        self.arrivals[0] = self.arrival(2, late=True)
        self.assertEqual(self.broken(), {"I3"})
        self.setUp()
        self.arrivals[0] = self.arrival(2, previous_status="failed")
        self.assertEqual(self.broken(), {"I3"})

    def test_a_webhook_for_somebody_else(self):
        self.history.payouts[PAYOUT] = Partner("bolt", "live", "sk")
        self.assertIn("I8", self.broken())

    def test_a_stream_that_shows_something_else(self):
        self.history.streams[(PAYOUT, 2)] = ("payout.broadcast", json.dumps(self.bodies[2] | {"late": True}))
        self.assertEqual(self.broken(), {"I3"})

    def test_two_streams_that_differ(self):
        self.history.streamed(PAYOUT, 2, "payout.broadcast", "{}")
        self.assertEqual({invariant for invariant, _, _ in self.history.violations}, {"I3"})


if __name__ == "__main__":
    unittest.main()
