"""A partner's webhook receiver that verifies every message with the official library.

    receiver.py SECRET

Prints its port, then one line of JSON for each request: the verified message, or the reason why it is invalid. Reads
commands from standard input, one per line: "status N" sets the status of its responses, "secret S" replaces the secret.
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
        result = {"id": self.headers["webhook-id"], "verified": True, "answered": state["status"]}
        try:
            message = state["webhook"].verify(body, {k.lower(): v for k, v in self.headers.items()})
            result["type"] = message["type"]
            result["payout"] = message["data"]["id"]
            result["sequence"] = message["data"]["sequence"]
            result["previous_status"] = message["data"]["previous_status"]
        except WebhookVerificationError as error:
            result["verified"] = False
            result["why"] = str(error)
        self.send_response(state["status"])
        self.send_header("content-length", "0")
        self.end_headers()
        print(json.dumps(result), flush=True)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
for line in sys.stdin:
    command, value = line.split()
    if command == "status":
        state["status"] = int(value)
    else:
        state["webhook"] = Webhook(value)
    print(json.dumps({"did": command}), flush=True)
