"""A client of the broker that acts as a chain watcher, which publishes reports, and as a consumer of payoutd's events.

Reads one command per line from stdin and writes one response per line to stdout, both in JSON. The argument is the
broker's URL.

    {"do": "publish", "messages": [{"routing_key", "body" or "body_base64", "exchange", "content_type", "headers",
                                    "message_id"}]}
        Publishes one by one with the mandatory flag, and awaits each confirm. Responds {"published": N}, or an error
        if the broker refused or returned a message.
    {"do": "subscribe", "exchange": "payouts", "binding": "#", "durable": false}
        Declares and binds a new queue, which is durable, or else exclusive to this connection. Responds
        {"queue": name}.
    {"do": "bind", "queue": name, "exchange": "payouts", "binding": "#"}
        Adds a binding. Responds {"queue": name}.
    {"do": "take", "queue": name, "count": N, "seconds": S}
        Gets the next N messages, or those that arrive within S seconds. Responds {"messages": [...]}.
    {"do": "count", "queue": name}
        Responds {"messages": N}, the number of messages that are ready for delivery.
"""

import base64
import json
import sys
import time
import uuid

import pika


def publish(channel, command):
    for message in command["messages"]:
        body = message.get("body")
        raw = base64.b64decode(message["body_base64"]) if body is None else body.encode()
        channel.basic_publish(
            exchange=message.get("exchange", "chain.events"),
            routing_key=message["routing_key"],
            body=raw,
            properties=pika.BasicProperties(
                content_type=message.get("content_type"),
                headers=message.get("headers"),
                message_id=message.get("message_id"),
                delivery_mode=pika.DeliveryMode.Persistent,
            ),
            mandatory=True,
        )
    return {"published": len(command["messages"])}


def subscribe(channel, command):
    durable = command["durable"]
    name = f"test.{uuid.uuid4()}" if durable else ""
    queue = channel.queue_declare(queue=name, durable=durable, exclusive=not durable).method.queue
    return bind(channel, {**command, "queue": queue})


def bind(channel, command):
    channel.queue_bind(queue=command["queue"], exchange=command["exchange"], routing_key=command["binding"])
    return {"queue": command["queue"]}


def take(channel, command):
    deadline = time.monotonic() + command["seconds"]
    messages = []
    while len(messages) < command["count"]:
        method, properties, body = channel.basic_get(queue=command["queue"], auto_ack=True)
        if method is not None:
            messages.append(
                {
                    "exchange": method.exchange,
                    "routing_key": method.routing_key,
                    "content_type": properties.content_type,
                    "message_id": properties.message_id,
                    "delivery_mode": properties.delivery_mode,
                    "headers": properties.headers or {},
                    "body": body.decode(errors="replace"),
                }
            )
        elif time.monotonic() > deadline:
            break
        else:
            channel.connection.sleep(0.02)
    return {"messages": messages}


def count(channel, command):
    return {"messages": channel.queue_declare(queue=command["queue"], passive=True).method.message_count}


COMMANDS = {"publish": publish, "subscribe": subscribe, "bind": bind, "take": take, "count": count}


def main():
    parameters = pika.URLParameters(sys.argv[1])
    parameters.heartbeat = 0
    channel = pika.BlockingConnection(parameters).channel()
    channel.confirm_delivery()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            response = COMMANDS[command["do"]](channel, command)
        except pika.exceptions.AMQPError as error:
            response = {"error": repr(error)}
        print(json.dumps(response, default=str), flush=True)


if __name__ == "__main__":
    main()
