"""Clients of the event streams (`GET /payouts/{id}/events`), which resume a stream after it breaks."""

import http.client
import json
import random
import threading
import time


class StreamClient(threading.Thread):
    """Reads the streams of random payouts, one after another."""

    def __init__(self, context, number):
        super().__init__(daemon=True)
        self.context, self.history = context, context.history
        self.rng = random.Random(f"{context.seed}/stream/{number}")

    def run(self):
        while not self.context.finished.is_set():
            with self.history.lock:
                recent = list(self.history.owners)[-30:]
            if not recent:
                time.sleep(0.1)
                continue
            try:
                self.read_stream(self.rng.choice(recent))
            except Exception as error:
                self.history.add_violation("harness", f"a stream client failed: {error!r}")
                raise

    def read_stream(self, payout):
        """Reads a payout's stream from its first or its newest event, until it ends or for 2 to 15 s."""
        last = self.rng.choice([0, None])
        deadline = time.monotonic() + self.rng.uniform(2, 15)
        connections = 0
        while not self.context.finished.is_set() and time.monotonic() < deadline:
            ended, last = self.read_connection(payout, last, deadline)
            connections += 1
            if connections > 1:
                self.history.count("streams resumed")
            if ended:
                return
            time.sleep(self.rng.uniform(0.02, 0.2))

    def read_connection(self, payout, last, deadline):
        """Reads one connection. Returns whether the stream has ended, and the last sequence seen."""
        connection = http.client.HTTPConnection("127.0.0.1", self.context.client_port, timeout=10)
        try:
            headers = {"Authorization": f"Bearer {self.history.owners[payout].key}"}
            if last is not None:
                headers["Last-Event-ID"] = str(last)
            connection.request("GET", f"/payouts/{payout}/events", headers=headers)
            response = connection.getresponse()
            if response.status == 204:
                return True, last
            if response.status != 200:
                if response.status not in (429, 503):
                    message = f"a stream got {response.status} {response.read()}"
                    self.history.add_violation("I2", message, payout)
                return False, last
            self.history.count("streams opened")
            for event in self.events(response, deadline):
                last = self.check_event(payout, last, event)
            return False, last
        except (OSError, http.client.HTTPException):
            return False, last
        finally:
            connection.close()

    def events(self, response, deadline):
        """Yields complete events only."""
        event = {}
        while time.monotonic() < deadline and not self.context.finished.is_set():
            line = response.readline()
            if not line.endswith(b"\n"):
                return
            line = line.decode().rstrip("\n")
            if not line and "data" in event:
                yield event
            if not line:
                event = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(":")
                event[name] = value.removeprefix(" ")

    def check_event(self, payout, last, event):
        """Records the event and returns its sequence."""
        sequence, body = int(event["id"]), json.loads(event["data"])
        if last is not None and sequence != last + 1:
            self.history.add_violation("I3", f"a stream has {sequence} after {last}: {event}", payout)
        if body["sequence"] != sequence or body["id"] != payout:
            self.history.add_violation("I3", f"a stream event contradicts its id: {event}", payout)
        self.history.add_stream_event(payout, sequence, event["event"], event["data"])
        return sequence
