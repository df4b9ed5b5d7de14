"""Faults on the way: one after the other on each connection payoutd has to others, several ways at the same time."""

import random
import threading
import time
import urllib.parse
from collections import Counter

from faults import FAULTS
from proxy import Loop, Proxy
from protocols import Amqp, Http, Postgres

MISSES = 5  # how often a fault may find nothing under way before its way is given up


class Episodes:
    """Counts only what took effect: a fault that met nothing under way is repeated."""

    def __init__(self, run, wanted):
        self.run, self.wanted = run, wanted
        self.loop, self.proxies = Loop(), {}
        self.fired, self.missed, self.details = Counter(), Counter(), Counter()
        self.lock, self.given_up = threading.Lock(), []
        self.to_do, self.seconds = [], 0.0
        self.under_way = Counter()

    def between(self, name, wire, url, default_port):
        """Puts a proxy before the neighbour; returns the URL that leads through it."""
        parts = urllib.parse.urlsplit(url)
        proxy = self.proxies[name] = Proxy(self.loop, name, wire, (parts.hostname, parts.port or default_port))
        login, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{login}{at}127.0.0.1:{proxy.port}").geturl()

    def database(self, url):
        return self.between("database", Postgres, url, 5432)

    def broker(self, url):
        # A broker that says nothing is to be noticed before the run is over.
        return self.between("broker", Amqp, url, 5672) + "?heartbeat=4"

    def partners(self, port):
        return urllib.parse.urlsplit(self.between("partners", Http, f"http://127.0.0.1:{port}", 80)).port

    # ---- the plan ----------------------------------------------------------------------------------------------------

    def kinds(self):
        return [(where, kind) for where in self.proxies for kind in FAULTS[where]]

    def plan(self):
        """Every kind about equally often, in an order that is random."""
        rng, kinds = random.Random(f"{self.run.seed}/episodes"), self.kinds()
        order = []
        while len(order) < self.wanted:
            rng.shuffle(kinds)
            order += kinds
        for where in self.proxies:
            mine = [kind for place, kind in order[: self.wanted] if place == where]
            self.to_do.append((where, mine))

    def threads(self):
        self.plan()
        return [threading.Thread(target=self.way, args=todo, daemon=True, name=todo[0]) for todo in self.to_do]

    def way(self, where, kinds):
        """All faults of one way."""
        rng, proxy = random.Random(f"{self.run.seed}/way/{where}"), self.proxies[where]
        began = time.monotonic()
        for number, kind in enumerate(kinds, 1):
            if not any(self.one(where, kind, proxy, rng) for _ in range(MISSES)):
                self.given_up.append(f"{where}: {kind}")
            if number % 100 == 0 and where == "broker":
                self.run.say(f"{sum(self.fired.values())} episodes; {self.run.figures()}")
        self.seconds = max(self.seconds, time.monotonic() - began)

    def one(self, where, kind, proxy, rng):
        """One fault, and the time to get over it. Says whether it took effect."""
        self.under_way[where] += 1
        try:
            done = self.loop.do(FAULTS[where][kind](proxy, rng), timeout=60)
        except Exception as error:
            self.run.history.violate("harness", f"a fault failed: {where}: {kind}: {error!r}")
            raise
        finally:
            self.under_way[where] -= 1
        with self.lock:
            if done is None or done is False:
                self.missed[(where, kind)] += 1
            else:
                self.fired[(where, kind)] += 1
                for what, value in done.items():
                    self.details[f"{kind}: {what}"] += value if isinstance(value, int) else 0
        self.breathe(rng)
        return done is not None and done is not False

    def breathe(self, rng):
        """Until some work was done since, for a moment at least and not for ever."""
        before, deadline = self.run.work(), time.monotonic() + 3
        time.sleep(rng.uniform(0.05, 0.4))
        while self.run.work() - before < 5 and time.monotonic() < deadline:
            time.sleep(0.02)

    # ---- what it was worth -------------------------------------------------------------------------------------------

    def gates(self):
        """Why these episodes prove nothing, if they do not."""
        why = [f"nothing was ever under way for {what}" for what in self.given_up]
        fired = sum(self.fired.values())
        if fired < self.wanted:
            why.append(f"{fired} of {self.wanted} episodes took effect")
        never = [f"{where}: {kind}" for where, kind in self.kinds() if not self.fired[(where, kind)]]
        if never and self.wanted >= len(self.kinds()):
            why.append(f"faults that never took effect: {', '.join(never)}")
        if fired >= 60 and fired / self.seconds < 0.5:
            why.append(f"only {60 * fired / self.seconds:.0f} episodes in a minute")
        idle = [name for name, proxy in self.proxies.items() if proxy.carried < 10_000 * max(1, self.wanted // 20)]
        if idle:
            why.append(f"hardly anything passed: {', '.join(idle)}")
        return why

    def table(self):
        table = {f"fault, {where}: {kind}": count for (where, kind), count in sorted(self.fired.items())}
        table |= {f"found nothing under way, {where}: {kind}": count for (where, kind), count in sorted(self.missed.items())}
        table |= {f"bytes passed: {name}": proxy.carried for name, proxy in self.proxies.items()}
        return table | {"episodes in a minute": round(60 * sum(self.fired.values()) / self.seconds) if self.seconds else 0}
