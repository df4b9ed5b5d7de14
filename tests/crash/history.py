"""The history of a run, as seen from outside payoutd: requests and their responses, reports published and
confirmed, events consumed. The load threads write it, and the checks read it at the end."""

import threading
from collections import Counter, defaultdict


class Report:
    """One message of a chain watcher, however often it is published."""

    def __init__(self, key, payout, body, expected, message_id):
        self.key = key  # (source, id), or None if the message is malformed
        self.payout = payout
        self.body = body
        self.expected = expected  # the outcome: "journal", or the reason for which it is dead-lettered
        self.message_id = message_id
        self.recorded = False  # whether it is in the history
        self.attempts = 0
        self.confirms = 0


class History:
    def __init__(self):
        self.lock = threading.Lock()
        self.quotes = {}  # quote id -> {"partner", "body", "request"}
        self.executions = defaultdict(list)  # quote id -> [(idempotency key, response)]
        self.polls = defaultdict(list)  # payout -> [(began, ended, sequence)]
        self.poll_bodies = {}  # (payout, sequence) -> body
        self.owners = {}  # payout -> the partner that learned of it first
        self.quote_of = {}  # payout -> quote id
        self.reports = []
        self.events = defaultdict(list)  # payout -> [sequence], in the order of arrival
        self.event_bodies = {}  # (payout, sequence) -> body
        self.stream_events = {}  # (payout, sequence) -> (type, body)
        self.dead_letters = []
        self.foreign_reads = 0  # reads with another account's key that were refused
        self.counts = Counter()
        self.violations = []

    def count(self, name, number=1):
        with self.lock:
            self.counts[name] += number

    def add_violation(self, invariant, description, payout=None):
        with self.lock:
            self.violations.append((invariant, description, payout))

    def add_quote(self, quote, partner, body, request):
        with self.lock:
            self.counts["quotes acknowledged"] += 1
            self.quotes[quote] = {"partner": partner, "body": body, "request": request}

    def add_execution(self, quote, key, response):
        with self.lock:
            self.executions[quote].append((key, response))

    def add_payout(self, payout, partner, quote):
        with self.lock:
            self.owners.setdefault(payout, partner)
            self.quote_of.setdefault(payout, quote)

    def add_poll(self, payout, began, ended, sequence, body):
        with self.lock:
            self.counts["polls succeeded"] += 1
            self.polls[payout].append((began, ended, sequence))
            first = self.poll_bodies.setdefault((payout, sequence), body)
        if first != body:
            self.add_violation("I3", f"two polls of sequence {sequence} differ:\n  {first}\n  {body}", payout)

    def add_stream_event(self, payout, sequence, kind, body):
        with self.lock:
            self.counts["stream events received"] += 1
            first = self.stream_events.setdefault((payout, sequence), (kind, body))
        if first != (kind, body):
            message = f"two streams of sequence {sequence} differ:\n  {first}\n  {kind} {body}"
            self.add_violation("I3", message, payout)

    def add_event(self, payout, sequence, body, redelivered):
        """Returns whether it is the first event of that sequence."""
        with self.lock:
            self.counts["events received"] += 1
            self.counts["events redelivered by the broker"] += bool(redelivered)
            first = self.event_bodies.setdefault((payout, sequence), body)
            is_new = sequence not in self.events[payout]
            self.events[payout].append(sequence)
        if first != body:
            self.add_violation(
                "I7", f"two events of sequence {sequence} differ:\n  {first}\n  {body}", payout
            )
        return is_new

    def add_report(self, report):
        with self.lock:
            report.recorded = True
            self.reports.append(report)

    def add_publish(self, report, confirmed):
        with self.lock:
            self.counts["reports published"] += 1
            report.attempts += 1
            if confirmed:
                self.counts["reports confirmed"] += 1
                report.confirms += 1
            else:
                self.counts["reports not confirmed"] += 1

    def describe_payout(self, payout):
        """Everything that is known about one payout, as text."""
        quote = self.quote_of.get(payout)
        lines = [f"payout {payout}, partner {self.owners.get(payout)}, quote {quote}"]
        lines += [f"  request: {self.quotes[quote]}"] if quote in self.quotes else []
        lines += [f"  response: {execution}" for execution in self.executions.get(quote, [])]
        for report in self.reports:
            if report.payout == payout:
                lines.append(
                    f"  report {report.key} published {report.attempts}, confirmed {report.confirms} times,"
                    f" expected: {report.expected}: {report.body[:600]}"
                )
        previous = None
        for began, ended, sequence in sorted(self.polls.get(payout, [])):
            if sequence != previous:
                lines.append(f"  from the poll at {began:.3f}..{ended:.3f} on: {sequence}")
            previous = sequence
        lines += [f"  polled: {body}" for (of, _), body in self.poll_bodies.items() if of == payout]
        lines.append(f"  events: {self.events.get(payout)}")
        return "\n".join(lines)
