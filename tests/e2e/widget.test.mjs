/**
 * The widget against a scripted server: whatever the wire does, the visitor sees the right thing.
 * Each test has a server and a browser context of its own. None sleeps to wait for something: they wait for the thing itself,
 * and scripts wait at gates that the test opens.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { SseParser } from '../../wp-plugin/deskhand/assets/deskhand-client.js';
import { axe, launch, openPage } from './support/browser.mjs';
import { FakeServer, resolvers } from './support/fake-server.mjs';

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const ASSETS = new URL('../../wp-plugin/deskhand/assets/', import.meta.url);
const RETURNS = { n: 1, chunk_id: '1', title: 'Returns', section: 'How long you have', url: '/kb/returns#how-long', snippet: 'Within 30 days.' };

/**
 * A test with a fresh server and a page with the widget. Ends by checking that nothing went wrong unseen:
 * no script error, no violation of the page's policy, no request to another host, no failure in a test's own script.
 */
function check(name, { attributes, page: around, browser: options, hosts = [] } = {}, body) {
  test(name, async () => {
    const server = await FakeServer.start();
    const page = await openPage(browser, { hosts: [server.url, ...hosts], ...options });
    try {
      const chat = desk(page);
      const url = server.page(attributes, around);
      const open = async () => {
        await page.goto(url);
        await page.locator('deskhand-chat .root').waitFor();
      };
      await open();
      await body({ server, page, chat, url, open });
      assert.equal(server.scriptError, undefined);
      assert.deepEqual(page.seen, { errors: [], violations: [], strangers: [] });
    } finally {
      await page.context().close();
      await server.stop();
    }
  });
}

/** What a visitor sees and does, by the names that assistive technology hears too. */
function desk(page) {
  const root = page.locator('deskhand-chat');
  const input = root.getByRole('textbox', { name: /question|frage/i });
  return {
    root,
    input,
    log: root.getByRole('log'),
    answers: root.locator('.answer'),
    last: root.locator('.answer').last(),
    status: root.locator('.status'),
    send: root.getByRole('button', { name: 'Send' }),
    stop: root.getByRole('button', { name: 'Stop answering' }),
    fresh: root.getByRole('button', { name: 'New conversation' }),
    async ask(text) {
      await input.fill(text);
      await input.press('Enter');
    },
  };
}

/** Waits until a condition of the test itself is true. */
async function until(condition, what) {
  for (const end = Date.now() + 10_000; !(await condition());) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
}

const saying = (text) => async (turn) => {
  turn.delta(0, text);
  turn.final(text);
};

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

