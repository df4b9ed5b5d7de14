"""Partners' webhook endpoints: one for each organisation and mode, that asks for every type and does not always answer."""

import json
import random
import threading
import time
import uuid
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

from http_client import Lost

TYPES = [f"payout.{kind}" for kind in ("broadcast", "delivered", "failed", "updated", "late")]


class Arrival:
    """One attempt, as the receiver saw it."""

    def __init__(self, owner, webhook_id, body, answered):
        self.owner, self.webhook_id, self.body, self.answered = owner, webhook_id, body, answered


class Receiver:
    """Takes what is posted, and notes it in the order it came."""

    def __init__(self, run):
        self.run, self.rng = run, random.Random(f"{run.seed}/receiver")
        self.lock = threading.Lock()
        self.secrets = {}  # owner -> secret
        self.arrivals = defaultdict(list)  # (owner, payout) -> arrivals
        self.failed = set()  # webhook ids that were turned away once
        self.last = time.monotonic()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                status = receiver.take(self.path, dict((k.lower(), v) for k, v in self.headers.items()), body)
                if status is None:
                    self.close_connection = True  # without a word
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
                pass  # a killed payoutd hangs up in the middle

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def register(self, partners, caller):
        """Before there is any payout, so that every change has to be told."""
        for partner in partners:
            if partner.owns in self.secrets:
                continue
            path = "/" + "/".join(partner.owns)
            request = {"url": f"http://127.0.0.1:{self.server.server_port}{path}", "types": TYPES}
            key = {"Idempotency-Key": str(uuid.uuid4())}
            answer = None
            while answer is None or answer.status == 503:
                try:
                    answer = caller.call("POST", "/webhooks", partner.key, request, key, what="webhook")
                except Lost:
                    time.sleep(0.1)
            if answer.status != 201:
                raise RuntimeError(f"no webhook endpoint can be made: {answer}")
            self.secrets[partner.owns] = answer.json()["secret"]

    def take(self, path, headers, body):
        history, owner = self.run.history, tuple(path.strip("/").split("/"))
        self.last = time.monotonic()
        try:
            Webhook(self.secrets[owner]).verify(body, headers)
        except (WebhookVerificationError, KeyError) as error:
            history.violate("I7", f"a webhook for {owner} cannot be verified: {error!r}: {headers} {body}")
            return 400
        payout, webhook_id = json.loads(body)["data"]["id"], headers["webhook-id"]
        with self.lock:
            status = 204
            if webhook_id not in self.failed and self.rng.random() < 0.03:
                self.failed.add(webhook_id)
                status = self.rng.choice([500, 429, None])
            # Noted before it is answered: whoever comes later came after an answer.
            self.arrivals[(owner, payout)].append(Arrival(owner, webhook_id, body, status == 204))
        history.count("webhooks received" if status == 204 else "webhooks turned away")
        return status
