"""The broker of one run: its own virtual host, and its own server if the run breaks the broker."""

import json
import os
import subprocess
import urllib.parse
import urllib.request
from base64 import b64encode

RABBITMQCTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"


class Broker:
    def __init__(self, name, directory, control_server):
        """`directory` is that of the run's own server, or None if the server is shared. `control_server`
        starts and stops the own server."""
        self.name, self.directory, self.control_server = name, directory, control_server
        if directory:
            control_server("rabbit", "start")
            url, api = ((directory / file).read_text().strip() for file in ("url", "api-url"))
        else:
            url, api = os.environ["TEST_AMQP_URL"], os.environ["TEST_RABBIT_API_URL"]
        parts = urllib.parse.urlsplit(api)
        login = f"{parts.username}:{urllib.parse.unquote(parts.password)}"
        self.api = f"http://{parts.hostname}:{parts.port}{parts.path}"
        self.login = {"Authorization": "Basic " + b64encode(login.encode()).decode()}
        self.url = f"{url}/{name}"
        self.request_api(f"/vhosts/{name}", "PUT")

    def request_api(self, path, method="GET"):
        request = urllib.request.Request(self.api + path, headers=self.login, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read() or "null")

    def kill(self):
        self.control_server("rabbit", "stop", "--kill")
        self.control_server("rabbit", "start")
        return True

    def queued_reports(self):
        """Messages in the report queue, ready or unacknowledged, from the broker's periodic statistics."""
        return self.request_api(f"/queues/{self.name}/payoutd.chain-events").get("messages", 0)

    def set_memory_limit(self, limit):
        """Sets the memory high watermark in bytes. The broker blocks publishers while it uses more."""
        port, epmd = ((self.directory / file).read_text().strip() for file in ("port", "epmd-port"))
        node = f"payoutd-{port}@localhost"
        command = [RABBITMQCTL, "-q", "-n", node, "set_vm_memory_high_watermark", "absolute", str(limit)]
        environment = os.environ | {"HOME": str(self.directory), "ERL_EPMD_PORT": epmd}
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        if result.returncode != 0:
            raise RuntimeError(f"rabbitmqctl: {result.stdout}{result.stderr}")

    def is_blocked(self, connection_name):
        """Whether a connection of that client-provided name is blocked now."""
        return any(
            connection.get("state") == "blocked"
            and connection.get("client_properties", {}).get("connection_name") == connection_name
            for connection in self.request_api("/connections")
        )
