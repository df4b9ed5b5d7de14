"""Every connection fault takes effect while a request is pending, and reports no effect otherwise."""

import contextlib
import random
import socket
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import faults
from protocols import HttpParser
from proxy import Proxy, ProxyThread

REQUEST = b"POST /payouts HTTP/1.1\r\n\r\n"


class Server(threading.Thread):
    """Sends a response for each received piece, and records the pieces."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.received = []
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.respond, args=(connection,), daemon=True).start()

    def respond(self, connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.received.append(data)
                time.sleep(0.05)
                connection.sendall(b"HTTP/1.1 201 Created\r\n\r\n")


class FaultsTest(unittest.TestCase):
    def setUp(self):
        faults.TRIGGER_TIMEOUT = 0.5
        self.proxy_thread, self.server = ProxyThread(), Server()
        self.proxy = Proxy(self.proxy_thread, HttpParser, self.server.socket.getsockname())
        self.client = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=20)

    def tearDown(self):
        self.client.close()
        self.proxy_thread.stop()
        self.server.socket.close()

    def inject(self, fault, seed=1):
        """Sends one request under the fault. Returns the fault's effect and what the client received."""
        effects = []

        def run_fault():
            effects.append(self.proxy_thread.call(fault(self.proxy, random.Random(seed))))

        thread = threading.Thread(target=run_fault)
        thread.start()
        while self.proxy.trigger is None:
            pass
        try:
            self.client.sendall(REQUEST)
            received = self.client.recv(65536)
        except OSError:
            received = None
        thread.join()
        return effects[0], received

    def test_without_a_fault_all_bytes_are_forwarded(self):
        self.client.sendall(REQUEST)
        self.assertIn(b"201", self.client.recv(65536))
        self.assertEqual(self.server.received, [REQUEST])

    def test_every_fault_takes_effect_on_a_pending_request(self):
        for name, fault in faults.FAULTS["partners"].items():
            for seed in (1, 2):
                with self.subTest(fault=name, seed=seed):
                    effect, received = self.inject(fault, seed)
                    self.assertTrue(effect is not None and effect is not False, effect)
                    self.assertEqual(not received, name != "delay", f"{name}: {received}")
                    self.client.close()
                    self.client = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=20)

    def test_a_lost_response_follows_a_request_that_arrived(self):
        effect, received = self.inject(faults.lose_response)
        self.assertEqual((effect, received), ({}, None if received is None else b""))
        self.assertEqual(self.server.received, [REQUEST])

    def test_a_lost_request_never_arrives(self):
        self.inject(faults.lose_request)
        self.assertEqual(self.server.received, [])

    def test_without_a_request_no_fault_takes_effect(self):
        faults.TRIGGER_TIMEOUT = 0.1
        for name, fault in faults.FAULTS["partners"].items():
            with self.subTest(fault=name):
                self.assertIsNone(self.proxy_thread.call(fault(self.proxy, random.Random(1))))


if __name__ == "__main__":
    unittest.main()
