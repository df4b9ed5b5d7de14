"""The database and the broker of one run."""

import os
import subprocess
import urllib.parse
import uuid
from pathlib import Path

from broker import Broker
from rows import Postgres, Sqlite

SERVERS = Path(__file__).resolve().parents[2] / "scripts" / "test-servers"


class Neighbours:
    """Its own database and virtual host; its own servers, where they are to be broken."""

    def __init__(self, store, breaks_broker, breaks_database, scratch):
        self.name = f"crash_{uuid.uuid4().hex}"
        self.own = Path(os.environ["TEST_SERVERS"]) / self.name
        self.rabbit = self.own / "rabbit" if breaks_broker else None
        self.postgres = self.own / "postgres" if breaks_database and store == "postgres" else None
        self.broker = Broker(self.name, self.rabbit, self.server)
        self.database = self._database(store, scratch)
        self.database.create()

    def _database(self, store, scratch):
        if store == "sqlite":
            return Sqlite(f"{scratch}/payoutd.db")
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

    def end_backends(self):
        return int(self.database.end_backends()) > 0

    def secrets(self):
        passwords = [urllib.parse.urlsplit(self.broker.url).password]
        if isinstance(self.database, Postgres):
            passwords.append(urllib.parse.urlsplit(self.database.url).password)
        return passwords
