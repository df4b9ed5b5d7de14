"""The database and the broker of one run."""

import json
import os
import subprocess
import urllib.parse
import urllib.request
import uuid
from base64 import b64encode
from pathlib import Path

from rows import Postgres, Sqlite

SERVERS = Path(__file__).resolve().parents[2] / "scripts" / "test-servers"


class Neighbours:
    """Its own database and virtual host; its own servers, where they are to be broken."""

    def __init__(self, store, breaks_broker, breaks_database, scratch):
        self.name = f"crash_{uuid.uuid4().hex}"
        self.own = Path(os.environ["TEST_SERVERS"]) / self.name
        self.rabbit = self.own / "rabbit" if breaks_broker else None
        self.postgres = self.own / "postgres" if breaks_database and store == "postgres" else None
        self.amqp_url, self.api = self._broker()
        self.database = self._database(store, scratch)
        self.database.create()

    def _broker(self):
        if self.rabbit:
            self.server("rabbit", "start")
            url = (self.rabbit / "url").read_text().strip()
            api = (self.rabbit / "api-url").read_text().strip()
        else:
            url, api = os.environ["TEST_AMQP_URL"], os.environ["TEST_RABBIT_API_URL"]
        parts = urllib.parse.urlsplit(api)
        password = urllib.parse.unquote(parts.password)
        request = urllib.request.Request(
            f"http://{parts.hostname}:{parts.port}{parts.path}/vhosts/{self.name}",
            method="PUT",
            headers={"Authorization": "Basic " + b64encode(f"{parts.username}:{password}".encode()).decode()},
        )
        urllib.request.urlopen(request, timeout=30).close()
        return f"{url}/{self.name}", (request.full_url, request.headers["Authorization"])

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

    def kill_broker(self):
        self.server("rabbit", "stop", "--kill")
        self.server("rabbit", "start")

    def kill_database(self):
        self.server("postgres", "stop", "--kill")
        self.server("postgres", "start")

    def unacknowledged(self):
        """Messages of the intake's queue, in hand or waiting, as the broker counts them now and then."""
        url, authorization = self.api
        url = url.replace("/vhosts/", "/queues/") + "/payoutd.chain-events"
        request = urllib.request.Request(url, headers={"Authorization": authorization})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer).get("messages", 0)

    def secrets(self):
        passwords = [urllib.parse.urlsplit(self.amqp_url).password]
        if isinstance(self.database, Postgres):
            passwords.append(urllib.parse.urlsplit(self.database.url).password)
        return passwords