check('an answer arrives over a stream cut into single bytes', {}, async ({ server, chat }) => {
  server.chunks = (text) => Array.from(Buffer.from(text), (byte) => Buffer.from([byte]));
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
  assert.equal(await chat.log.locator('.visitor').innerText(), 'You: How long do I have?');
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
    await gate.promise;
    turn.delta(1, 'Two.');
    turn.final('One. Two.');
  };
  await chat.ask('Count');
  await chat.last.getByText('One.').waitFor();
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
  const resumed = server.asked('GET', /\/events$/).at(-1);
  assert.equal(resumed.headers['last-event-id'], '2');
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
  assert.equal(server.requests.filter(({ path }) => path.startsWith('/api/')).length, 2, 'no request under the dead token');
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
  await chat.last.getByText('Please wait 3 minutes').waitFor();
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
  assert.deepEqual(await chat.log.locator('.visitor').allInnerTexts(), ['You: One', 'You: From elsewhere', 'You: Two']);
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

// What visitors do

check('the stop button stops the answer and keeps what was said', {}, async ({ server, chat }) => {
  server.script = async (turn) => {
    turn.delta(0, 'One.');
    await turn.stopped;
    turn.final('One.', { outcome: 'cancelled' });
  };
  await chat.ask('Count');
  await chat.last.getByText('One.').waitFor();
  await chat.input.fill('next');
  await chat.input.press('Enter');
  await chat.status.getByText('Still answering').waitFor();
  assert.equal(server.asked('POST', /messages$/).length, 1);
  await new Promise((resolve) => { setTimeout(resolve, 400); }); // a second press sooner than this is a double click
  await chat.stop.click();
  await chat.log.getByText('You stopped this answer.').waitFor();
  assert.equal(server.asked('POST', /\/cancel$/).length, 1);
  assert.match(await chat.last.innerText(), /One\./);
  assert.equal(await chat.send.count(), 1);
  assert.equal(await chat.input.inputValue(), 'next');
});

check('a double click on Send does not stop what it sent', {}, async ({ server, chat }) => {
  const gate = resolvers();
  server.script = async (turn) => {
    await gate.promise;
    turn.final('Done.');
  };
  await chat.input.fill('Go');
  await chat.send.dblclick();
  gate.resolve();
  await chat.log.getByText('Done.').waitFor();
  assert.equal(server.asked('POST', /\/cancel$/).length, 0);
});

check('a new conversation stops what runs and forgets the thread', { attributes: { suggestions: '["Suggested?"]' } }, async ({ server, chat, page }) => {
  server.script = async (turn) => {
    turn.delta(0, 'Old.');
    await turn.stopped;
  };
  await chat.ask('One');
  await chat.last.getByText('Old.').waitFor();
  await chat.fresh.click();
  await until(() => server.asked('POST', /\/cancel$/).length === 1, 'the cancellation');
  assert.equal(await chat.answers.count(), 0);
  assert.equal(await chat.fresh.isVisible(), false);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.equal(await chat.input.evaluate((element) => element.getRootNode().activeElement === element), true);
  server.script = saying('New.');
  await chat.root.getByRole('button', { name: 'Suggested?' }).click();
  await chat.log.getByText('New.').waitFor();
  assert.equal(server.asked('POST', /messages$/)[1].body.thread_id, undefined);
  assert.equal(server.threads.size, 2);
});

check('a reload keeps the conversation', {}, async ({ server, chat, open }) => {
  server.script = async (turn) => {
    turn.citation(RETURNS);
    turn.final('30 days. [1]');
  };
  await chat.ask('How long?');
  await chat.last.locator('.sources').waitFor();
  await open();
  await chat.last.locator('.sources').getByText('Returns').waitFor();
  assert.deepEqual(await chat.log.locator('.visitor').allInnerTexts(), ['You: How long?']);
  server.script = saying('More.');
  await chat.ask('And?');
  await chat.log.getByText('More.').waitFor();
  assert.equal(server.threads.size, 1);
});

check('a reload in the middle of an answer goes on with it', {}, async ({ server, chat, open }) => {
  const gate = resolvers();
  server.script = saying('Before.');
  await chat.ask('First');
  await chat.log.getByText('Before.').waitFor();
  server.script = async (turn) => {
    turn.delta(0, 'One.');
    await gate.promise;
    turn.delta(1, 'Two.');
    turn.final('One. Two.');
  };
  await chat.ask('Count');
  await chat.last.getByText('One.').waitFor();
  await open();
  await chat.last.getByText('One.').waitFor();
  assert.equal(await chat.stop.count(), 1);
  gate.resolve();
  await chat.log.getByText('One. Two.').waitFor();
  assert.deepEqual(await chat.answers.locator('.text').allInnerTexts(), ['Before.', 'One. Two.']);
  assert.equal(await chat.send.count(), 1);
});

check('an earlier conversation that cannot be loaded is not lost', {}, async ({ server, chat, open }) => {
  server.script = saying('First.');
  await chat.ask('One');
  await chat.log.getByText('First.').waitFor();
  server.fault = ({ path }) => (/thread/.test(path) ? { status: 500 } : undefined);
  await open();
  await chat.log.getByText('couldn’t be loaded').waitFor();
  server.fault = () => undefined;
  await chat.root.getByRole('button', { name: 'Try again' }).click();
  await chat.log.getByText('First.').waitFor();
});

check('Enter sends, Shift+Enter breaks the line, and an input method’s Enter does neither', {}, async ({ server, chat, page }) => {
  server.script = saying('Fine.');
  await chat.input.fill('   ');
  await chat.input.press('Enter');
  await chat.send.click();
  await chat.input.fill('one');
  await chat.input.press('Shift+Enter');
  await page.keyboard.type('two');
  const compose = (key) => chat.input.evaluate((element, init) => element.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...init })), key);
  await compose({ isComposing: true });
  await compose({ keyCode: 229 });
  assert.equal(server.asked('POST', /messages$/).length, 0);
  await chat.input.press('Enter');
  await chat.log.getByText('Fine.').waitFor();
  assert.deepEqual(server.asked('POST', /messages$/).map(({ body }) => body.user_msg), ['one\ntwo']);
});

