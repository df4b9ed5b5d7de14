"""Followers: they read a payout's stream of events, and resume it wherever it breaks off."""

import http.client
import json
import random
import threading
import time


class Follower(threading.Thread):
    """Follows one payout after the other."""

    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load, self.history = load, load.history
        self.rng = random.Random(f"{load.seed}/follower/{number}")

    def run(self):
        while not self.load.over.is_set():
            with self.history.lock:
                known = list(self.history.payouts)[-30:]
            if not known:
                time.sleep(0.1)
                continue
            try:
                self.follow(self.rng.choice(known))
            except Exception as error:
                self.history.violate("harness", f"a follower failed: {error!r}")
                raise

    def follow(self, payout):
        """From its first change on, or from the newest; until it has ended or there is enough of it."""
        last = self.rng.choice([0, None])
        deadline = time.monotonic() + self.rng.uniform(2, 15)
        opened = 0
        while not self.load.over.is_set() and time.monotonic() < deadline:
            over, last = self.read(payout, last, deadline)
            opened += 1
            if opened > 1:
                self.history.count("streams resumed")
            if over:
                return
            time.sleep(self.rng.uniform(0.02, 0.2))

    def read(self, payout, last, deadline):
        """One connection. Returns whether there is nothing more to come, and what was seen last."""
        connection = http.client.HTTPConnection("127.0.0.1", self.load.port, timeout=10)
        try:
            headers = {"Authorization": f"Bearer {self.history.payouts[payout].key}"}
            if last is not None:
                headers["Last-Event-ID"] = str(last)
            connection.request("GET", f"/payouts/{payout}/events", headers=headers)
            answer = connection.getresponse()
            if answer.status == 204:
                return True, last
            if answer.status != 200:
                if answer.status not in (429, 503):
                    self.history.violate("I2", f"a stream was answered with {answer.status} {answer.read()}", payout)
                return False, last
            self.history.count("streams opened")
            for event in self.events(answer, deadline):
                last = self.take(payout, last, event)
            return False, last
        except (OSError, http.client.HTTPException):
            return False, last
        finally:
            connection.close()

    def events(self, answer, deadline):
        """Only whole events: what breaks off in the middle was not sent."""
        event = {}
        while time.monotonic() < deadline and not self.load.over.is_set():
            line = answer.readline()
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

    def take(self, payout, last, event):
        sequence, body = int(event["id"]), json.loads(event["data"])
        if last is not None and sequence != last + 1:
            self.history.violate("I3", f"a stream shows {sequence} after {last}: {event}", payout)
        if body["sequence"] != sequence or body["id"] != payout:
            self.history.violate("I3", f"an event of a stream does not fit itself: {event}", payout)
        self.history.streamed(payout, sequence, event["event"], event["data"])
        return sequence
