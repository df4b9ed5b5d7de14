"""HTTP calls whose response may be lost."""

import http.client
import json
import threading
import time


class NoResponse(Exception):
    """The call got no response: whether it took effect is unknown."""


class Response:
    """`began` and `ended` are monotonic times, in seconds."""

    def __init__(self, status, text, headers, began, ended):
        self.status, self.text, self.headers, self.began, self.ended = status, text, headers, began, ended

    def json(self):
        return json.loads(self.text)

    def code(self):
        """The problem's code, or None."""
        try:
            return self.json().get("code")
        except ValueError:
            return None

    def __repr__(self):
        return f"{self.status} {self.began:.3f}..{self.ended:.3f} {self.text}"


class InFlightCalls:
    """Counts the calls that await a response, by operation."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = {}

    def add(self, operation, number):
        with self.lock:
            self.counts[operation] = self.counts.get(operation, 0) + number

    def snapshot(self):
        with self.lock:
            return dict(self.counts)


class Client:
    """One HTTP client with its own connection. Not thread-safe."""

    def __init__(self, port, in_flight, history):
        self.port, self.in_flight, self.history = port, in_flight, history
        self.connection = None

    def call(self, method, path, key, body=None, headers=None, operation="read"):
        """Returns the response, after retries of 429. Raises `NoResponse` if none came."""
        headers = dict(headers or {})
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        if body is not None:
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        self.history.count(f"{operation}: sent")
        self.in_flight.add(operation, 1)
        try:
            response = self._send(method, path, body, headers)
            while response.status == 429:
                self.history.count(f"{operation}: rate limited")
                time.sleep(int(response.headers["retry-after"]))
                response = self._send(method, path, body, headers)
            return response
        except (OSError, http.client.HTTPException) as error:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            refused = isinstance(error, ConnectionRefusedError)
            self.history.count(f"{operation}: {'connection refused' if refused else 'response lost'}")
            raise NoResponse(repr(error)) from None
        finally:
            self.in_flight.add(operation, -1)

    def _send(self, method, path, body, headers):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        began = time.monotonic()
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        ended = time.monotonic()
        return Response(response.status, text, {k.lower(): v for k, v in response.getheaders()}, began, ended)
