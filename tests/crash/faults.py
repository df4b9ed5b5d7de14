"""What can happen to a connection, one coroutine each. A fault waits for a moment at which something is under way, so that
it takes effect, and returns what it did; None where no such moment came."""

import asyncio

from proxy import Trap

PATIENCE = 6.0  # seconds to wait for the moment


async def sprung(proxy, word, side, spring):
    """Sets a trap for the first piece of bytes from `side` that completes `word`; returns its link, or None."""
    caught = []

    def moment(_link, from_side, seen):
        return word in seen and side in (None, from_side)

    def once(link):
        caught.append(link)
        spring(link)

    trap = proxy.trap = Trap(moment, once)
    try:
        await asyncio.wait_for(trap.sprung.wait(), PATIENCE)
    except asyncio.TimeoutError:
        return None
    finally:
        proxy.trap = None
    return caught[0]




async def delay(proxy, rng):
    """Nothing is lost, all of it is late."""
    seconds, held = rng.uniform(0.1, 1.5), []

    def hold(link):
        held.extend(proxy.links if rng.random() < 0.3 else [link])
        for one in held:
            one.passing.clear()

    caught = await sprung(proxy, "request", None, hold)
    if caught is None:
        return None
    await asyncio.sleep(seconds)
    for one in held:
        one.passing.set()
    return sum(one.held for one in held) > 0 and {"seconds": seconds, "links": len(held)}


async def cut(proxy, rng):
    """A reset, right when something is asked or a moment later if it still is under way, of one connection or of all."""
    every = rng.random() < 0.3
    for pause in (rng.choice([0, 0.001, 0.005, 0.02]), 0):
        caught = await sprung(proxy, "request", None, lambda link: None if pause else reset(proxy, link, every))
        if caught is None:
            return None
        if not pause:
            return {"at once": True}
        await asyncio.sleep(pause)
        if caught.wire.busy():
            reset(proxy, caught, every)
            return {"a little later": True}
    return None


def reset(proxy, link, every):
    for one in list(proxy.links) if every else [link]:
        one.abort()


async def black_hole(proxy, rng):
    """Everything is taken and nothing passed on, hanging up included, for a while. Then the connection is reset."""
    seconds = 8.0 if rng.random() < 0.08 else rng.uniform(0.3, 2.5)
    every, links = rng.random() < 0.4, set()

    def darken(link):
        links.update(proxy.links if every else [link])
        for one in links:
            one.dark |= {"client", "server"}
        proxy.everybody_dark = every

    caught = await sprung(proxy, "request", None, darken)
    if caught is None:
        return None
    await asyncio.sleep(seconds)
    if every:
        links.update(proxy.links)
    proxy.everybody_dark = False
    for one in links:
        one.abort()
    lost = sum(sum(one.dropped.values()) for one in links)
    return lost > 0 and {"seconds": seconds, "links": len(links), "bytes lost": lost}


async def half_close(proxy, rng, side):
    """One side seems to have hung up; the other direction goes on for a while."""
    busy = []

    def close(link):
        busy.append(link.wire.busy())
        link.half_close(side)

    caught = await sprung(proxy, "request", None, close)
    if caught is None:
        return None
    await asyncio.sleep(rng.uniform(0.1, 0.8))
    caught.abort()
    return busy[0] and {"side": side}


async def half_close_there(proxy, rng):
    """The neighbour sees payoutd hang up."""
    return await half_close(proxy, rng, "client")


async def half_close_here(proxy, rng):
    """payoutd sees the neighbour hang up."""
    return await half_close(proxy, rng, "server")


async def swallow_request(proxy, rng):
    """A write leaves the one and never reaches the other."""
    caught = await sprung(proxy, "write", "client", lambda link: link.dark.add("client"))
    if caught is None:
        return None
    await asyncio.sleep(rng.choice([0, 0.05, 0.3]))
    caught.abort()
    return caught.dropped["client"] > 0 and {}


async def swallow_reply(proxy, rng):
    """A write arrives and is done; that it is done is never heard of."""
    caught = await sprung(proxy, "write", "client", lambda link: link.dark.add("server"))
    if caught is None:
        return None
    for _ in range(1000):
        if caught.answers & {"answer", "error"} or caught.over.is_set():
            break
        await asyncio.sleep(0.005)
    await asyncio.sleep(rng.choice([0, 0, 0.2]))
    caught.abort()
    return "answer" in caught.answers and {}


async def swallow_confirm(proxy, rng):
    """The broker has an announcement, and payoutd is not told."""
    caught = await sprung(proxy, "confirm", "server", lambda link: link.dark.add("server"))
    if caught is None:
        return None
    await asyncio.sleep(rng.choice([0, 0.05, 0.3]))
    caught.abort()
    return caught.dropped["server"] > 0 and {}


async def swallow_ack(proxy, rng):
    """A report is dealt with, and the broker is not told."""
    caught = await sprung(proxy, "ack", "client", lambda link: link.dark.add("client"))
    if caught is None:
        return None
    await asyncio.sleep(rng.choice([0, 0.05, 0.3]))
    caught.abort()
    return caught.dropped["client"] > 0 and {}


ANYWHERE = {
    "delay": delay,
    "cut": cut,
    "black hole": black_hole,
    "half-close there": half_close_there,
    "half-close here": half_close_here,
}
FAULTS = {
    "database": ANYWHERE | {"swallowed request": swallow_request, "swallowed commit": swallow_reply},
    "broker": ANYWHERE | {"swallowed confirm": swallow_confirm, "swallowed ack": swallow_ack},
    "partners": ANYWHERE | {"swallowed request": swallow_request, "swallowed answer": swallow_reply},
}
