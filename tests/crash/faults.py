"""Connection faults, one coroutine each. A fault waits for its trigger, a message that passes the proxy, and
returns what it did. It returns None if no trigger came, and False if it changed nothing."""

import asyncio

from proxy import Trigger

TRIGGER_TIMEOUT = 6.0  # seconds


async def on_event(proxy, event, side, action):
    """Calls `action` with the first connection on which bytes from `side` (None: either) complete `event`.
    Returns that connection, or None after the timeout."""
    triggered = []

    def matches(from_side, events):
        return event in events and side in (None, from_side)

    def run_action(connection):
        triggered.append(connection)
        action(connection)

    trigger = proxy.trigger = Trigger(matches, run_action)
    try:
        await asyncio.wait_for(trigger.fired.wait(), TRIGGER_TIMEOUT)
    except asyncio.TimeoutError:
        return None
    finally:
        proxy.trigger = None
    return triggered[0]


async def delay(proxy, rng):
    """Holds bytes back for a while, on one connection or on all, and loses none."""
    seconds, delayed = rng.uniform(0.1, 1.5), []

    def hold(connection):
        delayed.extend(proxy.connections if rng.random() < 0.3 else [connection])
        for one in delayed:
            one.forwarding.clear()

    connection = await on_event(proxy, "request", None, hold)
    if connection is None:
        return None
    await asyncio.sleep(seconds)
    for one in delayed:
        one.forwarding.set()
    return sum(one.delayed_bytes for one in delayed) > 0 and {"seconds": seconds, "connections": len(delayed)}


async def reset(proxy, rng):
    """Resets one connection or all: as a request passes, or a moment later if it is still pending."""
    every = rng.random() < 0.3
    for pause in (rng.choice([0, 0.001, 0.005, 0.02]), 0):
        connection = await on_event(
            proxy, "request", None, lambda connection: None if pause else abort(proxy, connection, every)
        )
        if connection is None:
            return None
        if not pause:
            return {"immediately": True}
        await asyncio.sleep(pause)
        if connection.parser.is_pending():
            abort(proxy, connection, every)
            return {"after a pause": True}
    return None


def abort(proxy, connection, every):
    for one in list(proxy.connections) if every else [connection]:
        one.abort()


async def black_hole(proxy, rng):
    """Discards all bytes and every FIN of one connection or of all for a while, then resets it. If all
    connections are affected, new ones are, too."""
    seconds = 8.0 if rng.random() < 0.08 else rng.uniform(0.3, 2.5)
    every, affected = rng.random() < 0.4, set()

    def discard(connection):
        affected.update(proxy.connections if every else [connection])
        for one in affected:
            one.discarding |= {"client", "server"}
        proxy.discards_new_connections = every

    connection = await on_event(proxy, "request", None, discard)
    if connection is None:
        return None
    await asyncio.sleep(seconds)
    if every:
        affected.update(proxy.connections)
    proxy.discards_new_connections = False
    for one in affected:
        one.abort()
    lost = sum(sum(one.discarded_bytes.values()) for one in affected)
    return lost > 0 and {"seconds": seconds, "connections": len(affected), "bytes lost": lost}


async def half_close(proxy, rng, side):
    """The other side receives a FIN that `side` did not send. The other direction stays open for a while."""
    pending = []

    def close(connection):
        pending.append(connection.parser.is_pending())
        connection.half_close(side)

    connection = await on_event(proxy, "request", None, close)
    if connection is None:
        return None
    await asyncio.sleep(rng.uniform(0.1, 0.8))
    connection.abort()
    return pending[0] and {"side": side}


async def half_close_client(proxy, rng):
    """The server receives a FIN in the client's name."""
    return await half_close(proxy, rng, "client")


async def half_close_server(proxy, rng):
    """The client receives a FIN in the server's name."""
    return await half_close(proxy, rng, "server")


async def lose_request(proxy, rng):
    """A write never reaches the server."""
    connection = await on_event(proxy, "write", "client", lambda one: one.discarding.add("client"))
    if connection is None:
        return None
    await asyncio.sleep(rng.choice([0, 0.05, 0.3]))
    connection.abort()
    return connection.discarded_bytes["client"] > 0 and {}


async def lose_response(proxy, rng):
    """A write takes effect, and its response never reaches the client."""
    connection = await on_event(proxy, "write", "client", lambda one: one.discarding.add("server"))
    if connection is None:
        return None
    for _ in range(1000):
        if connection.discarded_events & {"response", "error"} or connection.closed.is_set():
            break
        await asyncio.sleep(0.005)
    await asyncio.sleep(rng.choice([0, 0, 0.2]))
    connection.abort()
    return "response" in connection.discarded_events and {}


async def lose_confirm(proxy, rng):
    """The broker has an event, and its confirm never reaches payoutd."""
    connection = await on_event(proxy, "confirm", "server", lambda one: one.discarding.add("server"))
    if connection is None:
        return None
    await asyncio.sleep(rng.choice([0, 0.05, 0.3]))
    connection.abort()
    return connection.discarded_bytes["server"] > 0 and {}


async def lose_ack(proxy, rng):
    """A report is processed, and its acknowledgement never reaches the broker."""
    connection = await on_event(proxy, "ack", "client", lambda one: one.discarding.add("client"))
    if connection is None:
        return None
    await asyncio.sleep(rng.choice([0, 0.05, 0.3]))
    connection.abort()
    return connection.discarded_bytes["client"] > 0 and {}


COMMON = {
    "delay": delay,
    "reset": reset,
    "black hole": black_hole,
    "half-close by the client": half_close_client,
    "half-close by the server": half_close_server,
}
# Of the database and the broker payoutd is the client; of partners it is the server.
FAULTS = {
    "database": COMMON | {"lost request": lose_request, "lost commit": lose_response},
    "broker": COMMON | {"lost confirm": lose_confirm, "lost ack": lose_ack},
    "partners": COMMON | {"lost request": lose_request, "lost response": lose_response},
}
