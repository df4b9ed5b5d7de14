"""Services downstream: they read everything that payoutd announces, and everything it puts aside."""

import json
import threading
import time

import pika

ANNOUNCED = "crash.announced"
DEAD = "payoutd.dead-letters"


def connect(url):
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 30
    parameters.socket_timeout = parameters.blocked_connection_timeout = 20
    return pika.BlockingConnection(parameters)


def declare(url):
    """Before payoutd runs for the first time: nothing may be announced to nobody."""
    connection = connect(url)
    channel = connection.channel()
    channel.exchange_declare("payouts", "topic", durable=True)
    channel.queue_declare(ANNOUNCED, durable=True)
    channel.queue_bind(ANNOUNCED, "payouts", "#")
    connection.close()


def waiting(url, name):
    """How many messages of a queue are ready to be delivered."""
    connection = connect(url)
    try:
        return connection.channel().queue_declare(name, passive=True).method.message_count
    finally:
        connection.close()


class Reader(threading.Thread):
    """Reads one queue for as long as the run lasts, through lost connections."""

    def __init__(self, load, name, take):
        super().__init__(daemon=True)
        self.load, self.name, self.take = load, name, take  # the thread is called as its queue
        self.last = time.monotonic()

    def run(self):
        while not self.load.over.is_set():
            try:
                self.session()
            except (pika.exceptions.AMQPError, OSError):
                time.sleep(0.2)
            except Exception as error:
                self.load.history.violate("harness", f"a reader of {self.name} failed: {error!r}")
                raise

    def session(self):
        channel = connect(self.load.amqp_url).channel()
        channel.basic_qos(prefetch_count=200)
        for method, properties, body in channel.consume(self.name, inactivity_timeout=0.5):
            if self.load.over.is_set():
                channel.connection.close()
                return
            if method is None:
                continue
            self.last = time.monotonic()
            self.take(method, properties, body.decode(errors="replace"))
            channel.basic_ack(method.delivery_tag)


def announced(load):
    """Notes an announcement, and sets a watcher on each new payout."""

    def take(method, _properties, text):
        event = json.loads(text)
        payout, sequence = event["subject"], event["data"]["sequence"]
        if event["id"] != f"{payout}.{sequence}" or method.routing_key.rsplit(".", 1)[0] != event["type"]:
            load.history.violate("I7", f"an announcement that does not fit itself: {text}", payout)
        news = load.history.announced(payout, sequence, text, method.redelivered)
        if news and event["type"] == "payout.created":
            load.live_payout(payout)

    return take


def put_aside(load):
    def take(_method, properties, text):
        headers = properties.headers or {}
        load.history.count("dead letters received")
        with load.history.lock:
            load.history.letters.append({"headers": headers, "body": text})

    return take
