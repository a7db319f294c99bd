"""RabbitMQ's own client for Python, pika, on whatever broker there is.

    pika.py send|receive URL QUEUE declare|there durable|transient BODY WINDOW PREFETCH WARM MEASURE RATE

It speaks with its parent as zmq.c does, see program.go. Bodies are those of body.go.
"""

import resource
import struct
import sys
import time

import pika

ROLE, URL, QUEUE, DECLARE, DURABLE = sys.argv[1:6]
BODY, WINDOW, PREFETCH, WARM, MEASURE, RATE = map(int, sys.argv[6:12])
LAST = 1 << 63
TIMED_EACH = 32
ACK_EACH = 100  # as role_amqp091.go


def pattern():
    x, p = 1, bytearray()
    for _ in range(256 + BODY):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        p.append(x >> 24)
    return bytes(p)


PATTERN = pattern()


def filling(number):
    at = number & 255
    return PATTERN[at : at + BODY - 16]


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Peer:
    """What both sides have in common: one channel, and a tally in the end."""

    def __init__(self):
        self.messages = self.measured = self.began = self.started = 0
        self.samples = []
        self.milestones = []
        self.over = False
        self.connection = pika.SelectConnection(
            pika.URLParameters(URL), on_open_callback=self.opened, on_open_error_callback=self.failed, on_close_callback=self.closed
        )
        self.connection.ioloop.start()

    def failed(self, _, error):
        sys.exit(f"{ROLE}: {error!r}")

    def closed(self, _, error):
        if not self.over:
            self.failed(_, error)
        self.connection.ioloop.stop()

    def opened(self, connection):
        connection.channel(on_open_callback=self.channel_opened)

    def channel_opened(self, channel):
        self.channel = channel
        channel.add_on_close_callback(lambda _, error: self.over or self.failed(_, error))
        if DECLARE == "declare":
            channel.queue_declare(QUEUE, durable=True, callback=self.prepared)
        else:
            self.prepared(None)

    def ready(self):
        print("ready", flush=True)
        if not sys.stdin.readline():
            sys.exit(0)
        self.before = cpu()

    def tell(self):
        self.over = True
        ended = time.monotonic_ns()
        print("tally", self.messages, self.measured, self.began, ended, cpu() - self.before, len(self.samples), len(self.milestones) // 2, flush=True)
        sys.stdout.buffer.write(struct.pack(f"<{len(self.samples) + len(self.milestones)}q", *self.samples, *self.milestones))
        sys.stdout.buffer.flush()
        self.connection.close()


class Sender(Peer):
    def prepared(self, _):
        self.channel.confirm_delivery(self.confirmed, callback=self.begin)

    def begin(self, _):
        self.low, self.above = 0, set()  # every tag up to low is confirmed, and those above
        self.last = False
        self.properties = pika.BasicProperties(delivery_mode=2 if DURABLE == "durable" else 1)
        self.ready()
        self.publish()

    def confirmed(self, frame):
        if not isinstance(frame.method, pika.spec.Basic.Ack):
            sys.exit("the broker refused a message")
        tag = frame.method.delivery_tag
        if frame.method.multiple:
            self.low = max(self.low, tag)
            self.above = {t for t in self.above if t > self.low}
        else:
            self.above.add(tag)
        while self.low + 1 in self.above:
            self.low += 1
            self.above.remove(self.low)
        if not self.last:
            self.publish()
        elif self.unconfirmed() == 0:
            self.tell()

    def unconfirmed(self):
        return self.messages - self.low - len(self.above)

    def publish(self):
        while self.unconfirmed() < WINDOW and not self.last:
            number, sent = self.messages, 0
            if number % TIMED_EACH == 0:
                now = time.monotonic_ns()
                self.started = self.started or now
                if not self.began and now - self.started >= WARM:
                    self.began = now
                self.last = now - self.started >= WARM + MEASURE
                if self.began:
                    sent = now
            head = struct.pack("<QQ", number, sent | (LAST if self.last else 0))
            self.messages += 1
            if self.began:
                self.measured += 1
            self.channel.basic_publish("", QUEUE, head + filling(number), self.properties)


class Receiver(Peer):
    def prepared(self, _):
        self.channel.basic_qos(prefetch_count=PREFETCH, callback=self.consume)

    def consume(self, _):
        self.channel.basic_consume(QUEUE, self.take, callback=lambda _: self.ready())

    def take(self, channel, deliver, _, body):
        number, sent = struct.unpack_from("<QQ", body)
        if number != self.messages or body[16:] != filling(number) or deliver.redelivered:
            sys.exit(f"message {number} came, want {self.messages}: lost, repeated, out of order or damaged")
        self.messages += 1
        if sent & ~LAST or self.messages % TIMED_EACH == 0:
            now = time.monotonic_ns()
            self.milestones += now, self.messages
            if sent & ~LAST:
                self.samples.append(now - (sent & ~LAST))
        if self.messages % ACK_EACH == 0 or sent & LAST:
            channel.basic_ack(deliver.delivery_tag, multiple=True)
        if sent & LAST:
            self.tell()


{"send": Sender, "receive": Receiver}[ROLE]()
