"""Partners: they quote, execute the same quote from several clients at once, ask again after lost answers, and poll."""

import random
import threading
import time
import uuid

from http_client import Caller, Lost

PLACES = [
    ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "USDT", None),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "USDC", "base"),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "USDT", "polygon"),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "usdc", None),
]
SANDBOX = [
    "sandbox_deliver",
    "sandbox_fail",
    "sandbox_fail:no_liquidity",
    "sandbox_stall",
    "sandbox_skip_broadcast",
    "sandbox_reorg",
]


class Partner:
    """An org with its key of one mode."""

    def __init__(self, org, mode, key):
        self.org, self.mode, self.key = org, mode, key
        self.owns = (org, mode)

    def __repr__(self):
        return f"{self.org}/{self.mode}"


class Partners:
    def __init__(self, load, partners, rate):
        self.load, self.partners = load, partners
        self.history = load.history
        self.pause = len(partners) / rate

        self.creating = [
            threading.Thread(target=self.create, args=(partner, number), daemon=True)
            for number, partner in enumerate(self.partners)
        ]
        self.polling = [threading.Thread(target=self.poll, args=(number,), daemon=True) for number in range(3)]

    def start(self):
        for thread in [*self.creating, *self.polling]:
            thread.start()

    def caller(self):
        return Caller(self.load.port, self.load.in_flight, self.history)

    def patiently(self, call, rng):
        """Calls until there is an answer that says something, or the run is over."""
        lost = False
        while not self.load.over.is_set():
            try:
                answer = call()
                # Only where an earlier try of this very call may still be worked on.
                busy = lost and answer.code() == "idempotency_in_progress"
                if answer.status not in (408, 503) and not busy:
                    return answer
                self.history.count("answered in progress" if busy else f"answered {answer.status}")
            except Lost:
                lost = True
            time.sleep(rng.uniform(0.02, 0.25))
        return None

    # ---- creating ----------------------------------------------------------------------------------------------------

    def create(self, partner, number):
        rng = random.Random(f"{self.load.seed}/partner/{number}")
        caller, made = self.caller(), 0
        while not self.load.calm.is_set():
            time.sleep(rng.expovariate(1 / self.pause))
            made += 1
            try:
                self.one_payout(partner, rng, caller, f"{number}-{made}")
            except Exception as error:  # a thread that dies unseen would make the run prove less than it says
                self.history.violate("harness", f"a partner failed: {error!r}")
                raise

    def one_payout(self, partner, rng, caller, name):
        destination, asset, hint = rng.choice(PLACES)
        reference = rng.choice(SANDBOX) if partner.mode == "test" and rng.random() < 0.7 else f"order-{name}"
        amount = f"{rng.randrange(5, 900)}.{rng.randrange(1, 999999):06d}"
        request = {"external_ref": reference, "destination": destination, "asset": asset, "amount": amount}
        if hint:
            request["network_hint"] = hint
        key = {"Idempotency-Key": str(uuid.UUID(int=rng.getrandbits(128)))}
        quote = self.patiently(
            lambda: caller.call("POST", "/payouts/quote", partner.key, request, key, what="quote"), rng
        )
        if quote is None:
            return
        if quote.status != 200:
            self.history.violate("I2", f"a quote was refused: {quote} for {request}")
            return
        body = quote.json()
        self.history.quoted(body["quote_id"], partner, body, request)
        self.execute(partner, body["quote_id"], rng, caller)

    def execute(self, partner, quote, rng, caller):
        """One to three clients execute the same quote; some of them once more when they have their answer."""
        if rng.random() < 0.05:
            return  # a user who changed their mind
        clients = rng.choice([1, 1, 2, 3])
        others = [
            threading.Thread(
                target=self.one_client, args=(partner, quote, random.Random(rng.random()), self.caller()), daemon=True
            )
            for _ in range(clients - 1)
        ]
        for other in others:
            other.start()
        self.one_client(partner, quote, rng, caller)
        for other in others:
            other.join()

    def one_client(self, partner, quote, rng, caller):
        key = {"Idempotency-Key": str(uuid.UUID(int=rng.getrandbits(128)))} if rng.random() < 0.5 else {}
        again = rng.random() < 0.2
        for _ in range(2 if again else 1):
            answer = self.patiently(
                lambda: caller.call("POST", "/payouts", partner.key, {"quote_id": quote}, key, what="execute"), rng
            )
            if answer is None:
                return
            while answer.code() == "idempotency_in_progress":
                time.sleep(0.1)
                answer = self.patiently(
                    lambda: caller.call("POST", "/payouts", partner.key, {"quote_id": quote}, key, what="execute"), rng
                )
                if answer is None:
                    return
            self.note(partner, quote, answer, key.get("Idempotency-Key"))

    def note(self, partner, quote, answer, key):
        self.history.answered(quote, (key, answer))
        if answer.status == 201:
            self.history.count("creates acknowledged")
            self.load.progress("create")
            self.history.told(answer.json()["id"], partner, quote)
            self.load.sandbox_payout(partner, answer.json()["id"])
        elif answer.code() == "quote_already_used":
            self.history.count("creates answered with 409")
            self.history.told(answer.json()["payout_id"], partner, quote)
        else:
            self.history.violate("I2", f"executing {quote} was answered with {answer}")

    # ---- polling -----------------------------------------------------------------------------------------------------

    def poll(self, number):
        rng = random.Random(f"{self.load.seed}/poll/{number}")
        caller = self.caller()
        while not self.load.over.is_set():
            with self.history.lock:
                known = list(self.history.payouts)[-150:] if rng.random() < 0.9 else list(self.history.payouts)
            if not known:
                time.sleep(0.1)
                continue
            for _ in range(20):
                self.poll_one(rng.choice(known), rng, caller)
                time.sleep(rng.uniform(0.0, 0.03))

    def poll_one(self, payout, rng, caller):
        owner = self.history.payouts[payout]
        stranger = rng.random() < 0.05
        asks = rng.choice([p for p in self.partners if p.owns != owner.owns]) if stranger else owner
        try:
            answer = caller.call("GET", f"/payouts/{payout}", asks.key, what="poll")
        except Lost:
            time.sleep(0.05)
            return False
        if answer.status == 503:
            return False
        if stranger:
            if answer.status != 404 or answer.code() != "payout_not_found":
                self.history.violate("I8", f"{asks} asked for a payout of {owner}: {answer}", payout)
            with self.history.lock:
                self.history.strangers += 1
            return False
        if answer.status != 200:
            self.history.violate("I2", f"a poll was answered with {answer}", payout)
            return False
        self.load.progress("poll")
        self.history.polled(payout, answer.began, answer.ended, answer.json()["sequence"], answer.text)
        return True

    def poll_each(self, payouts, deadline, failed):
        caller = self.caller()
        for payout in payouts:
            while not self._last_poll(payout, caller):
                if time.monotonic() > deadline:
                    failed.append(payout)
                    break
                time.sleep(0.05)

    def _last_poll(self, payout, caller):
        class Own(random.Random):
            def random(self):
                return 1.0

        return self.poll_one(payout, Own(), caller)
