"""The database and the broker of one run."""

import contextlib
import os
import subprocess
import time
import urllib.parse
import uuid
from pathlib import Path

from broker import Broker
from disk import Disk
from database import Postgres, Sqlite

SERVERS = Path(__file__).resolve().parents[2] / "scripts" / "test-servers"


class Neighbours:
    """Its own database and virtual host; its own servers, where they are to be broken."""

    def __init__(self, store, breaks_broker, breaks_database, scratch, small_disk=False):
        self.name = f"crash_{uuid.uuid4().hex}"
        self.own = Path(os.environ["TEST_SERVERS"]) / self.name
        self.rabbit = self.own / "rabbit" if breaks_broker else None
        self.postgres = self.own / "postgres" if (breaks_database or small_disk) and store == "postgres" else None
        self.disk = Disk(self.postgres or f"{scratch}/disk", 256 if self.postgres else 32) if small_disk else None
        self.broker = Broker(self.name, self.rabbit, self.server)
        self.database = self._database(store, scratch)
        self.database.create()

    def _database(self, store, scratch):
        if store == "sqlite":
            return Sqlite(f"{self.disk.directory if self.disk else scratch}/payoutd.db")
        if self.postgres:
            self.server("postgres", "start")
            return Postgres((self.postgres / "url").read_text().strip(), self.name)
        return Postgres(os.environ["TEST_POSTGRES_URL"], self.name)

    def server(self, which, what, *more):
        directory = self.rabbit if which == "rabbit" else self.postgres
        command = [SERVERS, which, what, directory, *more]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=180)

    def kill_database(self):
        self.server("postgres", "stop", "--kill")
        self.server("postgres", "start")
        return True

    def revive_database(self):
        """PostgreSQL gives up where it cannot even write its log; whoever makes space starts it again."""
        if not self.postgres:
            return
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self.database.run("SELECT 1")
                return
            except RuntimeError:
                if not self.postmaster_lives():
                    self.server("postgres", "start")
                time.sleep(0.3)

    def postmaster_lives(self):
        try:
            pid = (self.postgres / "data" / "postmaster.pid").read_text().split()[0]
        except (OSError, IndexError):
            return False
        return Path(f"/proc/{pid}").exists()

    def use_up_the_log(self):
        """Has PostgreSQL begin the next piece of its log, until there is no space for one and it panics."""
        if self.postgres:
            with contextlib.suppress(RuntimeError):
                self.database.run("SELECT pg_switch_wal()")

    def end(self):
        if self.disk:
            if self.postgres:
                self.server("postgres", "stop", "--kill")
            self.disk.end()

    def end_backends(self):
        return int(self.database.end_backends()) > 0

    def secrets(self):
        passwords = [urllib.parse.urlsplit(self.broker.url).password]
        if isinstance(self.database, Postgres):
            passwords.append(urllib.parse.urlsplit(self.database.url).password)
        return passwords
