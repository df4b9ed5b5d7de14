"""Reads along on a connection, as far as a fault has to know its moment: what each piece of bytes asks for or answers.

`client` and `server` take a piece that comes from there and return what it completes, of these words:
"request" (an answer is due from now on), "write" (the request changes what money depends on), "answer" and "error" (all
that was asked for is answered), "confirm" (the broker has a message), "ack" (a report's end is told)."""

import struct

# What a payout's creation and every change of it is committed by.
MONEY = (b"INSERT INTO payouts", b"UPDATE payouts")


class Postgres:
    """The frontend/backend protocol, version 3, without encryption."""

    def __init__(self):
        self.started, self.texts, self.bound = False, {}, b""
        self.buffers = {"client": bytearray(), "server": bytearray()}
        self.due, self.writing, self.failed = 0, False, False
        self.refusals = 0  # of encryption: one byte that is no message

    def busy(self):
        return self.due > 0

    def client(self, data):
        seen, buffer = set(), self.buffers["client"]
        buffer += data
        while not self.started and len(buffer) >= 8:
            length, code = struct.unpack_from("!ii", buffer)
            if len(buffer) < length:
                return seen
            del buffer[:length]
            self.started = code == 196608  # not a request for encryption, nor to cancel
            self.refusals += code == 80877103
        while self.started and (message := self.message(buffer)):
            kind, body = message
            if kind == b"P":
                name, text = body.split(b"\0", 2)[:2]
                self.texts[name] = text
            elif kind == b"B":
                self.bound = self.texts.get(body.split(b"\0", 2)[1], b"")
            elif kind == b"E" and any(words in self.bound for words in MONEY):
                self.writing = True
            elif kind in (b"S", b"Q"):
                self.due += 1
                seen |= {"request", "write"} if self.writing else {"request"}
                self.writing = False
        return seen

    def server(self, data):
        seen, buffer = set(), self.buffers["server"]
        buffer += data
        if self.refusals and buffer[:1] == b"N":
            del buffer[:1]
            self.refusals -= 1
        while message := self.message(buffer):
            kind, _ = message
            if kind == b"E":
                self.failed = True
            elif kind == b"Z":
                self.due = max(0, self.due - 1)
                seen.add("error" if self.failed else "answer")
                self.failed = False
        return seen

    @staticmethod
    def message(buffer):
        if len(buffer) < 5:
            return None
        (length,) = struct.unpack_from("!i", buffer, 1)
        if len(buffer) < 1 + length:
            return None
        kind, body = bytes(buffer[:1]), bytes(buffer[5 : 1 + length])
        del buffer[: 1 + length]
        return kind, body


class Amqp:
    """AMQP 0-9-1: only the methods of `basic` that move messages."""

    PUBLISH, DELIVER, ACK = (60, 40), (60, 60), (60, 80)

    def __init__(self):
        self.greeted = False
        self.buffers = {"client": bytearray(), "server": bytearray()}
        self.published, self.delivered = 0, 0

    def busy(self):
        return self.published > 0 or self.delivered > 0

    def client(self, data):
        seen = set()
        for method, body in self.methods("client", data):
            if method == self.PUBLISH:
                self.published += 1
                seen.add("request")
            elif method == self.ACK:
                self.delivered = 0 if body[8] & 1 else max(0, self.delivered - 1)
                seen.add("ack")
        return seen

    def server(self, data):
        seen = set()
        for method, body in self.methods("server", data):
            if method == self.DELIVER:
                self.delivered += 1
                seen.add("request")
            elif method == self.ACK:
                # One confirm can stand for several messages.
                self.published = 0 if body[8] & 1 else max(0, self.published - 1)
                seen |= {"confirm", "answer"}
        return seen

    def methods(self, side, data):
        buffer = self.buffers[side]
        buffer += data
        if side == "client" and not self.greeted and len(buffer) >= 8:
            del buffer[:8]  # the protocol's name
            self.greeted = True
        found = []
        while len(buffer) >= 7:
            kind, _channel, size = struct.unpack_from("!BHI", buffer)
            if len(buffer) < size + 8:
                break
            if kind == 1:
                found.append((struct.unpack_from("!HH", buffer, 7), bytes(buffer[11 : 7 + size])))
            del buffer[: size + 8]
        return found


class Http:
    """HTTP/1.1 without pipelining: requests and answers take turns."""

    def __init__(self):
        self.waiting = False

    def busy(self):
        return self.waiting

    def client(self, data):
        self.waiting = True
        return {"request", "write"} if data.startswith(b"POST /payouts ") else {"request"}

    def server(self, _data):
        self.waiting = False
        return {"answer"}