check('characters are counted near the limit, as people count them', {}, async ({ server, chat }) => {
  server.script = saying('Read.');
  const counter = chat.root.locator('#counter');
  await chat.input.fill('x'.repeat(3599));
  assert.equal(await counter.isVisible(), false);
  await chat.input.fill('🙂'.repeat(4001));
  assert.equal(await counter.innerText(), '4001 of 4000 characters');
  await chat.input.press('Enter');
  assert.equal(await chat.input.getAttribute('aria-invalid'), 'true');
  assert.equal(server.asked('POST', /messages$/).length, 0);
  await chat.input.fill('🙂'.repeat(4000));
  await chat.input.press('Enter');
  await chat.log.getByText('Read.').waitFor();
});

check('thumbs up and down are sent, with what was wrong', {}, async ({ server, chat }) => {
  server.script = saying('Something.');
  await chat.ask('One');
  const up = chat.last.getByRole('button', { name: 'Helpful', exact: true });
  const down = chat.last.getByRole('button', { name: 'Not helpful' });
  await up.click();
  await chat.last.getByText('Thank you').waitFor();
  assert.equal(await up.getAttribute('aria-pressed'), 'true');
  await down.click();
  assert.equal(await up.getAttribute('aria-pressed'), 'false');
  await chat.last.getByRole('button', { name: 'Unclear' }).click();
  await until(() => server.asked('POST', /feedback$/).length === 3, 'all feedback');
  const turn_id = [...server.threads.values()][0].messages.at(-1).turn_id;
  assert.deepEqual(server.asked('POST', /feedback$/).map(({ body }) => body), [
    { turn_id, value: 'up', tags: [] }, { turn_id, value: 'down', tags: [] }, { turn_id, value: 'down', tags: ['unclear'] },
  ]);
  server.fault = ({ path }) => (path.endsWith('feedback') ? { status: 500 } : undefined);
  await up.click();
  await chat.last.getByText('couldn’t be sent').waitFor();
  assert.equal(await up.getAttribute('aria-pressed'), 'false');
});

// Questions, handoffs, staff

check('a confirmation shows its amount, sends the choice once, and survives a reload', {}, async ({ server, chat, open }) => {
  server.script = async (turn) => {
    turn.ask({ kind: 'confirm', proposal_id: 'p-1', summary: 'Refund order **1001**', amount_minor: 8900, currency: 'EUR' });
    turn.final('Shall I?', { outcome: 'asked' });
  };
  await chat.ask('Refund please');
  await chat.last.getByText('€89.00').waitFor();
  await open();
  await chat.last.getByText('€89.00').waitFor();
  server.script = saying('Refunded.');
  await chat.last.getByRole('button', { name: 'Yes, go ahead' }).click();
  await chat.log.getByText('Refunded.').waitFor();
  const { body } = server.asked('POST', /messages$/).at(-1);
  assert.equal(body.user_msg, '');
  assert.deepEqual(body.confirm, { proposal_id: 'p-1', accept: true });
  assert.equal(await chat.log.locator('.visitor').last().innerText(), 'You: Yes, go ahead');
  assert.equal(await chat.root.getByRole('button', { name: 'Yes, go ahead' }).isDisabled(), true);
  assert.equal(await chat.root.getByRole('button', { name: 'No, don’t' }).isDisabled(), true);
});

