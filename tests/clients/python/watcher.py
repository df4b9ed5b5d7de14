"""Plays the other side of the broker: chain watchers that publish reports, and services that read what payoutd sends.

One command per line on stdin, one answer per line on stdout, both JSON. The address of the broker is the argument.

    {"do": "publish", "messages": [{"routing_key", "body" or "body_base64", "exchange", "content_type", "headers",
                                    "message_id"}]}
        Published one by one, mandatory, each confirmed before the next. Answers {"published": N}, or an error when
        the broker refused one or had no queue for it.
    {"do": "subscribe", "exchange": "payouts", "binding": "#", "durable": false}
        A new queue, bound. Answers {"queue": name}. Unless it is durable it is this connection's own, and ends with it.
    {"do": "bind", "queue": name, "exchange": "payouts", "binding": "#"}
        One more binding.
    {"do": "take", "queue": name, "count": N, "seconds": S}
        The next N messages, or as many as came within S seconds. Answers {"messages": [...]}.
    {"do": "count", "queue": name}
        Answers {"messages": N}: those ready to be delivered.
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
            answer = COMMANDS[command["do"]](channel, command)
        except pika.exceptions.AMQPError as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    main()
