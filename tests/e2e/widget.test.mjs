/**
 * The widget and the wire: streaming, footnotes, broken connections, tokens, refusals.
 * None of these tests sleeps to wait for something: they wait for the thing itself, and scripts wait at gates that the test opens.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseParser } from '../../wp-plugin/deskhand/assets/deskhand-client.js';
import { resolvers } from './support/fake-server.mjs';
import { check, RETURNS, saying, until } from './support/harness.mjs';

// The event-stream format

const STREAM = [
  '\uFEFF: a comment\r\nretry: 1500\r\n\r\nid: 7\r\nevent: delta\r\ndata: {"md":"Grüße 🙂"}\r\n\r\n',
  'data: first\ndata:second\ndata:  third\n\n', 'event: typing\ndata: x\r\r', 'event: nothing\nid: 9\n\n', 'data\n\n', 'data: never finished\n',
].join('');
const EVENTS = [
  { id: '7', type: 'delta', data: '{"md":"Grüße 🙂"}' },
  { id: '', type: '', data: 'first\nsecond\n third' },
  { id: '', type: 'typing', data: 'x' },
  { id: '', type: '', data: '' },
];

test('the stream parser gives the same events whatever the chunk boundaries', () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let size = 1; size <= bytes.length; size += 1) {
    const decoder = new TextDecoder();
    const parser = new SseParser();
    const events = [];
    for (let at = 0; at < bytes.length; at += size) events.push(...parser.push(decoder.decode(bytes.slice(at, at + size), { stream: true })));
    assert.deepEqual(events, EVENTS, `pieces of ${size} bytes`);
    assert.equal(parser.retry, 1500);
  }
});

check('an answer arrives over a stream that is cut inside of characters and line ends', {}, async ({ server, chat }) => {
  server.pace = 10; // or the browser would put the pieces together again
  server.chunks = (text) => {
    const bytes = Buffer.from(text.replaceAll('\n', '\r\n'));
    const cuts = [0];
    // Within each character of more than one byte, and within each line end of an answer's event.
    for (let at = 1; at < bytes.length; at += 1) if ((bytes[at] & 0xc0) === 0x80 || (bytes[at] === 10 && text.includes('Grüße'))) cuts.push(at);
    return cuts.map((cut, i) => bytes.subarray(cut, cuts[i + 1]));
  };
  server.script = async (turn) => {
    turn.citation(RETURNS);
    turn.delta(0, 'Schöne Grüße – 30 days. [1]');
    turn.final('Schöne Grüße – 30 days. [1]');
  };
  await chat.ask('How long?');
  await chat.last.locator('.sources').waitFor();
  assert.match(await chat.last.innerText(), /Schöne Grüße – 30 days\.\s1/);
});

// Sending and streaming

check('sends what the protocol asks for, and renders deltas as they come', {}, async ({ server, chat, page, url }) => {
  const gates = [resolvers(), resolvers(), resolvers()];
  server.script = async (turn) => {
    turn.step('Searching the help pages…');
    await gates[0].promise;
    turn.citation(RETURNS);
    turn.delta(0, 'You have **30 days**. [1]');
    await gates[1].promise;
    turn.delta(1, 'It must be unused.');
    await gates[2].promise;
    turn.final('You have **30 days**. [1] It must be unused, and in its box.');
  };
  await chat.ask('  How long do I have?  ');
  await chat.status.getByText('Searching the help pages…').waitFor();
  assert.deepEqual(await chat.said(), ['You: How long do I have?']);
  gates[0].resolve();
  await chat.last.getByText('You have 30 days').waitFor();
  assert.equal(await chat.last.locator('strong').innerText(), '30 days');
  // A growing answer stands outside of the live region, so that it isn't read out with each sentence.
  assert.equal(await chat.log.locator('.answer').count(), 0);
  gates[1].resolve();
  await chat.last.getByText('It must be unused.').waitFor();
  gates[2].resolve();
  await chat.log.locator('.answer').getByText('and in its box').waitFor();
  assert.equal(await chat.status.innerText(), '');

  const [{ body, headers }] = server.asked('POST', /messages$/);
  assert.match(body.message_id, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.deepEqual({ ...body, message_id: '' }, { message_id: '', user_msg: 'How long do I have?', page: url, locale: 'en' });
  assert.equal(headers.accept, 'text/event-stream');
  assert.match(headers.authorization, /^Bearer token-/);
  const [token] = server.asked('POST', /demo\/token/);
  assert.deepEqual(token.body, {});
  assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage }).includes('token-')), false);

  await chat.ask('And then?');
  await until(() => server.asked('POST', /messages$/).length === 2, 'the second message');
  assert.equal(server.asked('POST', /messages$/)[1].body.thread_id, [...server.threads.keys()][0]);
  assert.equal(server.asked('POST', /demo\/token/).length, 1);
});

check('a footnote leads to its source, and the source to its page in a new tab', {}, async ({ server, chat, page }) => {
  server.script = async (turn) => {
    turn.citation(RETURNS);
    turn.citation({ ...RETURNS, n: 2, title: 'Never used' });
    turn.final('30 days. [1]', { citations: [1] });
  };
  await chat.ask('How long?');
  await chat.last.getByRole('button', { name: 'Source 1: Returns' }).click();
  const link = chat.last.getByRole('link', { name: /Returns/ });
  assert.equal(await link.evaluate((element) => element.getRootNode().activeElement === element), true);
  assert.equal(await chat.last.locator('.source').count(), 1);
  assert.match(await chat.last.locator('.sources').innerText(), /Returns · How long you have\s*Within 30 days\./);
  assert.equal(await link.getAttribute('rel'), 'noopener');
  const [tab] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
  await tab.waitForLoadState();
  assert.equal(tab.url(), `${server.url}/kb/returns#how-long`);
  assert.equal(await tab.evaluate(() => window.opener), null);
});

check('withdrawn sentences vanish, and the final text is what counts', {}, async ({ server, chat }) => {
  const gates = [resolvers(), resolvers()];
  server.script = async (turn) => {
    for (const [i, md] of ['First.', 'Second.', 'Third.'].entries()) turn.delta(i, md);
    await gates[0].promise;
    turn.replace(1);
    turn.delta(1, 'Better.');
    await gates[1].promise;
    turn.replace(0, 'All new.');
    turn.final('The end.');
  };
  await chat.ask('Go');
  await chat.last.getByText('First. Second. Third.').waitFor();
  gates[0].resolve();
  await chat.last.getByText('First. Better.', { exact: true }).waitFor();
  gates[1].resolve();
  await chat.last.getByText('The end.', { exact: true }).waitFor();
  assert.doesNotMatch(await chat.last.innerText(), /First|Second|Third|Better|new/);
});

// Broken connections

check('a broken stream is taken up again after its last event, and repeats are dropped', {}, async ({ server, chat }) => {
  const gate = resolvers();
  server.script = async (turn) => {
    turn.delta(0, 'One.');
    turn.ask({ kind: 'identity', summary: 'Which order?' });
    await gate.promise;
    turn.delta(1, 'Two.');
    turn.final('One. Two.');
  };
  await chat.ask('Count');
  await chat.last.getByText('Which order?').waitFor();
  let away = true;
  server.fault = ({ path }) => (away && path.endsWith('/events') ? 'drop' : undefined);
  server.cut();
  await chat.status.getByText('Reconnecting…').waitFor();
  // This server repeats everything, as an older one might.
  const { events } = [...server.threads.values()][0];
  const { slice } = events;
  events.slice = function repeatAll() { return slice.call(this, 0); };
  away = false;
  await until(() => server.openStreams === 1, 'a new connection');
  gate.resolve();
  await chat.log.locator('.answer').getByText('One. Two.').waitFor();
  assert.equal(await chat.answers.count(), 1);
  assert.equal(await chat.last.locator('.card').count(), 1);
  // Later ones follow what staff may say between turns
  const [resumed] = server.asked('GET', /\/events$/);
  assert.equal(resumed.headers['last-event-id'], '3');
  assert.equal(server.asked('POST', /messages$/).length, 1);
});

check('a message whose connection broke before its turn began is sent again under the same id', {}, async ({ server, chat }) => {
  server.fault = ({ path }) => (path.endsWith('/messages') && server.asked('POST', /messages$/).length < 3 ? 'drop' : undefined);
  server.script = saying('Here I am.');
  await chat.ask('Hello?');
  await chat.log.getByText('Here I am.').waitFor();
  const ids = server.asked('POST', /messages$/).map(({ body }) => body.message_id);
  assert.equal(ids.length, 3);
  assert.equal(new Set(ids).size, 1);
  assert.equal(await chat.log.locator('.visitor').count(), 1);
});

check('a connection that stays lost is told, and another try takes up the same turn', {}, async ({ server, chat }) => {
  server.retry = 1;
  const gate = resolvers();
  server.script = async (turn) => {
    turn.delta(0, 'One.');
    await gate.promise;
    turn.final('One. Two.');
  };
  await chat.ask('Count');
  await chat.last.getByText('One.').waitFor();
  server.fault = ({ path }) => (path.startsWith('/api/') ? 'drop' : undefined);
  server.cut();
  await chat.log.getByText('The connection is lost.').waitFor();
  server.fault = () => undefined;
  gate.resolve();
  await chat.root.getByRole('button', { name: 'Try again' }).click();
  await chat.log.getByText('One. Two.').waitFor();
  assert.equal(await chat.answers.count(), 1);
  assert.equal([...server.threads.values()][0].messages.length, 2, 'one question, one answer');
  const [first, second] = server.asked('POST', /messages$/);
  assert.equal(first.body.message_id, second.body.message_id);
});

check('a refused token is renewed once and the request repeated', {}, async ({ server, chat }) => {
  server.script = saying('Yes.');
  await chat.ask('One');
  await chat.log.getByText('Yes.').waitFor();
  server.expireTokens();
  server.script = saying('Again.');
  await chat.ask('Two');
  await chat.log.getByText('Again.').waitFor();
  assert.equal(server.asked('POST', /demo\/token/).length, 2);
  const [, refused, repeated] = server.asked('POST', /messages$/);
  assert.deepEqual(refused.body, repeated.body);
  assert.notEqual(refused.headers.authorization, repeated.headers.authorization);
});

check('a stream that ends with its token goes on under a new one without a word', {}, async ({ server, chat, page }) => {
  await page.clock.install();
  const gate = resolvers();
  server.script = async (turn) => {
    turn.delta(0, 'One.');
    await gate.promise;
    turn.final('One. Two.');
  };
  await chat.ask('Count');
  await chat.last.getByText('One.').waitFor();
  await page.evaluate(() => {
    window.said = [];
    const status = document.querySelector('deskhand-chat').shadowRoot.querySelector('.status');
    new MutationObserver(() => window.said.push(status.textContent)).observe(status, { childList: true });
  });
  await page.clock.setSystemTime(Date.now() + 299_000);
  server.expireTokens();
  server.cut({ clean: true });
  await until(() => server.asked('GET', /\/events$/).length === 1, 'the resumption');
  gate.resolve();
  await chat.log.getByText('One. Two.').waitFor();
  assert.equal(server.asked('POST', /demo\/token/).length, 2);
  const [first, ...later] = server.requests.filter(({ path }) => path.startsWith('/api/'));
  const dead = later.filter(({ headers }) => headers.authorization === first.headers.authorization);
  assert.equal(dead.length, 0, 'no request under the dead token');
  assert.deepEqual((await page.evaluate(() => window.said)).filter((text) => text.includes('Reconnecting')), []);
});

check('where no stream comes through, the answer is polled for', {}, async ({ server, chat }) => {
  server.script = saying('Without a stream.');
  // A proxy that takes streams and never passes a byte on.
  server.fault = ({ path, headers }) => (headers.accept === 'text/event-stream' && path.startsWith('/api/')
    ? { status: 200, headers: { 'Content-Type': 'text/event-stream', 'Content-Length': '0' } } : undefined);
  server.retry = 20;
  await chat.ask('Anyone?');
  await chat.log.getByText('Without a stream.').waitFor({ timeout: 20_000 });
  assert.equal(server.asked('POST', /messages$/).at(-1).headers.accept, 'application/json');
});

check('where streams die after the turn began, its thread is polled', {}, async ({ server, chat }) => {
  const gate = resolvers();
  server.script = async (turn) => {
    turn.delta(0, 'Begun.');
    await gate.promise;
    turn.final('Begun, and ended.');
  };
  await chat.ask('Anyone?');
  await chat.last.getByText('Begun.').waitFor();
  server.fault = ({ path }) => (path.endsWith('/events') ? { status: 200, headers: { 'Content-Type': 'text/event-stream', 'Content-Length': '0' } } : undefined);
  server.cut();
  await until(() => server.asked('GET', /thread\/[^/]+$/).length > 0, 'the first poll');
  gate.resolve();
  await chat.log.getByText('Begun, and ended.').waitFor();
  assert.equal(await chat.answers.count(), 1);
  assert.equal(await chat.log.locator('.visitor').count(), 1);
});

// Refusals, in plain words

check('an overloaded or rate-limited backend is asked again when it said, under the same id', {}, async ({ server, chat }) => {
  const refusals = [
    { status: 429, body: { code: 'rate_limited', retry_after: 1 } },
    { status: 503, body: { code: 'overloaded' }, headers: { 'Retry-After': '1' } },
  ];
  server.fault = ({ path }) => (path.endsWith('/messages') ? refusals.shift() : undefined);
  server.script = saying('Now I can.');
  await chat.ask('Now?');
  await chat.status.getByText('Trying again in 1 s').waitFor();
  await chat.log.getByText('Now I can.').waitFor();
  assert.equal(new Set(server.asked('POST', /messages$/).map(({ body }) => body.message_id)).size, 1);
});

check('a long wait is told, and left to the visitor', {}, async ({ server, chat }) => {
  server.fault = ({ path }) => (path.endsWith('/messages') ? { status: 429, body: { code: 'rate_limited', retry_after: 180 } } : undefined);
  server.script = saying('There.');
  await chat.ask('Now?');
  await chat.last.getByText('try again in 3 min').waitFor();
  server.fault = () => undefined;
  await chat.last.getByRole('button', { name: 'Try again' }).click();
  await chat.log.getByText('There.').waitFor();
  assert.equal(await chat.log.locator('.visitor').count(), 1);
  assert.equal(await chat.root.getByRole('button', { name: 'Try again' }).count(), 0);
});

check('a failed turn says so honestly, and "Try again" sends the same words under a new id', {}, async ({ server, chat }) => {
  server.script = async (turn) => turn.error('upstream', 'The answer could not be checked.', true);
  await chat.ask('Refund?');
  await chat.log.getByText('The answer could not be checked.').waitFor();
  server.script = saying('Here it is.');
  await chat.last.getByRole('button', { name: 'Try again' }).click();
  await chat.log.getByText('Here it is.').waitFor();
  const [first, second] = server.asked('POST', /messages$/);
  assert.equal(second.body.user_msg, 'Refund?');
  assert.notEqual(first.body.message_id, second.body.message_id);
  assert.equal(await chat.answers.count(), 1);
  server.script = async (turn) => turn.error('withdrawn', 'This can’t be answered.', false);
  await chat.ask('And this?');
  await chat.log.getByText('This can’t be answered.').waitFor();
  assert.equal(await chat.root.getByRole('button', { name: 'Try again' }).count(), 0);
});

check('a turn that ends without an answer is no silence', {}, async ({ server, chat }) => {
  server.script = async () => {};
  await chat.ask('Hello?');
  await chat.log.getByText('There is no answer yet.').waitFor();
});

check('when another answer is under way in the thread, the message waits for it', {}, async ({ server, chat, open }) => {
  const gate = resolvers();
  server.script = saying('First.');
  await chat.ask('One');
  await chat.log.getByText('First.').waitFor();
  // As from another tab: the thread is busy, and this page doesn't know.
  const thread = [...server.threads.values()][0];
  server.script = async (turn) => {
    await gate.promise;
    turn.final('For the other tab.');
  };
  const [{ headers }] = server.asked('POST', /messages$/);
  const other = fetch(`${server.url}/api/agent/messages`, {
    method: 'POST', headers: { authorization: headers.authorization, accept: 'application/json' },
    body: JSON.stringify({ message_id: 'other', thread_id: thread.id, user_msg: 'From elsewhere' }),
  });
  await until(() => thread.turn, 'the other turn');
  await chat.ask('Two');
  await chat.status.getByText('Yours comes next').waitFor();
  server.script = saying('Second.');
  gate.resolve();
  await other;
  await chat.log.getByText('Second.').waitFor();
  assert.deepEqual(await chat.said(), ['You: One', 'You: From elsewhere', 'You: Two']);
  await open();
  await chat.log.getByText('Second.').waitFor();
});

check('a thread that is gone gives way to a new one silently', {}, async ({ server, chat, open }) => {
  server.script = saying('First.');
  await chat.ask('One');
  await chat.log.getByText('First.').waitFor();
  server.threads.clear();
  await chat.ask('Two');
  await until(async () => (await chat.answers.count()) === 2, 'the second answer');
  assert.equal(await chat.root.locator('.failed').count(), 0);
  server.threads.clear();
  await open();
  await chat.root.locator('.blank').waitFor();
  assert.equal(await chat.root.locator('.failed').count(), 0);
});
