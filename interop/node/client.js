'use strict';
// The scenarios of ../README.md, with amqplib's promises.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const readline = require('node:readline');
const amqp = require('amqplib');
const { Inbox, main, unique, want, within } = require('./scenarios');

// connected lends a connection to use and closes it afterwards.
async function connected(url, use) {
  const connection = await within(amqp.connect(url), 'a connection');
  try {
    await use(connection);
  } finally {
    await within(connection.close(), 'the connection to close');
  }
}

async function subscribe(channel, exchange, ...keys) {
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (const key of keys) {
    await channel.bindQueue(queue, exchange, key);
  }
  return Inbox.open(channel, queue);
}

const hello = (url) => connected(url, async (connection) => {
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue(unique('node.hello'), { durable: false });
  want('get from an empty queue', await channel.get(queue), false);
  const headers = {
    text: 'grüße', yes: true, no: false, int: -7, long: 2 ** 40, half: 0.5, none: null,
    list: [1, 'two', { three: 3 }], table: { nested: { deep: 'enough' } },
  };
  const sent = {
    contentType: 'text/plain', contentEncoding: 'utf-8', headers, deliveryMode: 1, priority: 3,
    correlationId: 'c-1', replyTo: 'nobody', messageId: 'm-1', timestamp: 1700000000,
    type: 'greeting', userId: 'guest', appId: 'interop',
  };
  channel.sendToQueue(queue, Buffer.from('Hello World!'), sent);
  const message = await (await Inbox.open(channel, queue)).next('the greeting');
  want('body', message.content.toString(), 'Hello World!');
  want('exchange', message.fields.exchange, '');
  want('routing key', message.fields.routingKey, queue);
  want('redelivered', message.fields.redelivered, false);
  const { expiration, clusterId, ...properties } = message.properties;
  want('properties', properties, sent);
  want('properties that were not set', [expiration, clusterId], [undefined, undefined]);
  await channel.deleteQueue(queue);
});

