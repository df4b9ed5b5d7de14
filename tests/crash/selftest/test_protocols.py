"""What is read off a connection is what was said on it."""

import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from protocols import Amqp, Http, Postgres


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


def method(class_id, method_id, arguments=b""):
    payload = struct.pack("!HH", class_id, method_id) + arguments
    return struct.pack("!BHI", 1, 1, len(payload)) + payload + b"\xce"


START = struct.pack("!ii", 8, 80877103), struct.pack("!ii", 8, 196608)
PREPARE = message(b"P", b"sqlx_s_1\0INSERT INTO payouts VALUES ($1)\0\0\0") + message(b"S")
EXECUTE = message(b"B", b"\0sqlx_s_1\0\0\0\0\0\0\0") + message(b"E", b"\0\0\0\0\0") + message(b"S")
READY = message(b"Z", b"I")


class PostgresTest(unittest.TestCase):
    def setUp(self):
        self.wire = Postgres()
        for one in START:
            self.wire.client(one)
        self.wire.server(b"N" + READY)

    def test_a_money_statement_is_a_write_when_it_runs(self):
        self.assertEqual(self.wire.client(PREPARE), {"request"})
        self.assertEqual(self.wire.server(READY), {"answer"})
        self.assertEqual(self.wire.client(EXECUTE), {"request", "write"})
        self.assertTrue(self.wire.busy())
        self.assertEqual(self.wire.server(message(b"C", b"INSERT 0 1\0") + READY), {"answer"})
        self.assertFalse(self.wire.busy())

    def test_another_statement_is_none(self):
        self.wire.client(message(b"P", b"s\0SELECT 1 FROM payouts\0\0\0"))
        self.assertEqual(self.wire.client(message(b"B", b"\0s\0\0") + message(b"E") + message(b"S")), {"request"})

    def test_a_refused_statement_is_an_error(self):
        self.wire.client(PREPARE)
        self.wire.client(EXECUTE)
        self.assertEqual(self.wire.server(message(b"E", b"SERROR\0\0") + READY), {"error"})

    def test_pieces_of_any_size_say_the_same(self):
        seen = set()
        for byte in PREPARE + EXECUTE:
            seen |= self.wire.client(bytes([byte]))
        self.assertIn("write", seen)


class AmqpTest(unittest.TestCase):
    def setUp(self):
        self.wire = Amqp()
        self.wire.client(b"AMQP\0\0\x09\x01")

    def test_publishes_are_open_until_they_are_confirmed(self):
        self.assertEqual(self.wire.client(method(60, 40) + method(60, 40)), {"request"})
        self.assertEqual(self.wire.server(method(60, 80, struct.pack("!QB", 1, 0))), {"confirm", "answer"})
        self.assertTrue(self.wire.busy())
        self.wire.server(method(60, 80, struct.pack("!QB", 2, 1)))
        self.assertFalse(self.wire.busy())

    def test_reports_are_open_until_they_are_acknowledged(self):
        self.assertEqual(self.wire.server(method(60, 60)), {"request"})
        self.assertEqual(self.wire.client(method(60, 80, struct.pack("!QB", 1, 0))), {"ack"})
        self.assertFalse(self.wire.busy())


class HttpTest(unittest.TestCase):
    def test_only_an_execution_is_a_write(self):
        wire = Http()
        self.assertEqual(wire.client(b"POST /payouts/quote HTTP/1.1\r\n"), {"request"})
        self.assertEqual(wire.client(b"POST /payouts HTTP/1.1\r\n"), {"request", "write"})
        self.assertTrue(wire.busy())
        wire.server(b"HTTP/1.1 201 Created\r\n")
        self.assertFalse(wire.busy())


if __name__ == "__main__":
    unittest.main()
