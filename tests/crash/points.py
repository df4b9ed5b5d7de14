"""The points at which a payoutd built with the feature `failpoints` can be told to die: before and after each step that
matters. Where one is passed is found by its name in the sources."""

# A report: received, decided, committed, answered, acknowledged.
REPORT = ["report-received", "decided", "batch-gathered", "batch-committed", "committed", "replying", "replied"]
ACKNOWLEDGE = ["report-settled", "report-acknowledged"]
# What cannot be read, and what has to wait.
ASIDE = ["dead-letter-sending", "dead-letter-sent"]
WAITING = ["report-parking", "report-parked", "parked-report-put-aside", "report-unparked"]
# A creation.
CREATE = ["creating", "created"]
# An announcement: published, confirmed, forgotten.
ANNOUNCE = ["publishing", "published", "confirmed", "outbox-cleared"]
# Each statement, and the transaction around several.
STATEMENT = ["statement-sending", "statement-answered"]
TRANSACTION = ["transaction-begun", "transaction-committing", "transaction-committed"]

POINTS = {"postgres": [*REPORT, *ACKNOWLEDGE, *ASIDE, *WAITING, *CREATE, *ANNOUNCE, *STATEMENT]}
POINTS["sqlite"] = [*POINTS["postgres"], *TRANSACTION]

# How often a point is passed before the process dies there. SQLite runs several statements in one transaction.
PASSINGS = {point: (1, 3, 20) for points in POINTS.values() for point in points}
PASSINGS |= {point: (1, 2) for point in [*ASIDE, *WAITING]}
PASSINGS |= {point: (1, 2, 3, 4, 5, 20, 50) for point in STATEMENT}