check('a refused or expired offer is told', {}, async ({ server, chat }) => {
  server.script = async (turn) => {
    turn.ask({ kind: 'confirm', proposal_id: 'p-1', summary: 'Refund?' });
    turn.final('Shall I?', { outcome: 'asked' });
  };
  await chat.ask('Refund please');
  await chat.last.getByText('Shall I?').waitFor();
  server.fault = ({ body }) => (body?.confirm ? { status: 409, body: { code: 'proposal_expired' } } : undefined);
  await chat.last.getByRole('button', { name: 'No, don’t' }).click();
  await chat.last.getByText('This offer has expired').waitFor();
  assert.deepEqual(server.asked('POST', /messages$/).at(-1).body.confirm, { proposal_id: 'p-1', accept: false });
});

check('a request for an address takes only an address', {}, async ({ server, chat }) => {
  server.script = async (turn) => {
    turn.ask({ kind: 'contact', summary: 'Where can we reach you?' });
    turn.final('We will look into it.', { outcome: 'degraded' });
  };
  await chat.ask('Where is my parcel?');
  const field = chat.last.getByRole('textbox', { name: 'Your e-mail address' });
  await field.fill('not an address');
  await field.press('Enter');
  await chat.last.getByRole('alert').getByText('valid e-mail').waitFor();
  assert.equal(server.asked('POST', /messages$/).length, 1);
  server.script = saying('Thank you.');
  await field.fill('anna@example.com');
  await field.press('Enter');
  await chat.log.getByText('Thank you.').waitFor();
  assert.deepEqual(server.asked('POST', /messages$/).at(-1).body.contact, { email: 'anna@example.com' });
});

check('after a handoff staff are read live, over a broken connection and a reload', {}, async ({ server, chat, open }) => {
  server.script = async (turn) => {
    turn.handoff({ next: 'We answer within **1 working day**.', ticket_id: 'T-7' });
    turn.final('A person will look at this.', { outcome: 'handoff' });
  };
  await chat.ask('A human, please');
  await chat.last.getByText('Reference: T-7').waitFor();
  const [id, thread] = [...server.threads][0];
  await until(() => server.openStreams === 1, 'the live stream');
  server.append(id, 'staff', { kind: 'joined', name: 'Maria' });
  await chat.log.getByText('Maria has joined').waitFor();
  server.append(id, 'typing', { who: 'Maria' });
  await chat.status.getByText('Maria is typing…').waitFor();
  thread.status = 'staff';
  server.cut();
  server.append(id, 'staff', { kind: 'message', name: 'Maria', md: 'Hello, **Anna**.' });
  await chat.log.getByText('Hello, Anna.').waitFor();
  await chat.ask('Hello Maria');
  await until(() => server.asked('POST', /messages$/).length === 2, 'the message to staff');
  await chat.status.getByText('with our team').waitFor();
  assert.equal(await chat.root.locator('.failed').count(), 0);
  assert.equal(await chat.log.locator('.staff').count(), 1);

  thread.messages.push({ author: 'staff', text: 'Hello, **Anna**.' });
  await open();
  await chat.log.getByText('Hello, Anna.').waitFor();
  await until(() => server.openStreams === 1, 'the live stream after the reload');
  server.append(id, 'staff', { kind: 'message', name: 'Maria', md: 'All done.' });
  await chat.log.getByText('All done.').waitFor();
  assert.equal(await chat.log.locator('.staff').count(), 2);
  server.append(id, 'staff', { kind: 'left', name: 'Maria' });
  await chat.log.getByText('Maria has left').waitFor();
  await until(() => server.openStreams === 0, 'the end of the live stream');
});

// Safety

const HOSTILE = [
  '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>',
  '[click](javascript:window.hacked=1) [data](data:text/html,<script>1</script>) [ok](https://example.com/a_(b)) <https://example.com/c>',
  '![pixel](https://evil.example/p.png) [vb](vbscript:x) [rel](/kb/returns) [mail](mailto:a@example.com) b@example.com',
  '`<b>code</b>` **<i>bold</i>** [1] [9]',
];

