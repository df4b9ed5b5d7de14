"""Every fault takes effect where something is under way, and says so where nothing is."""

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
from proxy import Loop, Proxy
from protocols import Http

REQUEST = b"POST /payouts HTTP/1.1\r\n\r\n"


class Server(threading.Thread):
    """Answers every piece with one of its own, and keeps what it got."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.got = []
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.got.append(data)
                time.sleep(0.05)
                connection.sendall(b"HTTP/1.1 201 Created\r\n\r\n")

class FaultsTest(unittest.TestCase):
    def setUp(self):
        faults.PATIENCE = 0.5
        self.loop, self.server = Loop(), Server()
        self.proxy = Proxy(self.loop, "partners", Http, self.server.socket.getsockname())
        self.client = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=20)

    def tearDown(self):
        self.client.close()
        self.loop.end()
        self.server.socket.close()

    def during(self, fault, seed=1):
        """What the fault says, and what the client of one request gets."""
        said = []
        thread = threading.Thread(target=lambda: said.append(self.loop.do(fault(self.proxy, random.Random(seed)))))
        thread.start()
        while self.proxy.trap is None:
            pass
        try:
            self.client.sendall(REQUEST)
            got = self.client.recv(65536)
        except OSError:
            got = None
        thread.join()
        return said[0], got

    def test_without_a_fault_everything_passes(self):
        self.client.sendall(REQUEST)
        self.assertIn(b"201", self.client.recv(65536))
        self.assertEqual(self.server.got, [REQUEST])

    def test_each_takes_effect(self):
        for name, fault in faults.FAULTS["partners"].items():
            for seed in (1, 2):
                with self.subTest(fault=name, seed=seed):
                    said, got = self.during(fault, seed)
                    self.assertTrue(said is not None and said is not False, said)
                    lost = name != "delay"
                    self.assertEqual(not got, lost or name == "half-close here", f"{name}: {got}")
                    self.client.close()
                    self.client = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=20)

    def test_a_swallowed_answer_was_given(self):
        said, got = self.during(faults.swallow_reply)
        self.assertEqual((said, got), ({}, None if got is None else b""))
        self.assertEqual(self.server.got, [REQUEST])

    def test_a_swallowed_request_never_arrived(self):
        self.during(faults.swallow_request)
        self.assertEqual(self.server.got, [])

    def test_nothing_under_way_is_no_effect(self):
        faults.PATIENCE = 0.1
        for name, fault in faults.FAULTS["partners"].items():
            with self.subTest(fault=name):
                self.assertIsNone(self.loop.do(fault(self.proxy, random.Random(1))))


if __name__ == "__main__":
    unittest.main()
