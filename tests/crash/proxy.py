"""A proxy between payoutd and a neighbour, through which everything passes until somebody sets a trap: then, at the
moment asked for, a connection is held up, cut, half-closed, or goes dark in one direction or both."""

import asyncio
import contextlib
import socket
import struct
import threading

CHUNK = 65536


class Loop(threading.Thread):
    """The thread that all proxies of a run share."""

    def __init__(self):
        super().__init__(daemon=True, name="proxies")
        self.loop, self.servers = asyncio.new_event_loop(), []
        self.start()

    def run(self):
        self.loop.run_forever()

    def do(self, coroutine, timeout=30):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def end(self):
        async def cancel():
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        for server in self.servers:
            self.loop.call_soon_threadsafe(server.close)
        self.do(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(5)
        self.loop.close()


class Trap:
    """What happens, and when: `moment(link, side, seen)` is asked of every piece of bytes before it goes on; where it says
    yes, `spring(link)` is called, once."""

    def __init__(self, moment, spring):
        self.moment, self.spring = moment, spring
        self.sprung = asyncio.Event()

    def offer(self, link, side, seen):
        if not self.sprung.is_set() and self.moment(link, side, seen):
            self.sprung.set()
            self.spring(link)


class Link:
    """One connection through the proxy, seen from both sides."""

    def __init__(self, proxy, wire):
        self.proxy, self.wire = proxy, wire
        self.passing = asyncio.Event()
        self.passing.set()
        self.dark = set()  # of "client", "server": what comes from there goes nowhere
        self.dropped = {"client": 0, "server": 0}
        self.held, self.answers = 0, set()
        self.writers, self.over = {}, asyncio.Event()

    async def pump(self, side, reader, writer):
        read = self.wire.client if side == "client" else self.wire.server
        try:
            while data := await reader.read(CHUNK):
                seen = read(data)
                if self.proxy.trap:
                    self.proxy.trap.offer(self, side, seen)
                if side == "server" and "server" in self.dark:
                    self.answers |= seen
                self.held += 0 if self.passing.is_set() else len(data)
                await self.passing.wait()
                if side in self.dark:
                    self.dropped[side] += len(data)
                    continue
                self.proxy.carried += len(data)
                writer.write(data)
                await writer.drain()
            if side in self.dark:
                await self.over.wait()  # in the dark nobody sees that somebody hung up
            writer.write_eof()
        except (OSError, RuntimeError):
            self.abort()

    def half_close(self, side):
        """The other side sees that `side` has hung up; what it still says arrives."""
        self.dark.add(side)
        other = self.writers["server" if side == "client" else "client"]
        with contextlib.suppress(OSError, RuntimeError):
            other.write_eof()

    def abort(self):
        """Resets the connection on both sides."""
        self.over.set()
        self.passing.set()
        for writer in self.writers.values():
            found = writer.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Listens in the neighbour's place."""

    def __init__(self, loop, name, wire, target):
        self.loop, self.name, self.wire, self.target = loop, name, wire, target
        self.links, self.trap, self.carried = set(), None, 0
        self.everybody_dark = False  # new connections as well
        self.port = loop.do(self.listen())

    async def listen(self):
        server = await asyncio.start_server(self.accept, "127.0.0.1", 0, backlog=1024)
        self.loop.servers.append(server)
        return server.sockets[0].getsockname()[1]

    async def accept(self, reader, writer):
        link = Link(self, self.wire())
        link.writers["client"] = writer
        if self.everybody_dark:
            link.dark |= {"client", "server"}
        try:
            from_server, to_server = await asyncio.open_connection(*self.target)
        except OSError:
            link.abort()
            return
        link.writers["server"] = to_server
        for one in (writer, to_server):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.links.add(link)
        try:
            await asyncio.gather(
                link.pump("client", reader, to_server),
                link.pump("server", from_server, writer),
            )
        except asyncio.CancelledError:
            pass  # the run is over
        finally:
            self.links.discard(link)
            link.over.set()
            for one in link.writers.values():
                one.close()
