"""Reads the database with psql and SQLite's own library, not with payoutd's code."""

import json
import sqlite3
import subprocess
from pathlib import Path

PAYOUTS = (
    "id org_id mode quote_id tracking_token external_ref destination asset user_sends recipient_gets"
    " fee_total_usd from_network to_network estimated_seconds seconds_after_broadcast created_at status version"
    " sequence estimated_delivery_at late attention"
).split()
JOURNAL = "payout_id version recorded_at source report_id outcome entry".split()
PARKED = "payout_id source report_id".split()
TIMESTAMPS = {"created_at", "estimated_delivery_at", "recorded_at"}


class Postgres:
    def __init__(self, server, name):
        self.server, self.url, self.name = server, f"{server}/{name}", name
        installed = sorted(
            Path("/usr/lib/postgresql").glob("*/bin/psql"), key=lambda path: int(path.parts[4])
        )
        self.psql = str(installed[-1]) if installed else "psql"

    def create(self):
        self.run(f"CREATE DATABASE {self.name}", url=f"{self.server}/postgres")

    def run(self, sql, url=None):
        command = [self.psql, url or self.url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"psql: {result.stderr}")
        return result.stdout

    def table(self, name, columns):
        expressions = [
            f"(extract(epoch FROM {c}) * 1000000)::bigint AS {c}" if c in TIMESTAMPS else f"{c}::text AS {c}"
            for c in columns
        ]
        text = self.run(f"SELECT to_json(row.*) FROM (SELECT {', '.join(expressions)} FROM {name}) row")
        return [self.normalize(json.loads(line)) for line in text.splitlines()]

    @staticmethod
    def normalize(row):
        for column in ("id", "payout_id", "org_id", "tracking_token"):
            if column in row:
                row[column] = row[column].replace("-", "")
        if "late" in row:
            row["late"] = row["late"] in ("t", "true")
        return row

    def count(self, name):
        return int(self.run(f"SELECT count(*) FROM {name}"))

    def open_transactions(self):
        """Backends that are idle in a transaction."""
        return self.run(
            "SELECT pid, state, query FROM pg_stat_activity WHERE datname = current_database()"
            " AND state LIKE 'idle in transaction%'"
        ).splitlines()

    def terminate_backends(self):
        """Returns the number of terminated backends."""
        return self.run(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


class Sqlite:
    def __init__(self, path):
        self.path, self.url = path, f"sqlite:{path}"

    def create(self):
        pass

    def connect(self):
        return sqlite3.connect(self.path, timeout=10, isolation_level=None)

    def table(self, name, columns):
        expressions = [
            f"lower(hex({c}))" if c in ("id", "payout_id", "org_id", "tracking_token") else c for c in columns
        ]
        connection = self.connect()
        rows = connection.execute(f"SELECT {', '.join(expressions)} FROM {name}").fetchall()
        connection.close()
        return [self.normalize(dict(zip(columns, row))) for row in rows]

    @staticmethod
    def normalize(row):
        if "late" in row:
            row["late"] = bool(row["late"])
        return row

    def count(self, name):
        connection = self.connect()
        (count,) = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
        connection.close()
        return count

    def open_transactions(self):
        """The error if another connection holds the write lock, in a list."""
        connection = sqlite3.connect(self.path, timeout=5, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            return [str(error)]
        finally:
            connection.close()
        return []
