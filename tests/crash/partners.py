"""Partners: they create quotes, execute each from several clients at once, repeat calls that got no response,
and poll."""

import random
import threading
import time
import uuid

from http_client import Client, NoResponse

# Destination, asset and network hint.
DESTINATIONS = [
    ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "USDT", None),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "USDC", "base"),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "USDT", "polygon"),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "usdc", None),
]
SANDBOX_REFERENCES = [
    "sandbox_deliver",
    "sandbox_fail",
    "sandbox_fail:no_liquidity",
    "sandbox_stall",
    "sandbox_skip_broadcast",
    "sandbox_reorg",
]


class Partner:
    """An API key. Its account is the organisation and the mode."""

    def __init__(self, org, mode, key):
        self.org, self.mode, self.key = org, mode, key
        self.account = (org, mode)

    def __repr__(self):
        return f"{self.org}/{self.mode}"


def idempotency_key(rng):
    return {"Idempotency-Key": str(uuid.UUID(int=rng.getrandbits(128)))}


class PartnerLoad:
    """The threads that create and poll payouts."""

    def __init__(self, context, partners, rate):
        self.context, self.partners = context, partners
        self.history = context.history
        self.pause = len(partners) / rate

        self.creating = [
            threading.Thread(target=self.create_payouts, args=(partner, number), daemon=True)
            for number, partner in enumerate(self.partners)
        ]
        self.polling = [
            threading.Thread(target=self.poll, args=(number,), daemon=True) for number in range(3)
        ]

    def start(self):
        for thread in [*self.creating, *self.polling]:
            thread.start()

    def new_client(self):
        return Client(self.context.client_port, self.context.in_flight, self.history)

    def repeat_until_final(self, call, rng):
        """Repeats a call until its response is final. Returns None if the run ends first."""
        lost = False
        while not self.context.finished.is_set():
            try:
                response = call()
                # In progress is final unless an earlier attempt of this very call may cause it.
                in_progress = lost and response.code() == "idempotency_in_progress"
                if response.status not in (408, 503) and not in_progress:
                    return response
                name = "responses in progress" if in_progress else f"responses with {response.status}"
                self.history.count(name)
            except NoResponse:
                lost = True
            time.sleep(rng.uniform(0.02, 0.25))
        return None

    # ---- creating ------------------------------------------------------------------------------------------

    def create_payouts(self, partner, number):
        rng = random.Random(f"{self.context.seed}/partner/{number}")
        client, created = self.new_client(), 0
        while not self.context.settling.is_set():
            time.sleep(rng.expovariate(1 / self.pause))
            created += 1
            try:
                self.create_payout(partner, rng, client, f"{number}-{created}")
            except Exception as error:  # without a violation, the run would go on with less load
                self.history.add_violation("harness", f"a partner failed: {error!r}")
                raise

    def create_payout(self, partner, rng, client, name):
        destination, asset, hint = rng.choice(DESTINATIONS)
        sandbox = partner.mode == "test" and rng.random() < 0.7
        reference = rng.choice(SANDBOX_REFERENCES) if sandbox else f"order-{name}"
        amount = f"{rng.randrange(5, 900)}.{rng.randrange(1, 999999):06d}"
        request = {"external_ref": reference, "destination": destination, "asset": asset, "amount": amount}
        if hint:
            request["network_hint"] = hint
        key = idempotency_key(rng)
        quote = self.repeat_until_final(
            lambda: client.call("POST", "/payouts/quote", partner.key, request, key, operation="quote"), rng
        )
        if quote is None:
            return
        if quote.status != 200:
            self.history.add_violation("I2", f"a quote was refused: {quote} for {request}")
            return
        body = quote.json()
        self.history.add_quote(body["quote_id"], partner, body, request)
        self.execute_concurrently(partner, body["quote_id"], rng, client)

    def execute_concurrently(self, partner, quote, rng, client):
        """Executes the quote from one to three clients. One in twenty quotes is not executed."""
        if rng.random() < 0.05:
            return
        clients = rng.choice([1, 1, 2, 3])
        others = [
            threading.Thread(
                target=self.execute,
                args=(partner, quote, random.Random(rng.random()), self.new_client()),
                daemon=True,
            )
            for _ in range(clients - 1)
        ]
        for other in others:
            other.start()
        self.execute(partner, quote, rng, client)
        for other in others:
            other.join()

    def execute(self, partner, quote, rng, client):
        """Executes the quote, with or without an idempotency key, and once more in a fifth of the cases."""
        key = idempotency_key(rng) if rng.random() < 0.5 else {}
        body = {"quote_id": quote}
        repeats = rng.random() < 0.2
        for _ in range(2 if repeats else 1):
            response = None
            while response is None or response.code() == "idempotency_in_progress":
                if response is not None:
                    time.sleep(0.1)
                response = self.repeat_until_final(
                    lambda: client.call("POST", "/payouts", partner.key, body, key, operation="execute"), rng
                )
                if response is None:
                    return
            self.record_execution(partner, quote, response, key.get("Idempotency-Key"))

    def record_execution(self, partner, quote, response, key):
        self.history.add_execution(quote, key, response)
        if response.status == 201:
            payout = response.json()["id"]
            self.history.count("creates acknowledged")
            self.context.count_operation("create")
            self.history.add_payout(payout, partner, quote)
            self.context.watch_sandbox_payout(partner, payout)
        elif response.code() == "quote_already_used":
            self.history.count("creates refused with 409")
            self.history.add_payout(response.json()["payout_id"], partner, quote)
        else:
            self.history.add_violation("I2", f"the execution of {quote} got {response}")

    # ---- polling -------------------------------------------------------------------------------------------

    def poll(self, number):
        rng = random.Random(f"{self.context.seed}/poll/{number}")
        client = self.new_client()
        while not self.context.finished.is_set():
            with self.history.lock:
                payouts = list(self.history.owners)
            if rng.random() < 0.9:
                payouts = payouts[-150:]
            if not payouts:
                time.sleep(0.1)
                continue
            for _ in range(20):
                payout, foreign = rng.choice(payouts), rng.random() < 0.05
                if foreign:
                    self.poll_as_other_account(payout, rng, client)
                else:
                    self.poll_as_owner(payout, client)
                time.sleep(rng.uniform(0.0, 0.03))

    def get_payout(self, payout, key, client):
        """None if there was no response, or 503."""
        try:
            response = client.call("GET", f"/payouts/{payout}", key, operation="poll")
        except NoResponse:
            time.sleep(0.05)
            return None
        return None if response.status == 503 else response

    def poll_as_other_account(self, payout, rng, client):
        owner = self.history.owners[payout]
        other = rng.choice([partner for partner in self.partners if partner.account != owner.account])
        response = self.get_payout(payout, other.key, client)
        if response is None:
            return
        if response.status != 404 or response.code() != "payout_not_found":
            self.history.add_violation("I8", f"{other} polled a payout of {owner}: {response}", payout)
        with self.history.lock:
            self.history.foreign_reads += 1

    def poll_as_owner(self, payout, client):
        """Returns whether the payout was read."""
        response = self.get_payout(payout, self.history.owners[payout].key, client)
        if response is None:
            return False
        if response.status != 200:
            self.history.add_violation("I2", f"a poll got {response}", payout)
            return False
        self.context.count_operation("poll")
        sequence = response.json()["sequence"]
        self.history.add_poll(payout, response.began, response.ended, sequence, response.text)
        return True

    def poll_each(self, payouts, deadline, failed):
        """Polls each payout until it is read. Adds those that are not read by the deadline to `failed`."""
        client = self.new_client()
        for payout in payouts:
            while not self.poll_as_owner(payout, client):
                if time.monotonic() > deadline:
                    failed.append(payout)
                    break
                time.sleep(0.05)
