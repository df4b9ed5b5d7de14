"""The database and the broker of one run."""

import contextlib
import os
import subprocess
import time
import urllib.parse
import uuid
from pathlib import Path

from broker import Broker
from database import Postgres, Sqlite
from disk import LimitedDisk

TEST_SERVERS = Path(__file__).resolve().parents[2] / "scripts" / "test-servers"


class Dependencies:
    """A database and a virtual host of the run's own, on servers of its own if the run breaks them."""

    def __init__(self, store, breaks_broker, breaks_database, scratch, limits_disk=False):
        self.name = f"crash_{uuid.uuid4().hex}"
        directory = Path(os.environ["TEST_SERVERS"]) / self.name
        own_postgres = (breaks_database or limits_disk) and store == "postgres"
        self.rabbit = directory / "rabbit" if breaks_broker else None
        self.postgres = directory / "postgres" if own_postgres else None
        self.disk = None
        if limits_disk:
            self.disk = LimitedDisk(self.postgres or f"{scratch}/disk", 256 if self.postgres else 32)
        self.broker = Broker(self.name, self.rabbit, self.control_server)
        self.database = self._database(store, scratch)
        self.database.create()

    def _database(self, store, scratch):
        if store == "sqlite":
            return Sqlite(f"{self.disk.directory if self.disk else scratch}/payoutd.db")
        if self.postgres:
            self.control_server("postgres", "start")
            return Postgres((self.postgres / "url").read_text().strip(), self.name)
        return Postgres(os.environ["TEST_POSTGRES_URL"], self.name)

    def control_server(self, server, action, *options):
        directory = self.rabbit if server == "rabbit" else self.postgres
        command = [TEST_SERVERS, server, action, directory, *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=180)

    def kill_database(self):
        self.control_server("postgres", "stop", "--kill")
        self.control_server("postgres", "start")
        return True

    def restart_database_if_stopped(self):
        """PostgreSQL stops if it cannot write its write-ahead log, and has to be started again."""
        if not self.postgres:
            return
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self.database.run("SELECT 1")
                return
            except RuntimeError:
                if not self.postmaster_runs():
                    self.control_server("postgres", "start")
                time.sleep(0.3)

    def postmaster_runs(self):
        try:
            pid = (self.postgres / "data" / "postmaster.pid").read_text().split()[0]
        except (OSError, IndexError):
            return False
        return Path(f"/proc/{pid}").exists()

    def switch_wal_segment(self):
        """Makes PostgreSQL start a new write-ahead log segment. Without space for one, it panics."""
        if self.postgres:
            with contextlib.suppress(RuntimeError):
                self.database.run("SELECT pg_switch_wal()")

    def clean_up(self):
        if self.disk:
            if self.postgres:
                self.control_server("postgres", "stop", "--kill")
            self.disk.unmount()

    def terminate_backends(self):
        """Returns whether there was any."""
        return int(self.database.terminate_backends()) > 0

    def passwords(self):
        passwords = [urllib.parse.urlsplit(self.broker.url).password]
        if isinstance(self.database, Postgres):
            passwords.append(urllib.parse.urlsplit(self.database.url).password)
        return passwords
