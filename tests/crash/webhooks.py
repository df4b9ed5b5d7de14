"""The partners' webhook receiver: one endpoint for each account, subscribed to every type. It refuses some
attempts."""

import json
import random
import threading
import time
import uuid
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

from http_client import NoResponse

TYPES = [f"payout.{kind}" for kind in ("broadcast", "delivered", "failed", "updated", "late")]


class DeliveryAttempt:
    """One attempt to deliver a webhook, as received."""

    def __init__(self, account, webhook_id, body, accepted):
        self.account, self.webhook_id, self.body, self.accepted = account, webhook_id, body, accepted


class WebhookReceiver:
    """Verifies and records every attempt in the order of arrival."""

    def __init__(self, context):
        self.context, self.rng = context, random.Random(f"{context.seed}/receiver")
        self.lock = threading.Lock()
        self.secrets = {}  # account -> signing secret
        self.attempts = defaultdict(list)  # (account, payout) -> attempts
        self.refused = set()  # webhook ids; each is refused once at most
        self.last_attempt_at = time.monotonic()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver.receive(self.path, headers, body)
                if status is None:
                    self.close_connection = True  # no response
                    return
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a killed payoutd resets its connections

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def register(self, partners, client):
        """Creates the endpoints. Has to happen before the first payout, so that every change is delivered."""
        for partner in partners:
            if partner.account in self.secrets:
                continue
            path = "/" + "/".join(partner.account)
            request = {"url": f"http://127.0.0.1:{self.server.server_port}{path}", "types": TYPES}
            key = {"Idempotency-Key": str(uuid.uuid4())}
            response = None
            while response is None or response.status == 503:
                try:
                    response = client.call(
                        "POST", "/webhooks", partner.key, request, key, operation="webhook"
                    )
                except NoResponse:
                    time.sleep(0.1)
            if response.status != 201:
                raise RuntimeError(f"a webhook endpoint cannot be created: {response}")
            self.secrets[partner.account] = response.json()["secret"]

    def receive(self, path, headers, body):
        """Returns the status of the response, or None for no response."""
        history, account = self.context.history, tuple(path.strip("/").split("/"))
        self.last_attempt_at = time.monotonic()
        try:
            Webhook(self.secrets[account]).verify(body, headers)
        except (WebhookVerificationError, KeyError) as error:
            message = f"a webhook for {account} cannot be verified: {error!r}: {headers} {body}"
            history.add_violation("I7", message)
            return 400
        payout, webhook_id = json.loads(body)["data"]["id"], headers["webhook-id"]
        with self.lock:
            status = 204
            if webhook_id not in self.refused and self.rng.random() < 0.03:
                self.refused.add(webhook_id)
                status = self.rng.choice([500, 429, None])
            # Recorded before the response is sent, so that a later attempt also comes later in the list.
            attempt = DeliveryAttempt(account, webhook_id, body, status == 204)
            self.attempts[(account, payout)].append(attempt)
        history.count("webhooks accepted" if status == 204 else "webhooks refused")
        return status
