"""Consumers of payoutd's events and of its dead letters."""

import json
import threading
import time

import pika

EVENT_QUEUE = "crash.events"
DEAD_LETTER_QUEUE = "payoutd.dead-letters"


def connect(url):
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 30
    parameters.socket_timeout = parameters.blocked_connection_timeout = 20
    return pika.BlockingConnection(parameters)


def declare_event_queue(url):
    """Has to happen before payoutd starts, so that every event is routed to the queue."""
    connection = connect(url)
    channel = connection.channel()
    channel.exchange_declare("payouts", "topic", durable=True)
    channel.queue_declare(EVENT_QUEUE, durable=True)
    channel.queue_bind(EVENT_QUEUE, "payouts", "#")
    connection.close()


def ready_messages(url, queue):
    """The number of messages that are ready for delivery."""
    connection = connect(url)
    try:
        return connection.channel().queue_declare(queue, passive=True).method.message_count
    finally:
        connection.close()


class QueueConsumer(threading.Thread):
    """Passes each message of `queue` to `handle`, and reconnects until the run ends."""

    def __init__(self, context, queue, handle):
        super().__init__(daemon=True)
        self.context, self.queue, self.handle = context, queue, handle
        self.last_message_at = time.monotonic()

    def run(self):
        while not self.context.finished.is_set():
            try:
                self.consume()
            except (pika.exceptions.AMQPError, OSError):
                time.sleep(0.2)
            except Exception as error:
                self.context.history.add_violation("harness", f"a consumer of {self.queue} failed: {error!r}")
                raise

    def consume(self):
        channel = connect(self.context.amqp_url).channel()
        channel.basic_qos(prefetch_count=200)
        for method, properties, body in channel.consume(self.queue, inactivity_timeout=0.5):
            if self.context.finished.is_set():
                channel.connection.close()
                return
            if method is None:
                continue
            self.last_message_at = time.monotonic()
            self.handle(method, properties, body.decode(errors="replace"))
            channel.basic_ack(method.delivery_tag)


def event_handler(context):
    """Records each event, and assigns a watcher to each new payout."""

    def handle(method, _properties, text):
        event = json.loads(text)
        payout, sequence = event["subject"], event["data"]["sequence"]
        if event["id"] != f"{payout}.{sequence}" or method.routing_key.rsplit(".", 1)[0] != event["type"]:
            context.history.add_violation("I7", f"an event contradicts its id or routing key: {text}", payout)
        is_new = context.history.add_event(payout, sequence, text, method.redelivered)
        if is_new and event["type"] == "payout.created":
            context.watch_live_payout(payout)

    return handle


def dead_letter_handler(context):
    def handle(_method, properties, text):
        headers = properties.headers or {}
        context.history.count("dead letters received")
        with context.history.lock:
            context.history.dead_letters.append({"headers": headers, "body": text})

    return handle