check('nothing from the wire becomes anything but text and safe links', {
  attributes: { consent: '<b>x</b> [Privacy](https://example.com/privacy)', greeting: '<img src=x onerror=window.hacked=1>', suggestions: '["<b>S</b>"]' },
}, async ({ server, chat, page, open }) => {
  const evil = '<img src=x onerror="window.hacked=1">';
  server.script = async (turn, { user_msg }) => {
    turn.step(evil);
    turn.citation({ n: 1, title: evil, section: evil, snippet: evil, url: 'javascript:window.hacked=1' });
    const urls = ['//evil.example/a', '/\\evil.example/a', '/\t/evil.example', 'ftp://evil.example', 'https://example.com/page', '/kb/returns'];
    for (const [i, url] of urls.entries()) turn.citation({ n: i + 2, title: `S${i}`, url });
    const text = `${HOSTILE.join('\n\n')}\n\n${urls.map((_, i) => `[${i + 2}]`).join(' ')}`;
    turn.delta(0, text);
    if (user_msg === 'handoff') {
      turn.handoff({ next: evil, ticket_id: evil });
      turn.ask({ kind: 'confirm', summary: evil, proposal_id: evil });
    }
    turn.final(text);
  };
  await chat.ask(evil);
  await chat.last.locator('.sources').waitFor();
  await chat.ask('handoff');
  await chat.log.getByText('Passed on').waitFor();
  const [id] = server.threads.keys();
  server.append(id, 'staff', { kind: 'joined', name: evil });
  server.append(id, 'staff', { kind: 'message', name: evil, md: HOSTILE.join('\n\n') });
  server.append(id, 'staff', { kind: 'system', md: evil });
  await chat.log.locator('.line').last().waitFor();

  const look = () => page.evaluate(() => {
    const root = document.querySelector('deskhand-chat').shadowRoot;
    return {
      hacked: window.hacked,
      tags: [...new Set([...root.querySelectorAll('.scroll *')].map(({ localName }) => localName))].sort(),
      styled: root.querySelectorAll('.scroll [style], [onclick], [onerror]').length,
      links: [...new Set([...root.querySelectorAll('.scroll a, .consent a')].map(({ href, target, rel }) => `${href} ${target} ${rel}`))].sort(),
      sources: [...root.querySelector('.sources').querySelectorAll('.source')].map(({ localName }) => localName),
    };
  });
  const found = await look();
  assert.equal(found.hacked, undefined);
  assert.equal(found.styled, 0);
  for (const tag of ['img', 'script', 'i', 'iframe', 'style']) assert.equal(found.tags.includes(tag), false, tag);
  assert.deepEqual(found.links, [
    'https://example.com/a_(b)', 'https://example.com/c', 'https://example.com/page', 'https://example.com/privacy',
    `${server.url}/kb/returns`, 'mailto:a@example.com', 'mailto:b@example.com',
  ].map((href) => `${href} _blank noopener`).sort());
  assert.deepEqual(found.sources, ['div', 'div', 'div', 'div', 'div', 'a', 'a']);
  assert.match(await chat.answers.first().innerText(), /<img src=x onerror=.*<script>/s);
  assert.match(await chat.answers.first().innerText(), /\[9\]/);
  await open();
  await chat.answers.first().locator('.sources').waitFor();
  assert.equal((await look()).hacked, undefined);
});

