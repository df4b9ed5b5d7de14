"""What happened, as everybody outside payoutd saw it: what clients asked and were told, what watchers published and the
broker confirmed, what services downstream received. Filled by many threads, read by the checks at the end."""

import threading
from collections import Counter, defaultdict


class Report:
    """One message of a watcher, however often it is sent."""

    def __init__(self, key, payout, body, expected, message_id):
        self.key = key  # (source, id); None where it cannot be read
        self.payout = payout
        self.body = body
        self.expected = expected  # "journal", or the reason it has to be dead-lettered for
        self.message_id = message_id
        self.tries = 0
        self.confirmed = 0
        self.first_sent = None


class History:
    def __init__(self):
        self.lock = threading.Lock()
        self.quotes = {}  # quote id -> {"partner", "body", "request"}
        self.answers = defaultdict(list)  # quote id -> answers to its execution
        self.polls = defaultdict(list)  # payout -> [(began, ended, sequence)]
        self.shown = {}  # (payout, sequence) -> the one body it may ever have in polls
        self.payouts = {}  # payout -> the partner it belongs to, as soon as anybody was told of it
        self.created = {}  # payout -> the quote it was told to come from
        self.reports = []
        self.events = defaultdict(list)  # payout -> [sequence], in the order they came
        self.event_bodies = {}  # (payout, sequence) -> the one event it may ever have
        self.streams = {}  # (payout, sequence) -> the one (type, body) it may ever have in streams
        self.letters = []
        self.strangers = 0  # calls with another's key that were answered as they must be
        self.counts = Counter()
        self.violations = []

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] += n

    def violate(self, invariant, what, payout=None):
        with self.lock:
            self.violations.append((invariant, what, payout))

    def quoted(self, quote, partner, body, request):
        with self.lock:
            self.counts["quotes acknowledged"] += 1
            self.quotes[quote] = {"partner": partner, "body": body, "request": request}

    def answered(self, quote, answer):
        with self.lock:
            self.answers[quote].append(answer)

    def told(self, payout, partner, quote):
        with self.lock:
            self.payouts.setdefault(payout, partner)
            self.created.setdefault(payout, quote)

    def polled(self, payout, began, ended, sequence, body):
        with self.lock:
            self.counts["polls answered"] += 1
            self.polls[payout].append((began, ended, sequence))
            known = self.shown.setdefault((payout, sequence), body)
        if known != body:
            self.violate("I3", f"two polls of sequence {sequence} differ:\n  {known}\n  {body}", payout)

    def streamed(self, payout, sequence, kind, body):
        with self.lock:
            self.counts["events of streams received"] += 1
            known = self.streams.setdefault((payout, sequence), (kind, body))
        if known != (kind, body):
            self.violate("I3", f"two streams of sequence {sequence} differ:\n  {known}\n  {kind} {body}", payout)

    def announced(self, payout, sequence, body, again):
        """Returns whether it was news."""
        with self.lock:
            self.counts["events received"] += 1
            self.counts["events redelivered by the broker"] += bool(again)
            known = self.event_bodies.setdefault((payout, sequence), body)
            news = sequence not in self.events[payout]
            self.events[payout].append(sequence)
        if known != body:
            self.violate("I7", f"two events {sequence} differ:\n  {known}\n  {body}", payout)
        return news

    def add_report(self, report):
        with self.lock:
            self.reports.append(report)

    def sent(self, report, confirmed):
        with self.lock:
            self.counts["reports sent"] += 1
            report.tries += 1
            if confirmed:
                self.counts["reports confirmed"] += 1
                report.confirmed += 1
            else:
                self.counts["reports without a confirm"] += 1

    def of_payout(self, payout):
        """Everything that is known about one payout, for a violation's report."""
        quote = self.created.get(payout)
        lines = [f"payout {payout}, partner {self.payouts.get(payout)}, quote {quote}"]
        lines += [f"  asked: {self.quotes[quote]}"] if quote in self.quotes else []
        lines += [f"  answered: {answer}" for answer in self.answers.get(quote, [])]
        for report in self.reports:
            if report.payout == payout:
                lines.append(
                    f"  report {report.key} sent {report.tries}, confirmed {report.confirmed} times,"
                    f" expected: {report.expected}: {report.body[:600]}"
                )
        before = None
        for began, ended, sequence in sorted(self.polls.get(payout, [])):
            if sequence != before:
                lines.append(f"  from the poll at {began:.3f}..{ended:.3f} on: {sequence}")
            before = sequence
        lines += [f"  shown: {body}" for (of, _), body in self.shown.items() if of == payout]
        lines.append(f"  events: {self.events.get(payout)}")
        return "\n".join(lines)
