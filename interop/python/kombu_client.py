"""The scenarios of ../README.md, with kombu (which speaks through py-amqp)."""

import contextlib
import sys

from kombu import Connection, Consumer, Exchange, Producer, Queue

from scenarios import DEADLINE, Worker, main, unique, until, want


@contextlib.contextmanager
def connected(url, **options):
    with Connection(url, connect_timeout=DEADLINE, transport_options=options) as connection:
        connection.connect()
        yield connection


class Inbox:
    """Collects what a consumer on one queue is sent."""

    def __init__(self, channel, queue, prefetch=0, no_ack=True):
        self.connection, self.got = channel.connection.client, []
        consumer = Consumer(channel, [queue], no_ack=no_ack, on_message=self.got.append)
        if prefetch:
            consumer.qos(prefetch_count=prefetch)
        consumer.consume()
        self.name = consumer.queues[0].name

    def wait(self, count, what):
        until(lambda: len(self.got) >= count, lambda left: self.connection.drain_events(timeout=left), what)
        return self.got

    def next(self, what):
        return self.wait(1, what).pop(0)


def own_queue(**options):
    """A queue that the broker names and that dies with the connection."""
    return Queue("", exclusive=True, durable=False, **options)


def hello(url):
    with connected(url) as connection:
        channel = connection.channel()
        queue = Queue(unique("kombu.hello"), durable=False)(channel)
        queue.declare()
        want("get from an empty queue", queue.get(), None)
        headers = {"text": "grüße", "yes": True, "int": -7, "long": 1 << 40, "none": None, "float": 0.5,
                   "list": [1, "two", {"three": 3}], "table": {"nested": {"deep": "enough"}}}
        Producer(channel).publish({"hello": "world"}, routing_key=queue.name, serializer="json", headers=headers,
                                  delivery_mode="transient", priority=3, expiration=60, message_id="m-1")
        message = Inbox(channel, queue).next("the greeting")
        want("payload", message.payload, {"hello": "world"})
        want("content type", message.content_type, "application/json")
        want("headers", message.headers, headers)
        kept = {key: message.properties.get(key) for key in ("delivery_mode", "priority", "expiration", "message_id")}
        want("properties", kept, {"delivery_mode": 1, "priority": 3, "expiration": "60000", "message_id": "m-1"})
        want("redelivered", message.delivery_info["redelivered"], False)
        queue.delete()


def work_queue(url):
    with connected(url) as connection:
        channel = connection.channel()
        queue = Queue(unique("kombu.tasks"), durable=True)(channel)
        queue.declare()
        tasks = [f"task {n}" for n in range(1, 6)]
        for task in tasks:
            Producer(channel).publish(task, routing_key=queue.name, delivery_mode="persistent")

        first = Worker(__file__, url, queue.name)
        want("the first worker's task", first.took(), "task 1")
        second = Inbox(channel, queue, prefetch=1, no_ack=False)
        second.wait(1, "the second worker's task")
        waiting = queue.queue_declare(passive=True)
        want("tasks held back by prefetch", waiting.message_count, 3)
        want("workers", waiting.consumer_count, 2)

        first.die()
        done = {}
        while len(done) < len(tasks):
            message = second.next("the rest of the tasks")
            done[message.payload] = message.delivery_info["redelivered"]
            message.ack()
        want("redelivered, by task", done, {task: task == "task 1" for task in tasks})
        want("tasks left", queue.delete(), 0)


def worker(url, queue):
    with connected(url) as connection:
        message = Inbox(connection.channel(), Queue(queue, no_declare=True), prefetch=1, no_ack=False).next("a task")
        print(message.payload, flush=True)
        sys.stdin.read()


def fanout(url):
    with connected(url) as connection:
        channel = connection.channel()
        exchange = Exchange(unique("kombu.fanout"), "fanout", durable=False)(channel)
        exchange.declare()
        subscribers = [Inbox(channel, own_queue(exchange=exchange)) for _ in range(2)]
        for news in ("first", "second"):
            Producer(channel, exchange).publish(news, routing_key="ignored")
        for subscriber in subscribers:
            want("news", [m.payload for m in subscriber.wait(2, "the news")], ["first", "second"])
        exchange.delete()