const MARKDOWN = {
  'plain\nwrapped  \nbroken': '<p>plain\nwrapped<br>broken</p>',
  'one\n\ntwo': '<p>one</p><p>two</p>',
  '- a\n- b\n  more\n\n  - deep\n    1. deeper\n- c': '<ul><li>a</li><li>b\nmore<ul><li>deep<ol><li>deeper</li></ol></li></ul></li><li>c</li></ul>',
  '3. a\n4. b': '<ol start="3"><li>a</li><li>b</li></ol>',
  'Text:\n* a\n\nAfter': '<p>Text:</p><ul><li>a</li></ul><p>After</p>',
  '# Head\n## Two ##\ntext': '<p><strong>Head</strong></p><p><strong>Two</strong></p><p>text</p>',
  '**b** __b__ *i* _i_ snake_case_name 2*3*4 ***both***': '<p><strong>b</strong> <strong>b</strong> <em>i</em> <em>i</em> snake_case_name 2<em>3</em>4 <strong><em>both</em></strong></p>',
  '`a*b*` ``a ` b``': '<p><code>a*b*</code> <code>a ` b</code></p>',
  '```js\nlet a = "<b>";\n\n- x\n```\nafter': '<pre><code>let a = "&lt;b&gt;";\n\n- x\n</code></pre><p>after</p>',
  '\\*no\\* \\[1]': '<p>*no* [1]</p>',
  '> said\n> twice': '<p>said\ntwice</p>',
  'see https://example.com/a?b=1. (https://example.com/c)': '<p>see <a href="https://example.com/a?b=1">https://example.com/a?b=1</a>. (<a href="https://example.com/c">https://example.com/c</a>)</p>',
  '[**bold** link](https://example.com "t")': '<p><a href="https://example.com/"><strong>bold</strong> link</a></p>',
  '**open and [broken](http': '<p>**open and [broken](http</p>',
};

check('the Markdown subset', {}, async ({ page }) => {
  const found = await page.evaluate(async (sources) => {
    const { markdown } = await import('/assets/deskhand-render.js');
    return Object.fromEntries(sources.map((source) => {
      const box = document.createElement('div');
      box.append(markdown(source));
      for (const element of box.querySelectorAll('*')) for (const name of ['dir', 'target', 'rel', 'tabindex']) element.removeAttribute(name);
      return [source, box.innerHTML];
    }));
  }, Object.keys(MARKDOWN));
  assert.deepEqual(found, MARKDOWN);
});

check('a backend on another host, named by the token', { hosts: ['http://127.0.0.1'] }, async ({ server, page, chat }) => {
  const backend = await FakeServer.start();
  try {
    // One server mints the token, the other takes it.
    const [token] = [await (await fetch(`${backend.url}/demo/token`, { method: 'POST', body: '{}' })).json()];
    server.fault = ({ path }) => (path === '/demo/token' ? { status: 200, body: { ...token, backend: `${backend.url}/` }, headers: { 'Content-Type': 'application/json' } } : undefined);
    backend.script = saying('From elsewhere.');
    await page.goto(server.page({}, { connect: backend.url }));
    await chat.ask('Hello?');
    await chat.log.getByText('From elsewhere.').waitFor();
    assert.equal(server.asked('POST', /messages/).length, 0);
    page.seen.strangers = page.seen.strangers.filter((url) => !url.startsWith(backend.url));
  } finally {
    await backend.stop();
  }
});

// For everyone

check('keyboard alone: ask, follow a footnote, rate, begin anew', {}, async ({ server, chat, page }) => {
  server.script = async (turn) => {
    turn.citation(RETURNS);
    turn.final('30 days. [1]');
  };
  const focused = () => page.evaluate(() => {
    const element = document.activeElement?.shadowRoot?.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
  });
  const tabTo = async (name, key = 'Tab') => {
    for (let i = 0; i < 12; i += 1) {
      if ((await focused()).includes(name)) return;
      await page.keyboard.press(key);
    }
    assert.fail(`${name} is out of reach`);
  };
  await page.keyboard.press('Tab');
  await chat.input.focus();
  await page.keyboard.type('How long?');
  await page.keyboard.press('Enter');
  await chat.last.locator('.sources').waitFor();
  await tabTo('Source 1', 'Shift+Tab');
  await page.keyboard.press('Enter');
  assert.match(await focused(), /Returns/);
  await tabTo('Helpful');
  await page.keyboard.press('Space');
  await chat.last.getByText('Thank you').waitFor();
  const outline = await chat.root.getByRole('button', { name: 'Helpful', exact: true }).evaluate((element) => getComputedStyle(element).outlineStyle);
  assert.equal(outline, 'solid');
  await tabTo('New conversation', 'Shift+Tab');
  await page.keyboard.press('Enter');
  assert.equal(await chat.answers.count(), 0);
  await tabTo('', 'Tab');
});

