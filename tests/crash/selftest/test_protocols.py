"""The parsers report the events that the bytes of a connection complete."""

import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from protocols import AmqpParser, HttpParser, PostgresParser


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
        self.parser = PostgresParser()
        for message in START:
            self.parser.from_client(message)
        self.parser.from_server(b"N" + READY)

    def test_a_statement_that_writes_a_payout_is_a_write_when_it_is_executed(self):
        self.assertEqual(self.parser.from_client(PREPARE), {"request"})
        self.assertEqual(self.parser.from_server(READY), {"response"})
        self.assertEqual(self.parser.from_client(EXECUTE), {"request", "write"})
        self.assertTrue(self.parser.is_pending())
        self.assertEqual(self.parser.from_server(message(b"C", b"INSERT 0 1\0") + READY), {"response"})
        self.assertFalse(self.parser.is_pending())

    def test_another_statement_is_not_a_write(self):
        self.parser.from_client(message(b"P", b"s\0SELECT 1 FROM payouts\0\0\0"))
        self.assertEqual(
            self.parser.from_client(message(b"B", b"\0s\0\0") + message(b"E") + message(b"S")), {"request"}
        )

    def test_a_refused_statement_is_an_error(self):
        self.parser.from_client(PREPARE)
        self.parser.from_client(EXECUTE)
        self.assertEqual(self.parser.from_server(message(b"E", b"SERROR\0\0") + READY), {"error"})

    def test_a_write_is_found_in_pieces_of_one_byte(self):
        events = set()
        for byte in PREPARE + EXECUTE:
            events |= self.parser.from_client(bytes([byte]))
        self.assertIn("write", events)


class AmqpTest(unittest.TestCase):
    def setUp(self):
        self.parser = AmqpParser()
        self.parser.from_client(b"AMQP\0\0\x09\x01")

    def test_publishes_are_pending_until_they_are_confirmed(self):
        self.assertEqual(self.parser.from_client(method(60, 40) + method(60, 40)), {"request"})
        self.assertEqual(
            self.parser.from_server(method(60, 80, struct.pack("!QB", 1, 0))), {"confirm", "response"}
        )
        self.assertTrue(self.parser.is_pending())
        self.parser.from_server(method(60, 80, struct.pack("!QB", 2, 1)))
        self.assertFalse(self.parser.is_pending())

    def test_deliveries_are_pending_until_they_are_acknowledged(self):
        self.assertEqual(self.parser.from_server(method(60, 60)), {"request"})
        self.assertEqual(self.parser.from_client(method(60, 80, struct.pack("!QB", 1, 0))), {"ack"})
        self.assertFalse(self.parser.is_pending())


class HttpTest(unittest.TestCase):
    def test_only_an_execution_is_a_write(self):
        parser = HttpParser()
        self.assertEqual(parser.from_client(b"POST /payouts/quote HTTP/1.1\r\n"), {"request"})
        self.assertEqual(parser.from_client(b"POST /payouts HTTP/1.1\r\n"), {"request", "write"})
        self.assertTrue(parser.is_pending())
        parser.from_server(b"HTTP/1.1 201 Created\r\n")
        self.assertFalse(parser.is_pending())


if __name__ == "__main__":
    unittest.main()