def routing(url, kind, bindings, published, expected):
    """Publishes one message a key; each subscriber must get the expected ones."""
    with connected(url) as connection:
        channel = connection.channel()
        exchange = Exchange(unique(f"kombu.{kind}"), kind, durable=False)(channel)
        exchange.declare()
        subscribers = []
        for keys in bindings:
            subscribers.append(Inbox(channel, own_queue(exchange=exchange, routing_key="end")))
            for key in keys:
                channel.queue_bind(subscribers[-1].name, exchange.name, key)
        for key in [*published, "end"]:
            Producer(channel, exchange).publish(key, routing_key=key)
        for subscriber, keys in zip(subscribers, expected):
            until(lambda: subscriber.got and subscriber.got[-1].payload == "end",
                  lambda left: connection.drain_events(timeout=left), keys)
            want("routed", [m.payload for m in subscriber.got], [*keys, "end"])
        exchange.delete()


def direct(url):
    routing(url, "direct", [["error"], ["info", "warning", "error"]],
            ["info", "error", "debug", "warning"],
            [["error"], ["info", "error", "warning"]])


def topics(url):
    routing(url, "topic", [["*.orange.*"], ["*.*.rabbit", "lazy.#"], ["#"]],
            ["quick.orange.rabbit", "lazy.orange.elephant", "quick.brown.fox", "lazy.pink.rabbit", "lazy", "orange"],
            [["quick.orange.rabbit", "lazy.orange.elephant"],
             ["quick.orange.rabbit", "lazy.orange.elephant", "lazy.pink.rabbit", "lazy"],
             ["quick.orange.rabbit", "lazy.orange.elephant", "quick.brown.fox", "lazy.pink.rabbit", "lazy", "orange"]])


def call(url, replies):
    """Asks a server for squares and waits for the answers in the queue replies."""
    with connected(url) as server, connected(url) as client:
        serve, ask = server.channel(), client.channel()
        questions = Queue(unique("kombu.rpc"), durable=False)(serve)
        asked = Inbox(serve, questions, no_ack=False)
        answers = Inbox(ask, replies)
        for n in (3, 4):
            Producer(ask).publish(str(n), routing_key=questions.name, reply_to=answers.name, correlation_id=f"call-{n}")
            question = asked.next("a question")
            Producer(serve).publish(str(int(question.payload) ** 2), routing_key=question.properties["reply_to"],
                                    correlation_id=question.properties["correlation_id"])
            question.ack()
            answer = answers.next("an answer")
            want("answer", (answer.properties["correlation_id"], answer.payload), (f"call-{n}", str(n * n)))
        questions.delete()


def rpc(url):
    call(url, own_queue())


def direct_reply_to(url):
    call(url, Queue("amq.rabbitmq.reply-to", no_declare=True))


def confirms(url):
    with connected(url, confirm_publish=True) as connection:
        channel = connection.channel()
        queue = Queue(unique("kombu.confirms"), durable=True)(channel)
        queue.declare()
        events = []
        channel.events["basic_ack"].add(lambda *_: events.append("confirmed"))
        producer = Producer(channel, on_return=lambda *about: events.append(f"returned {about[-1].body}"))
        for n in range(20):
            producer.publish(str(n), routing_key=queue.name, delivery_mode="persistent", mandatory=True)
        want("events", events, ["confirmed"] * 20)
        events.clear()
        producer.publish("lost", routing_key=unique("nowhere"), mandatory=True)
        want("events", events, ["returned lost", "confirmed"])
        producer.publish("dropped", routing_key=unique("nowhere"))
        want("stored", queue.delete(), 20)


main({
    "hello": hello, "work-queue": work_queue, "fanout": fanout, "direct": direct, "topics": topics,
    "rpc": rpc, "direct-reply-to": direct_reply_to, "confirms": confirms,
}, worker)