check('the launcher opens with the focus inside, and Escape gives it back', { attributes: { mode: 'launcher' } }, async ({ server, chat, page, open }) => {
  assert.equal(server.requests.length, 0, 'a closed launcher asks for nothing');
  const launcher = chat.root.getByRole('button', { name: 'Open the chat' });
  await launcher.click();
  await chat.root.getByRole('dialog', { name: 'Help' }).waitFor();
  assert.equal(await chat.input.evaluate((element) => element.getRootNode().activeElement === element), true);
  server.script = async (turn) => {
    turn.handoff({});
    turn.final('A person will.', { outcome: 'handoff' });
  };
  await chat.ask('Human');
  await chat.log.getByText('A person will.').waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await chat.root.getByRole('dialog').count(), 0);
  assert.equal(await launcher.evaluate((element) => element.getRootNode().activeElement === element), true);
  assert.equal(await launcher.getAttribute('aria-expanded'), 'false');
  await until(() => server.openStreams === 1, 'the live stream');
  server.append([...server.threads.keys()][0], 'staff', { kind: 'message', md: 'Hello.' });
  await chat.root.getByRole('button', { name: 'Open the chat (new message)' }).click();
  await chat.log.getByText('Hello.').waitFor();
  await open();
  await launcher.click();
  await chat.log.getByText('A person will.').waitFor();
});

check('German, by the page’s language', { page: { lang: 'de-AT' } }, async ({ server, chat }) => {
  server.script = async (turn) => turn.error('x', '', true);
  assert.equal(await chat.root.locator('h2').innerText(), 'Hilfe');
  assert.equal(await chat.input.getAttribute('placeholder'), 'Stellen Sie eine Frage…');
  await chat.ask('Wie lange?');
  await chat.log.getByText('Bei uns ist etwas schiefgegangen').waitFor();
  await chat.root.getByRole('button', { name: 'Noch einmal versuchen' }).waitFor();
  assert.equal(server.asked('POST', /messages$/)[0].body.locale, 'de-AT');
});

check('single strings can be replaced, and a language can change', {}, async ({ chat, page }) => {
  await page.evaluate(() => { document.querySelector('deskhand-chat').strings = { title: 'Ask Anna' }; });
  await chat.root.getByRole('heading', { name: 'Ask Anna' }).waitFor();
  await page.evaluate(() => { document.querySelector('deskhand-chat').lang = 'de'; });
  await chat.root.getByText('Antworten aus unseren Hilfeseiten').waitFor();
  assert.equal(await chat.root.locator('h2').innerText(), 'Ask Anna');
});

check('languages written from the right turn the widget round', { page: { lang: 'ar' } }, async ({ server, chat }) => {
  server.script = saying('مرحبا');
  await chat.ask('سؤال');
  await chat.log.getByText('مرحبا').waitFor();
  const box = async (selector) => (await chat.root.locator(selector).first().boundingBox()) ?? assert.fail(selector);
  const [panel, bubble, send, input] = [await box('.panel'), await box('.visitor'), await box('.send'), await box('textarea')];
  assert.ok(bubble.x - panel.x < panel.x + panel.width - (bubble.x + bubble.width), 'the visitor’s words stand on the left');
  assert.ok(send.x < input.x, 'the send button stands left of the input');
});