const workQueue = (url) => connected(url, async (connection) => {
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue(unique('node.tasks'), { durable: true });
  const tasks = [1, 2, 3, 4, 5].map((n) => `task ${n}`);
  for (const task of tasks) {
    channel.sendToQueue(queue, Buffer.from(task), { persistent: true });
  }

  const first = spawn(process.execPath, [__filename, '--worker', url, queue], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = once(readline.createInterface(first.stdout), 'line');
  want("the first worker's task", await within(said, 'the first worker'), ['task 1']);
  await channel.prefetch(1);
  const second = await Inbox.open(channel, queue, {});
  let message = await second.next("the second worker's task");
  const waiting = await channel.checkQueue(queue);
  want('tasks held back by prefetch', waiting.messageCount, 3);
  want('workers', waiting.consumerCount, 2);

  first.kill('SIGKILL');
  const done = {};
  for (;;) {
    done[message.content.toString()] = message.fields.redelivered;
    channel.ack(message);
    if (Object.keys(done).length === tasks.length) break;
    message = await second.next('the rest of the tasks');
  }
  want('redelivered, by task', done, Object.fromEntries(tasks.map((task) => [task, task === 'task 1'])));
  want('tasks left', (await channel.deleteQueue(queue)).messageCount, 0);
});

// worker takes one task, says so, and never acknowledges it.
const worker = (url, queue) => connected(url, async (connection) => {
  const channel = await connection.createChannel();
  await channel.prefetch(1);
  const message = await (await Inbox.open(channel, queue, {})).next('a task');
  console.log(message.content.toString());
  await once(process.stdin.resume(), 'end');
});

const fanout = (url) => connected(url, async (connection) => {
  const channel = await connection.createChannel();
  const { exchange } = await channel.assertExchange(unique('node.fanout'), 'fanout', { durable: false });
  const subscribers = [await subscribe(channel, exchange, ''), await subscribe(channel, exchange, '')];
  for (const news of ['first', 'second']) {
    channel.publish(exchange, 'ignored', Buffer.from(news));
  }
  for (const subscriber of subscribers) {
    want('news', await subscriber.bodies('second'), ['first', 'second']);
  }
  await channel.deleteExchange(exchange);
});

// routing publishes one message a key; each subscriber must get the expected ones.
const routing = (kind, published, subscriptions) => (url) => connected(url, async (connection) => {
  const channel = await connection.createChannel();
  const { exchange } = await channel.assertExchange(unique(`node.${kind}`), kind, { durable: false });
  const subscribers = [];
  for (const { keys } of subscriptions) {
    subscribers.push(await subscribe(channel, exchange, ...keys, 'end'));
  }
  for (const key of [...published, 'end']) {
    channel.publish(exchange, key, Buffer.from(key));
  }
  for (const [i, { expected }] of subscriptions.entries()) {
    want('routed', await subscribers[i].bodies('end'), [...expected, 'end']);
  }
  await channel.deleteExchange(exchange);
});

const direct = routing('direct', ['info', 'error', 'debug', 'warning'], [
  { keys: ['error'], expected: ['error'] },
  { keys: ['info', 'warning', 'error'], expected: ['info', 'error', 'warning'] },
]);

const sightings = [
  'quick.orange.rabbit', 'lazy.orange.elephant', 'quick.brown.fox', 'lazy.pink.rabbit', 'lazy', 'orange',
];

const topics = routing('topic', sightings, [
  { keys: ['*.orange.*'], expected: sightings.slice(0, 2) },
  { keys: ['*.*.rabbit', 'lazy.#'], expected: [...sightings.slice(0, 2), 'lazy.pink.rabbit', 'lazy'] },
  { keys: ['#'], expected: sightings },
]);

// call asks a server for squares; replyQueue says where the answers go.
const call = (replyQueue) => (url) => connected(url, (server) => connected(url, async (client) => {
  const serve = await server.createChannel();
  const { queue: questions } = await serve.assertQueue(unique('node.rpc'), { durable: false });
  const asked = await Inbox.open(serve, questions, {});

  const ask = await client.createChannel();
  const replyTo = await replyQueue(ask);
  const answers = await Inbox.open(ask, replyTo);
  for (const n of [3, 4]) {
    ask.sendToQueue(questions, Buffer.from(`${n}`), { replyTo, correlationId: `call-${n}` });
    const question = await asked.next('a question');
    const square = Number(question.content) ** 2;
    serve.sendToQueue(question.properties.replyTo, Buffer.from(`${square}`), {
      correlationId: question.properties.correlationId,
    });
    serve.ack(question);
    const answer = await answers.next('an answer');
    want('answer', [answer.properties.correlationId, answer.content.toString()], [`call-${n}`, `${n * n}`]);
  }
  await serve.deleteQueue(questions);
}));

const rpc = call(async (channel) => (await channel.assertQueue('', { exclusive: true })).queue);

const directReplyTo = call(async () => 'amq.rabbitmq.reply-to');

const confirms = (url) => connected(url, async (connection) => {
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue(unique('node.confirms'), { durable: true });
  const events = [];
  channel.on('return', (message) => events.push(`returned ${message.fields.replyCode} ${message.content}`));
  const publish = (key, body, options) => new Promise((resolve, reject) => {
    channel.publish('', key, Buffer.from(body), options, (err) => {
      events.push(`${err ? 'refused' : 'confirmed'} ${body}`);
      err ? reject(err) : resolve();
    });
  });

  const bodies = Array.from({ length: 20 }, (_, n) => `${n}`);
  const stored = bodies.map((body) => publish(queue, body, { persistent: true, mandatory: true }));
  await within(Promise.all(stored), 'all confirms');
  want('events', events.splice(0), bodies.map((body) => `confirmed ${body}`));
  await within(publish(unique('nowhere'), 'lost', { mandatory: true }), 'the confirm of a returned message');
  want('events', events.splice(0), ['returned 312 lost', 'confirmed lost']);
  await within(publish(unique('nowhere'), 'dropped', {}), 'the confirm of a dropped message');
  want('stored', (await channel.deleteQueue(queue)).messageCount, 20);
});

main({
  hello, 'work-queue': workQueue, fanout, direct, topics, rpc, 'direct-reply-to': directReplyTo, confirms,
}, worker);
