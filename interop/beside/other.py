"""A program that knows nothing of Postrider but the names of queues: other.py URL"""

import json
import sys
import time

import pika
import pika.exceptions

DEADLINE = 20  # seconds that any one wait may take


def want(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: got {got!r}, want {expected!r}")


def get(connection, queue):
    """What comes to a queue, which a node makes when it first needs it."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        channel = connection.channel()
        try:
            method, properties, body = channel.basic_get(queue, auto_ack=True)
        except pika.exceptions.ChannelClosedByBroker as why:
            want(f"why there is no {queue}", why.reply_code, 404)
            continue
        channel.close()
        if method:
            return properties, body
        connection.process_data_events(0.05)
    sys.exit(f"nothing came to {queue} in {DEADLINE} s")


def take(connection, queue):
    """What comes to a queue with a single active consumer, from which RabbitMQ lets nobody get."""
    channel = connection.channel()
    for method, properties, body in channel.consume(queue, inactivity_timeout=DEADLINE):
        if not method:
            sys.exit(f"nothing came to {queue} in {DEADLINE} s")
        channel.basic_ack(method.delivery_tag)
        channel.close()
        return properties, body


def main(url):
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = DEADLINE
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.confirm_delivery()

    def publish(queue, body, **properties):
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2, **properties), mandatory=True)

    # What a node posts.
    properties, body = get(connection, "results")
    want("a node's body", body, b"first")
    want("a node's name", properties.app_id, "office")
    want("a node's type", properties.content_type, "text/plain; charset=utf-8")
    want("a node's id is there", bool(properties.message_id), True)

    # What a node's handler does with what others publish.
    publish("tasks", b"plain")
    want("without properties", get(connection, "results")[1],
         b'plain from "", id "", type "", colour <nil>, failed 0 times')
    publish("tasks", b"twice", app_id="shop", message_id="7", content_type="text/csv", headers={"colour": "red"})
    want("with properties, after a failure", get(connection, "results")[1],
         b'twice from "shop", id "7", type "text/csv", colour red, failed 1 times')
    publish("tasks", b"again", app_id="shop", message_id="7")
    publish("tasks", b"next", app_id="shop", message_id="8")
    want("behind one whose id was handled", get(connection, "results")[1][:4], b"next")
    want("what a node put among the dead", get(connection, "tasks.dead")[1], b"first")
    publish("tasks", b"poison", headers={"colour": "black"})
    properties, body = get(connection, "tasks.dead")
    want("a dead letter", body, b"poison")
    want("its headers", [properties.headers[name] for name in
                         ("colour", "x-postrider-reason", "x-postrider-tries", "x-postrider-target")],
         ["black", "it is poison", 1, "tasks"])

    # Mailboxes with partitions, and a topic.
    def partition(key):
        h = 0xcbf29ce484222325
        for c in key.encode():
            h = (h ^ c) * 0x100000001b3 % 2**64
        return h % 4

    for body in b"fails", b"behind":
        channel.basic_publish("orders.partitions", f"{partition('alice')}/4", body, pika.BasicProperties(
            delivery_mode=2, headers={"x-postrider-key": "alice"}), mandatory=True)
    want("what is of one key", [get(connection, "results")[1] for _ in range(2)],
         [b"fails of alice, failed 1 times", b"behind of alice, failed 0 times"])
    for queue, key in ("orders", ""), ("orders.partitions", "1/8"):
        try:
            channel.basic_publish("orders.partitions" if key else "", key or queue, b"", mandatory=True)
            sys.exit(f"{queue} {key} took a message")
        except pika.exceptions.UnroutableError:
            pass
    for key in "alice", "bob":
        properties, body = take(connection, f"parcels.p{partition(key)}")
        want("a message of a partition", (body, properties.headers["x-postrider-key"]), (b"for " + key.encode(), key))
    mine = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(mine, "prices", "eu.*")
    channel.basic_publish("prices", "eu.dax", b"9000", mandatory=True)
    want("what a node gets of a topic", get(connection, "results")[1], b"9000 of eu.dax, failed 0 times")
    want("what others get of it", get(connection, mine)[1], b"9000")

    # A call of a node's handler.
    answers = channel.queue_declare("", exclusive=True).method.queue
    publish("tasks", b"ask", reply_to=answers, correlation_id="a")
    properties, body = get(connection, answers)
    want("an answer", (body, properties.correlation_id), (b"ASK", "a"))
    publish("tasks", b"refuse", reply_to=answers, correlation_id="b")
    properties, body = get(connection, answers)
    want("an error's id", properties.correlation_id, "b")
    want("an error's type", properties.content_type, "application/vnd.postrider.error+json")
    want("an error", json.loads(body), {"Code": 500, "Reason": "never"})

    # A node's call.
    properties, body = get(connection, "questions")
    want("a question", body, b"6 * 7")
    channel.basic_publish("", properties.reply_to, b"42", pika.BasicProperties(
        correlation_id=properties.correlation_id, content_type="text/plain"))
    connection.close()


main(sys.argv[1])
