"""HTTP calls that may get no answer."""

import http.client
import json
import threading
import time


class Lost(Exception):
    """No answer came; nobody knows what happened."""


class Answer:
    def __init__(self, status, text, headers, began, ended):
        self.status, self.text, self.headers, self.began, self.ended = status, text, headers, began, ended

    def json(self):
        return json.loads(self.text)

    def code(self):
        try:
            return self.json().get("code")
        except ValueError:
            return None

    def __repr__(self):
        return f"{self.status} {self.began:.3f}..{self.ended:.3f} {self.text}"


class InFlight:
    """How many calls wait for their answers right now."""

    def __init__(self):
        self.lock = threading.Lock()
        self.open = {}

    def change(self, what, by):
        with self.lock:
            self.open[what] = self.open.get(what, 0) + by

    def now(self):
        with self.lock:
            return dict(self.open)


class Caller:
    """One client with a connection of its own. Not for several threads."""

    def __init__(self, port, in_flight, history):
        self.port, self.in_flight, self.history = port, in_flight, history
        self.connection = None

    def call(self, method, path, key, body=None, headers=None, what="read"):
        headers = dict(headers or {})
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        if body is not None:
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        self.history.count(f"{what}: asked")
        self.in_flight.change(what, 1)
        try:
            answer = self._try(method, path, body, headers)
            while answer.status == 429:
                self.history.count(f"{what}: called too often, and again when told to")
                time.sleep(int(answer.headers["retry-after"]))
                answer = self._try(method, path, body, headers)
            return answer
        except (OSError, http.client.HTTPException) as error:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            refused = isinstance(error, ConnectionRefusedError)
            self.history.count(f"{what}: {'nobody there' if refused else 'answer lost'}")
            raise Lost(repr(error)) from None
        finally:
            self.in_flight.change(what, -1)

    def _try(self, method, path, body, headers):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        began = time.monotonic()
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        ended = time.monotonic()
        return Answer(response.status, text, {k.lower(): v for k, v in response.getheaders()}, began, ended)
