"""A partner's webhook receiver, checking every message with the official library.

    receiver.py SECRET

Prints its port, then one line of JSON for each request: what it verified, or why not. Reads commands from standard
input, one to a line: "status N" answers N from now on, "secret S" checks with another secret.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

state = {"status": 204, "webhook": Webhook(sys.argv[1])}


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        seen = {"id": self.headers["webhook-id"], "verified": True, "answered": state["status"]}
        try:
            message = state["webhook"].verify(body, dict((k.lower(), v) for k, v in self.headers.items()))
            seen["type"] = message["type"]
            seen["payout"] = message["data"]["id"]
            seen["sequence"] = message["data"]["sequence"]
            seen["previous_status"] = message["data"]["previous_status"]
        except WebhookVerificationError as error:
            seen["verified"] = False
            seen["why"] = str(error)
        self.send_response(state["status"])
        self.send_header("content-length", "0")
        self.end_headers()
        print(json.dumps(seen), flush=True)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
for line in sys.stdin:
    word, value = line.split()
    if word == "status":
        state["status"] = int(value)
    else:
        state["webhook"] = Webhook(value)
    print(json.dumps({"did": word}), flush=True)
