"""The broker of one run: a virtual host of its own; a server of its own, where it is to be broken."""

import json
import os
import subprocess
import urllib.parse
import urllib.request
from base64 import b64encode

CTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"


class Broker:
    def __init__(self, name, directory, server):
        """`directory` is None where the server is everybody's; `server` starts and stops it."""
        self.name, self.directory, self.server = name, directory, server
        if directory:
            server("rabbit", "start")
            url, api = ((directory / file).read_text().strip() for file in ("url", "api-url"))
        else:
            url, api = os.environ["TEST_AMQP_URL"], os.environ["TEST_RABBIT_API_URL"]
        parts = urllib.parse.urlsplit(api)
        login = f"{parts.username}:{urllib.parse.unquote(parts.password)}"
        self.api = f"http://{parts.hostname}:{parts.port}{parts.path}"
        self.login = {"Authorization": "Basic " + b64encode(login.encode()).decode()}
        self.url = f"{url}/{name}"
        self.ask(f"/vhosts/{name}", "PUT")

    def ask(self, path, method="GET"):
        request = urllib.request.Request(self.api + path, headers=self.login, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def kill(self):
        self.server("rabbit", "stop", "--kill")
        self.server("rabbit", "start")
        return True

    def unacknowledged(self):
        """Messages of the intake's queue, in hand or waiting, as the broker counts them now and then."""
        return self.ask(f"/queues/{self.name}/payoutd.chain-events").get("messages", 0)

    def set_memory(self, most):
        """With very little memory allowed, the broker blocks whoever publishes."""
        port, epmd = ((self.directory / file).read_text().strip() for file in ("port", "epmd-port"))
        node = f"payoutd-{port}@localhost"
        command = [CTL, "-q", "-n", node, "set_vm_memory_high_watermark", "absolute", str(most)]
        environment = os.environ | {"HOME": str(self.directory), "ERL_EPMD_PORT": epmd}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"rabbitmqctl: {done.stdout}{done.stderr}")

    def blocks(self, name):
        """Whether a connection that calls itself so is blocked right now."""
        found = self.ask("/connections")
        return any(
            connection.get("state") == "blocked" and connection.get("client_properties", {}).get("connection_name") == name
            for connection in found
        )
