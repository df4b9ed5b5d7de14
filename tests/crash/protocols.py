"""Incremental parsers of the protocols that pass through a proxy, so that a fault can hit a chosen message.

`from_client` and `from_server` take bytes that one side sent, and return the events that they complete:

- "request": a response is pending from now on
- "write": the request changes a payout
- "response", "error": every pending request has its response, or was refused
- "confirm": the broker confirms a publish
- "ack": the consumer acknowledges a delivery

`is_pending` says whether a request still awaits its response."""

import struct

# The statements that commit a payout's creation and each of its changes.
PAYOUT_WRITES = (b"INSERT INTO payouts", b"UPDATE payouts")

PROTOCOL_VERSION_3 = 196608
SSL_REQUEST = 80877103


class PostgresParser:
    """The frontend/backend protocol, version 3, without TLS."""

    def __init__(self):
        self.started, self.statements, self.bound = False, {}, b""
        self.buffers = {"client": bytearray(), "server": bytearray()}
        self.pending, self.writing, self.failed = 0, False, False
        self.ssl_requests = 0  # each is refused with a single byte that is not a message

    def is_pending(self):
        return self.pending > 0

    def from_client(self, data):
        events, buffer = set(), self.buffers["client"]
        buffer += data
        while not self.started and len(buffer) >= 8:
            length, code = struct.unpack_from("!ii", buffer)
            if len(buffer) < length:
                return events
            del buffer[:length]
            self.started = code == PROTOCOL_VERSION_3
            self.ssl_requests += code == SSL_REQUEST
        while self.started and (message := self.next_message(buffer)):
            kind, body = message
            if kind == b"P":
                name, text = body.split(b"\0", 2)[:2]
                self.statements[name] = text
            elif kind == b"B":
                self.bound = self.statements.get(body.split(b"\0", 2)[1], b"")
            elif kind == b"E" and any(write in self.bound for write in PAYOUT_WRITES):
                self.writing = True
            elif kind in (b"S", b"Q"):
                self.pending += 1
                events |= {"request", "write"} if self.writing else {"request"}
                self.writing = False
        return events

    def from_server(self, data):
        events, buffer = set(), self.buffers["server"]
        buffer += data
        if self.ssl_requests and buffer[:1] == b"N":
            del buffer[:1]
            self.ssl_requests -= 1
        while message := self.next_message(buffer):
            kind, _ = message
            if kind == b"E":
                self.failed = True
            elif kind == b"Z":
                self.pending = max(0, self.pending - 1)
                events.add("error" if self.failed else "response")
                self.failed = False
        return events

    @staticmethod
    def next_message(buffer):
        if len(buffer) < 5:
            return None
        (length,) = struct.unpack_from("!i", buffer, 1)
        if len(buffer) < 1 + length:
            return None
        kind, body = bytes(buffer[:1]), bytes(buffer[5 : 1 + length])
        del buffer[: 1 + length]
        return kind, body


class AmqpParser:
    """AMQP 0-9-1: only basic.publish, basic.deliver and basic.ack."""

    PUBLISH, DELIVER, ACK = (60, 40), (60, 60), (60, 80)

    def __init__(self):
        self.header_seen = False
        self.buffers = {"client": bytearray(), "server": bytearray()}
        self.unconfirmed, self.unacknowledged = 0, 0

    def is_pending(self):
        return self.unconfirmed > 0 or self.unacknowledged > 0

    def from_client(self, data):
        events = set()
        for method, body in self.methods("client", data):
            if method == self.PUBLISH:
                self.unconfirmed += 1
                events.add("request")
            elif method == self.ACK:
                self.unacknowledged = 0 if body[8] & 1 else max(0, self.unacknowledged - 1)
                events.add("ack")
        return events

    def from_server(self, data):
        events = set()
        for method, body in self.methods("server", data):
            if method == self.DELIVER:
                self.unacknowledged += 1
                events.add("request")
            elif method == self.ACK:
                # With the `multiple` bit set, a confirm covers every earlier publish.
                self.unconfirmed = 0 if body[8] & 1 else max(0, self.unconfirmed - 1)
                events |= {"confirm", "response"}
        return events

    def methods(self, side, data):
        buffer = self.buffers[side]
        buffer += data
        if side == "client" and not self.header_seen and len(buffer) >= 8:
            del buffer[:8]  # the protocol header
            self.header_seen = True
        methods = []
        while len(buffer) >= 7:
            kind, _channel, size = struct.unpack_from("!BHI", buffer)
            if len(buffer) < size + 8:
                break
            if kind == 1:
                methods.append((struct.unpack_from("!HH", buffer, 7), bytes(buffer[11 : 7 + size])))
            del buffer[: size + 8]
        return methods


class HttpParser:
    """HTTP/1.1 without pipelining: at most one request is pending."""

    def __init__(self):
        self.pending = False

    def is_pending(self):
        return self.pending

    def from_client(self, data):
        self.pending = True
        return {"request", "write"} if data.startswith(b"POST /payouts ") else {"request"}

    def from_server(self, _data):
        self.pending = False
        return {"response"}
