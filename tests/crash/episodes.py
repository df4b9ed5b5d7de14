"""Episodes: a connection fault and the recovery from it. A peer is the database, the broker, or the partners.
The episodes of one peer follow each other; those of different peers overlap."""

import random
import threading
import time
import urllib.parse
from collections import Counter

from faults import FAULTS
from protocols import AmqpParser, HttpParser, PostgresParser
from proxy import Proxy, ProxyThread

ATTEMPTS = 5  # for each planned fault, until one takes effect


class EpisodeRunner:
    """Runs the planned episodes. Only a fault that took effect counts."""

    def __init__(self, run, wanted):
        self.run, self.wanted = run, wanted
        self.proxy_thread, self.proxies = ProxyThread(), {}
        self.effective, self.ineffective = Counter(), Counter()
        self.lock, self.abandoned = threading.Lock(), []
        self.planned, self.seconds = [], 0.0

    def insert_proxy(self, peer, parser, url, default_port):
        """Returns the URL with the proxy's address in place of the peer's."""
        parts = urllib.parse.urlsplit(url)
        target = (parts.hostname, parts.port or default_port)
        proxy = self.proxies[peer] = Proxy(self.proxy_thread, parser, target)
        login, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{login}{at}127.0.0.1:{proxy.port}").geturl()

    def proxy_database(self, url):
        return self.insert_proxy("database", PostgresParser, url, 5432)

    def proxy_broker(self, url):
        # The short heartbeat detects a silent broker within the run.
        return self.insert_proxy("broker", AmqpParser, url, 5672) + "?heartbeat=4"

    def proxy_partners(self, port):
        return urllib.parse.urlsplit(
            self.insert_proxy("partners", HttpParser, f"http://127.0.0.1:{port}", 80)
        ).port

    # ---- planning and running ------------------------------------------------------------------------------

    def kinds(self):
        return [(peer, kind) for peer in self.proxies for kind in FAULTS[peer]]

    def plan(self):
        """Plans every kind about equally often, in random order."""
        rng, kinds = random.Random(f"{self.run.seed}/episodes"), self.kinds()
        order = []
        while len(order) < self.wanted:
            rng.shuffle(kinds)
            order += kinds
        for peer in self.proxies:
            self.planned.append((peer, [kind for of, kind in order[: self.wanted] if of == peer]))

    def threads(self):
        self.plan()
        return [
            threading.Thread(target=self.run_peer, args=(peer, kinds), daemon=True, name=peer)
            for peer, kinds in self.planned
        ]

    def run_peer(self, peer, kinds):
        rng, proxy = random.Random(f"{self.run.seed}/peer/{peer}"), self.proxies[peer]
        began = time.monotonic()
        for number, kind in enumerate(kinds, 1):
            if not any(self.run_episode(peer, kind, proxy, rng) for _ in range(ATTEMPTS)):
                self.abandoned.append(f"{peer}: {kind}")
            if number % 100 == 0 and peer == "broker":
                self.run.log(f"{sum(self.effective.values())} episodes; {self.run.progress()}")
        self.seconds = max(self.seconds, time.monotonic() - began)

    def run_episode(self, peer, kind, proxy, rng):
        """Injects one fault and waits for recovery. Returns whether the fault took effect."""
        try:
            effect = self.proxy_thread.call(FAULTS[peer][kind](proxy, rng), timeout=60)
        except Exception as error:
            self.run.history.add_violation("harness", f"a fault failed: {peer}: {kind}: {error!r}")
            raise
        took_effect = effect is not None and effect is not False
        with self.lock:
            (self.effective if took_effect else self.ineffective)[(peer, kind)] += 1
        self.await_progress(rng)
        return took_effect

    def await_progress(self, rng):
        """Waits until 5 operations have completed, for 0.05 s at least and about 3 s at most."""
        before, deadline = self.run.completed_operations(), time.monotonic() + 3
        time.sleep(rng.uniform(0.05, 0.4))
        while self.run.completed_operations() - before < 5 and time.monotonic() < deadline:
            time.sleep(0.02)

    # ---- results -------------------------------------------------------------------------------------------

    def invalid_reasons(self):
        reasons = [f"no request was ever pending for {fault}" for fault in self.abandoned]
        effective = sum(self.effective.values())
        if effective < self.wanted:
            reasons.append(f"{effective} of {self.wanted} episodes took effect")
        never = [f"{peer}: {kind}" for peer, kind in self.kinds() if not self.effective[(peer, kind)]]
        if never and self.wanted >= len(self.kinds()):
            reasons.append(f"faults that never took effect: {', '.join(never)}")
        if effective >= 60 and effective / self.seconds < 0.5:
            reasons.append(f"only {60 * effective / self.seconds:.0f} episodes per minute")
        least = 10_000 * max(1, self.wanted // 20)
        idle = [peer for peer, proxy in self.proxies.items() if proxy.forwarded_bytes < least]
        if idle:
            reasons.append(f"less than {least} bytes forwarded: {', '.join(idle)}")
        return reasons

    def counters(self):
        effective, ineffective = sorted(self.effective.items()), sorted(self.ineffective.items())
        counters = {f"fault, {peer}: {kind}": count for (peer, kind), count in effective}
        counters |= {f"fault without effect, {peer}: {kind}": count for (peer, kind), count in ineffective}
        counters |= {
            f"bytes forwarded: {peer}": proxy.forwarded_bytes for peer, proxy in self.proxies.items()
        }
        per_minute = 60 * sum(self.effective.values()) / self.seconds if self.seconds else 0
        return counters | {"episodes per minute": round(per_minute)}
