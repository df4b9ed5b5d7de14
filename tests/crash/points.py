"""The failpoints at which a payoutd built with the feature `failpoints` can be made to abort. They are before
and after each step that matters for durability, under the same names in payoutd's sources."""

# A report: received, decided, committed, replied to, acknowledged.
REPORT = [
    "report-received",
    "decided",
    "batch-gathered",
    "batch-committed",
    "committed",
    "replying",
    "replied",
]
ACKNOWLEDGE = ["report-settled", "report-acknowledged"]
DEAD_LETTER = ["dead-letter-sending", "dead-letter-sent"]
PARK = ["report-parking", "report-parked", "parked-report-put-aside", "report-unparked"]
CREATE = ["creating", "created"]
# An event: published, confirmed, deleted from the outbox.
PUBLISH = ["publishing", "published", "confirmed", "outbox-cleared"]
STATEMENT = ["statement-sending", "statement-answered"]
# SQLite only: PostgreSQL commits with one statement.
TRANSACTION = ["transaction-begun", "transaction-committing", "transaction-committed"]

POINTS = {"postgres": [*REPORT, *ACKNOWLEDGE, *DEAD_LETTER, *PARK, *CREATE, *PUBLISH, *STATEMENT]}
POINTS["sqlite"] = [*POINTS["postgres"], *TRANSACTION]

# The occurrences at which payoutd aborts. SQLite executes several statements in one transaction.
OCCURRENCES = {point: (1, 3, 20) for points in POINTS.values() for point in points}
OCCURRENCES |= {point: (1, 2) for point in [*DEAD_LETTER, *PARK]}
OCCURRENCES |= {point: (1, 2, 3, 4, 5, 20, 50) for point in STATEMENT}