for (const colorScheme of ['light', 'dark']) {
  for (const accent of ['#ffe14d', '#101840', '#1f5f5b']) {
    check(`accessible in ${colorScheme}, with the accent ${accent}`, {
      attributes: { accent, suggestions: '["One?", "Two?"]', consent: 'See [privacy](https://example.com/).' }, browser: { colorScheme },
    }, async ({ server, chat, page }) => {
      assert.deepEqual(await axe(page), []);
      const gate = resolvers();
      server.script = async (turn) => {
        turn.citation(RETURNS);
        turn.delta(0, 'You have `30` [days](https://example.com). [1]');
        await gate.promise;
        turn.ask({ kind: 'confirm', proposal_id: 'p', summary: 'Refund?', amount_minor: 100, currency: 'EUR' });
        turn.handoff({ next: 'Soon.', needs_contact: true });
        turn.final('You have `30` [days](https://example.com). [1]');
      };
      await chat.ask('How long?');
      await chat.last.locator('.cite').waitFor();
      assert.deepEqual(await axe(page), []);
      gate.resolve();
      await chat.last.getByRole('button', { name: 'Not helpful' }).click();
      await chat.last.getByRole('button', { name: 'Unclear' }).click();
      server.script = async (turn) => turn.error('x', 'It broke.', true);
      await until(() => server.openStreams === 1, 'the live stream');
      const [id] = server.threads.keys();
      server.append(id, 'staff', { kind: 'message', name: 'Maria', md: 'Hello [there](https://example.com).' });
      await chat.log.getByText('Hello').waitFor();
      await chat.ask('More');
      await chat.log.getByText('It broke.').waitFor();
      await chat.input.fill('x'.repeat(4001));
      assert.deepEqual(await axe(page), []);
      for (const element of await chat.root.locator('button:visible, .sources a').all()) {
        if ((await element.getAttribute('class')) === 'cite') continue; // in a line of text; its area reaches beyond its box
        const { width, height } = (await element.boundingBox()) ?? assert.fail();
        assert.ok(width >= 24 && height >= 24, `${await element.getAttribute('aria-label')} is ${width} × ${height}`);
      }
    });
  }
}

check('at phone width the open launcher fills the screen', { attributes: { mode: 'launcher' }, browser: { viewport: { width: 360, height: 640 } } }, async ({ chat, page }) => {
  await chat.root.getByRole('button', { name: 'Open the chat' }).click();
  assert.deepEqual(await chat.root.locator('.panel').boundingBox(), { x: 0, y: 0, width: 360, height: 640 });
  await chat.root.getByRole('button', { name: 'Close' }).click();
  assert.equal(await chat.root.getByRole('dialog').count(), 0);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
});

check('the transcript is told once: no sentence is announced twice', {}, async ({ server, chat, page }) => {
  await page.evaluate(() => {
    window.announced = [];
    const log = document.querySelector('deskhand-chat').shadowRoot.querySelector('[role=log]');
    new MutationObserver((records) => {
      for (const { addedNodes } of records) for (const node of addedNodes) window.announced.push(node.querySelector?.('.text')?.textContent ?? node.textContent);
    }).observe(log, { childList: true, subtree: true });
  });
  server.script = async (turn) => {
    for (const [i, md] of ['One.', 'Two.', 'Three.'].entries()) turn.delta(i, md);
    turn.final('One. Two. Three.');
  };
  await chat.ask('Count');
  await chat.log.getByText('Three.').waitFor();
  assert.deepEqual(await page.evaluate(() => window.announced), ['You: Count', 'One. Two. Three.']);
});

// What it weighs

test('a page loads less than 20 KB of widget, gzipped, in any language', async () => {
  const size = async (name) => gzipSync(await readFile(new URL(name, ASSETS)), { level: 9 }).length;
  const names = (await readdir(ASSETS)).filter((name) => name.endsWith('.js'));
  const languages = names.filter((name) => /^deskhand-[a-z]{2}\.js$/.test(name));
  const sizes = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await size(name)])));
  const total = (list) => list.reduce((sum, name) => sum + sizes[name], 0);
  const largest = Math.max(...languages.map((name) => sizes[name]));
  const loaded = total(names.filter((name) => !languages.includes(name))) + largest;
  assert.ok(loaded < 20 * 1024, `${loaded} bytes: ${JSON.stringify(sizes)}`);
  assert.ok(languages.length >= 2);
});
