"""A TCP proxy between payoutd and a peer. It forwards everything until a trigger fires: then a connection is
delayed, reset, half-closed, or has its bytes discarded in one direction or both."""

import asyncio
import contextlib
import socket
import struct
import threading

CHUNK = 65536


class ProxyThread(threading.Thread):
    """Runs the event loop that all proxies of a run share."""

    def __init__(self):
        super().__init__(daemon=True, name="proxies")
        self.loop, self.servers = asyncio.new_event_loop(), []
        self.start()

    def run(self):
        self.loop.run_forever()

    def call(self, coroutine, timeout=30):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def stop(self):
        async def cancel():
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        for server in self.servers:
            self.loop.call_soon_threadsafe(server.close)
        self.call(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(5)
        self.loop.close()


class Trigger:
    """Calls `action(connection)` once: on the first bytes for which `matches(side, events)` is true, before
    they are forwarded."""

    def __init__(self, matches, action):
        self.matches, self.action = matches, action
        self.fired = asyncio.Event()

    def observe(self, connection, side, events):
        if not self.fired.is_set() and self.matches(side, events):
            self.fired.set()
            self.action(connection)


class ProxiedConnection:
    """One connection through the proxy. Its sides are "client" and "server"."""

    def __init__(self, proxy, parser):
        self.proxy, self.parser = proxy, parser
        self.forwarding = asyncio.Event()
        self.forwarding.set()
        self.discarding = set()  # sides whose bytes are discarded
        self.discarded_bytes = {"client": 0, "server": 0}
        self.discarded_events = set()  # of the server
        self.delayed_bytes = 0
        self.writers, self.closed = {}, asyncio.Event()

    async def forward(self, side, reader, writer):
        parse = self.parser.from_client if side == "client" else self.parser.from_server
        try:
            while data := await reader.read(CHUNK):
                events = parse(data)
                if self.proxy.trigger:
                    self.proxy.trigger.observe(self, side, events)
                if side == "server" and "server" in self.discarding:
                    self.discarded_events |= events
                self.delayed_bytes += 0 if self.forwarding.is_set() else len(data)
                await self.forwarding.wait()
                if side in self.discarding:
                    self.discarded_bytes[side] += len(data)
                    continue
                self.proxy.forwarded_bytes += len(data)
                writer.write(data)
                await writer.drain()
            if side in self.discarding:
                await self.closed.wait()  # the FIN is discarded, too
            writer.write_eof()
        except (OSError, RuntimeError):
            self.abort()

    def half_close(self, side):
        """Sends a FIN to the other side and discards what `side` sends from now on."""
        self.discarding.add(side)
        other = self.writers["server" if side == "client" else "client"]
        with contextlib.suppress(OSError, RuntimeError):
            other.write_eof()

    def abort(self):
        """Resets the connection on both sides."""
        self.closed.set()
        self.forwarding.set()
        for writer in self.writers.values():
            endpoint = writer.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):
                endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Listens on a free port and connects each client to `target`."""

    def __init__(self, thread, parser, target):
        self.thread, self.parser, self.target = thread, parser, target
        self.connections, self.trigger, self.forwarded_bytes = set(), None, 0
        self.discards_new_connections = False
        self.port = thread.call(self.listen())

    async def listen(self):
        server = await asyncio.start_server(self.accept, "127.0.0.1", 0, backlog=1024)
        self.thread.servers.append(server)
        return server.sockets[0].getsockname()[1]

    async def accept(self, reader, writer):
        connection = ProxiedConnection(self, self.parser())
        connection.writers["client"] = writer
        if self.discards_new_connections:
            connection.discarding |= {"client", "server"}
        try:
            from_server, to_server = await asyncio.open_connection(*self.target)
        except OSError:
            connection.abort()
            return
        connection.writers["server"] = to_server
        for one in (writer, to_server):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections.add(connection)
        try:
            await asyncio.gather(
                connection.forward("client", reader, to_server),
                connection.forward("server", from_server, writer),
            )
        except asyncio.CancelledError:
            pass  # the run ends
        finally:
            self.connections.discard(connection)
            connection.closed.set()
            for one in connection.writers.values():
                one.close()
