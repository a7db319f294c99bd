'use strict';
// What the scenarios stand on: deadlines, inboxes, and how they are reported.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');

const DEADLINE = 20_000; // milliseconds that any one wait may take

function unique(name) {
  return `interop.${name}.${randomUUID().slice(0, 13)}`;
}

function want(what, got, expected) {
  assert.deepEqual(got, expected, what);
}

// within rejects when the promise has not settled by the deadline.
function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${DEADLINE} ms for ${what}`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// An Inbox collects what a consumer on one queue is sent.
class Inbox {
  #got = [];
  #arrived = () => {};

  static async open(channel, queue, options = { noAck: true }) {
    const inbox = new Inbox();
    await channel.consume(queue, (message) => inbox.#take(message), options);
    return inbox;
  }

  #take(message) {
    this.#got.push(message);
    this.#arrived();
  }

  async next(what) {
    while (this.#got.length === 0) {
      await within(new Promise((resolve) => { this.#arrived = resolve; }), what);
    }
    return this.#got.shift();
  }

  // bodies takes messages until one of them is last.
  async bodies(last) {
    const bodies = [];
    while (bodies.at(-1) !== last) {
      bodies.push((await this.next(last)).content.toString());
    }
    return bodies;
  }
}

// main runs the named scenarios, or all: PROGRAM URL [SCENARIO...]
async function main(scenarios, worker) {
  const [url, ...rest] = process.argv.slice(2);
  if (url === '--worker') return worker(...rest);
  if (!url) return fail(`usage: ${process.argv[1]} URL [${Object.keys(scenarios).join(' | ')}]...`);
  for (const name of rest.length ? rest : Object.keys(scenarios)) {
    try {
      await scenarios[name](url);
    } catch (err) {
      return fail(`FAIL ${name}: ${err.message}`);
    }
    console.log(`ok ${name}`);
  }
}

function fail(why) {
  console.log(why);
  process.exit(1);
}

module.exports = { Inbox, main, unique, want, within };
