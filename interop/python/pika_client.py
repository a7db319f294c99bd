"""The scenarios of ../README.md, with pika's blocking connection."""

import contextlib
import sys

import pika
import pika.exceptions

from scenarios import DEADLINE, Worker, main, unique, until, want

PERSISTENT = 2


@contextlib.contextmanager
def connected(url):
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.blocked_connection_timeout = DEADLINE
    connection = pika.BlockingConnection(parameters)
    try:
        yield connection
    finally:
        if connection.is_open:
            connection.close()


class Inbox:
    """Collects what a consumer on one queue is sent."""

    def __init__(self, connection, channel, queue, auto_ack=True):
        self.connection, self.got = connection, []
        channel.basic_consume(queue, self.take, auto_ack=auto_ack)

    def take(self, _channel, method, properties, body):
        self.got.append((method, properties, body))

    def next(self, what):
        until(lambda: self.got, self.connection.process_data_events, what)
        return self.got.pop(0)

    def bodies(self, count, what):
        until(lambda: len(self.got) >= count, self.connection.process_data_events, what)
        return [body for _, _, body in self.got]


def subscribe(connection, channel, exchange, *keys):
    queue = channel.queue_declare("", exclusive=True).method.queue
    for key in keys:
        channel.queue_bind(queue, exchange, key)
    return Inbox(connection, channel, queue)


def hello(url):
    with connected(url) as connection:
        channel, queue = connection.channel(), unique("pika.hello")
        channel.queue_declare(queue)
        want("get from an empty queue", channel.basic_get(queue), (None, None, None))
        headers = {"text": "grüße", "yes": True, "no": False, "int": -7, "long": 1 << 40, "none": None,
                   "list": [1, "two", {"three": 3}], "table": {"nested": {"deep": "enough"}}}
        sent = pika.BasicProperties(
            content_type="text/plain", content_encoding="utf-8", headers=headers, delivery_mode=1, priority=3,
            correlation_id="c-1", reply_to="nobody", message_id="m-1", timestamp=1700000000, type="greeting",
            user_id="guest", app_id="interop")
        channel.basic_publish("", queue, "Hello World!".encode(), sent)
        method, properties, body = Inbox(connection, channel, queue).next("the greeting")
        want("body", body, b"Hello World!")
        want("routing key", (method.exchange, method.routing_key), ("", queue))
        want("redelivered", method.redelivered, False)
        want("properties", vars(properties), vars(sent))
        channel.queue_delete(queue)


def work_queue(url):
    with connected(url) as connection:
        channel, queue = connection.channel(), unique("pika.tasks")
        channel.queue_declare(queue, durable=True)
        tasks = [f"task {n}".encode() for n in range(1, 6)]
        for task in tasks:
            channel.basic_publish("", queue, task, pika.BasicProperties(delivery_mode=PERSISTENT))

        first = Worker(__file__, url, queue)
        want("the first worker's task", first.took(), "task 1")
        channel.basic_qos(prefetch_count=1)
        second = Inbox(connection, channel, queue, auto_ack=False)
        until(lambda: second.got, connection.process_data_events, "the second worker's task")
        waiting = channel.queue_declare(queue, passive=True).method
        want("tasks held back by prefetch", waiting.message_count, 3)
        want("workers", waiting.consumer_count, 2)

        first.die()
        done = {}
        while len(done) < len(tasks):
            method, _, body = second.next("the rest of the tasks")
            done[body] = method.redelivered
            channel.basic_ack(method.delivery_tag)
        want("redelivered, by task", done, {task: task == b"task 1" for task in tasks})
        want("tasks left", channel.queue_delete(queue).method.message_count, 0)


def worker(url, queue):
    with connected(url) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        _, _, body = Inbox(connection, channel, queue, auto_ack=False).next("a task")
        print(body.decode(), flush=True)
        sys.stdin.read()


def fanout(url):
    with connected(url) as connection:
        channel, exchange = connection.channel(), unique("pika.fanout")
        channel.exchange_declare(exchange, "fanout")
        subscribers = [subscribe(connection, channel, exchange, "") for _ in range(2)]
        for news in (b"first", b"second"):
            channel.basic_publish(exchange, "ignored", news)
        for subscriber in subscribers:
            want("news", subscriber.bodies(2, "the news"), [b"first", b"second"])
        channel.exchange_delete(exchange)


def routing(url, kind, bindings, published, expected):
    """Publishes one message a key; each subscriber must get the expected ones."""
    with connected(url) as connection:
        channel, exchange = connection.channel(), unique(f"pika.{kind}")
        channel.exchange_declare(exchange, kind)
        subscribers = [subscribe(connection, channel, exchange, *keys, "end") for keys in bindings]
        for key in [*published, "end"]:
            channel.basic_publish(exchange, key, key.encode())
        for subscriber, keys in zip(subscribers, expected):
            until(lambda: subscriber.got and subscriber.got[-1][2] == b"end", connection.process_data_events, keys)
            want("routed", [body.decode() for _, _, body in subscriber.got], [*keys, "end"])
        channel.exchange_delete(exchange)


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


def call(url, reply_queue):
    """Asks a server for squares. reply_queue(channel) says where answers go."""
    with connected(url) as server, connected(url) as client:
        questions = unique("pika.rpc")
        serve = server.channel()
        serve.queue_declare(questions, exclusive=False)
        asked = Inbox(server, serve, questions, auto_ack=False)

        ask = client.channel()
        reply_to = reply_queue(ask)
        answers = Inbox(client, ask, reply_to)
        for n in (3, 4):
            ask.basic_publish("", questions, str(n).encode(),
                              pika.BasicProperties(reply_to=reply_to, correlation_id=f"call-{n}"))
            method, properties, body = asked.next("a question")
            serve.basic_publish("", properties.reply_to, str(int(body) ** 2).encode(),
                                pika.BasicProperties(correlation_id=properties.correlation_id))
            serve.basic_ack(method.delivery_tag)
            server.process_data_events(0)
            _, properties, body = answers.next("an answer")
            want("answer", (properties.correlation_id, body), (f"call-{n}", str(n * n).encode()))
        serve.queue_delete(questions)


def rpc(url):
    call(url, lambda channel: channel.queue_declare("", exclusive=True).method.queue)


def direct_reply_to(url):
    call(url, lambda channel: "amq.rabbitmq.reply-to")


def confirms(url):
    with connected(url) as connection:
        channel, queue = connection.channel(), unique("pika.confirms")
        channel.queue_declare(queue, durable=True)
        channel.confirm_delivery()
        for n in range(20):
            channel.basic_publish("", queue, b"%d" % n, pika.BasicProperties(delivery_mode=PERSISTENT), mandatory=True)
        try:
            channel.basic_publish("", unique("nowhere"), b"lost", mandatory=True)
            want("an unroutable message", "confirmed", "returned first")
        except pika.exceptions.UnroutableError as err:
            want("returned", [(m.method.reply_code, m.body) for m in err.messages], [(312, b"lost")])
        channel.basic_publish("", unique("nowhere"), b"dropped", mandatory=False)
        want("stored", channel.queue_delete(queue).method.message_count, 20)


main({
    "hello": hello, "work-queue": work_queue, "fanout": fanout, "direct": direct, "topics": topics,
    "rpc": rpc, "direct-reply-to": direct_reply_to, "confirms": confirms,
}, worker)
