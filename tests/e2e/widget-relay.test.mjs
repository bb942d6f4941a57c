/**
 * The widget where its page can't reach the backend, or no stream gets through: it asks by WordPress and polls.
 * And the closed launcher, which loads one small script.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ship } from './ship.mjs';
import { resolvers } from './support/fake-server.mjs';
import { check, RETURNS, saying, until } from './support/harness.mjs';

// Nobody listens there; the page's policy would allow it.
const NOWHERE = 'http://127.0.0.1:9';
const away = { attributes: { 'session-url': '/session' }, page: { connect: NOWHERE }, hosts: [NOWHERE] };
const chats = (server) => server.asked('POST', /v1\/chat$/);

check('where the backend is out of reach, WordPress is asked and polled', away, async ({ server, chat, open }) => {
  server.relayed();
  const gate = resolvers();
  server.script = async (turn) => {
    turn.citation(RETURNS);
    await gate.promise;
    turn.final('30 days. [1]');
  };
  await chat.ask('How long?');
  await until(() => server.asked('GET', /v1\/chat\//).length > 1, 'the second poll');
  gate.resolve();
  await chat.last.locator('.sources').getByText('Returns').waitFor();
  assert.match(await chat.last.locator('.text').innerText(), /^30 days\.\s1$/);
  const [{ body, headers }] = chats(server);
  assert.equal(body.user_msg, 'How long?');
  assert.equal(headers.authorization, undefined, 'the token is for the backend alone');
  const polls = server.asked('GET', /v1\/chat\//);
  assert.equal(polls[1].headers['if-none-match'], `"${body.message_id}-running"`, 'what is known is not sent again');

  // The thread stays, over a reload too; what was decided for this page is not asked again.
  server.script = saying('More.');
  await chat.ask('And?');
  await chat.log.getByText('More.').waitFor();
  assert.equal(chats(server).length, 2);
  assert.equal(server.threads.size, 1);
  await chat.last.getByRole('button', { name: 'Helpful', exact: true }).click();
  await chat.last.getByText('Thank you').waitFor();
  await open();
  await chat.log.getByText('More.').waitFor();
  assert.deepEqual(await chat.said(), ['You: How long?', 'You: And?']);
  assert.equal(server.asked('POST', /\/api\/agent/).length, 0);
});

check('staff are read by polling where nothing streams', away, async ({ server, chat }) => {
  server.relayed();
  server.script = async (turn) => {
    turn.handoff({ next: 'Someone will read this. Nobody is in before Monday.' });
    turn.final('A person will look at this.', { outcome: 'handoff' });
  };
  await chat.ask('A human, please');
  await chat.last.getByText('Nobody is in before Monday.').waitFor();
  const [thread] = server.threads.values();
  thread.messages.push({ author: 'staff', text: 'Hello, **Anna**.' });
  await chat.log.getByText('Hello, Anna.').waitFor();
  thread.messages.push({ author: 'staff', text: 'All done.' });
  await chat.log.getByText('All done.').waitFor();
  assert.equal(await chat.log.locator('.staff').count(), 2);
  thread.status = 'open';
  await chat.log.getByText('has left').waitFor();
});

check('a card by the relay is answered by the relay, and is still there after a reload', away, async ({ server, chat, open }) => {
  server.relayed();
  server.script = async (turn) => {
    turn.ask({ kind: 'confirm', proposal_id: '0192d3a0-7c1e-7000-8000-00000000000a', summary: 'Refund of order 1004', amount_minor: 3870, currency: 'EUR' });
    turn.final('Shall I pay it back?', { outcome: 'asked' });
  };
  await chat.ask('I want my money back for order 1004');
  await chat.last.getByText('€38.70').waitFor();
  await open();
  await chat.last.getByText('€38.70').waitFor();
  assert.equal(await chat.root.locator('.card').count(), 1);
  server.script = async (turn) => {
    turn.handoff({ next: 'A person approves it.', needs_contact: true });
    turn.final('It waits for approval.', { outcome: 'handoff' });
  };
  await chat.last.getByRole('button', { name: 'Yes' }).click();
  await chat.last.getByText('A person approves it.').waitFor();
  const { body } = chats(server).at(-1);
  assert.deepEqual([body.user_msg, body.confirm], ['', { proposal_id: '0192d3a0-7c1e-7000-8000-00000000000a', accept: true }]);

  await open();
  await chat.last.getByText('A person approves it.').waitFor();
  server.script = async (turn) => turn.final('Thank you.', { outcome: 'handoff' });
  await chat.last.getByRole('textbox', { name: 'E-mail' }).fill('anna@shop.example');
  await chat.last.getByRole('button', { name: 'Send' }).click();
  await chat.log.getByText('Thank you.').waitFor();
  assert.deepEqual(chats(server).at(-1).body.contact, { email: 'anna@shop.example' });

  // What the house says of it comes by polling, once.
  const [thread] = server.threads.values();
  thread.messages.push({ author: 'system', text: 'Your refund was approved.' });
  await chat.log.getByText('Your refund was approved.').waitFor();
  thread.messages.push({ author: 'staff', text: 'Anything else?' });
  await chat.log.getByText('Anything else?').waitFor();
  await open();
  await chat.log.getByText('Anything else?').waitFor();
  thread.messages.push({ author: 'staff', text: 'Goodbye.' });
  await chat.log.getByText('Goodbye.').waitFor();
  for (const text of ['Your refund was approved.', 'Anything else?']) assert.equal(await chat.log.getByText(text).count(), 1, text);
  assert.equal(server.asked('POST', /\/api\/agent/).length, 0);
});

check('a question that is no longer open can’t be tried again', away, async ({ server, chat }) => {
  server.relayed();
  server.script = () => new Promise(() => {});
  await chat.ask('Yes');
  await until(() => chats(server).length === 1, 'the question');
  Object.assign(server.jobs.get(chats(server)[0].body.message_id), { status: 'failed', error: { code: 'proposal_expired', detail: 'Ask again.' } });
  await chat.root.getByText('Ask again.').waitFor();
  assert.equal(await chat.root.getByRole('button', { name: 'Try again' }).count(), 0);
});

check('a relay that asks for patience is asked more seldom, and a job that failed says so', away, async ({ server, chat, page }) => {
  await page.clock.install();
  server.relayed();
  let refusals = 1;
  server.fault = ({ method, path }) => (method === 'GET' && /v1\/chat\//.test(path) && refusals-- > 0
    ? { status: 429, body: { code: 'rate_limited', retry_after: 9 } } : undefined);
  const gate = resolvers();
  server.script = async (turn) => { await gate.promise; turn.final('Late.'); };
  await chat.ask('Now?');
  await until(() => chats(server).length === 1 || page.clock.runFor(600), 'the question');
  await until(() => server.asked('GET', /v1\/chat\//).length === 1, 'the first poll');
  await page.clock.runFor(8500);
  assert.equal(server.asked('GET', /v1\/chat\//).length, 1, 'no sooner than it said');
  gate.resolve();
  await until(async () => (await chat.log.getByText('Late.').count()) || page.clock.runFor(1000), 'the answer');

  server.script = () => new Promise(() => {});
  await chat.ask('And now?');
  await until(() => chats(server).length === 2, 'the second question');
  Object.assign(server.jobs.get(chats(server)[1].body.message_id), { status: 'failed', error: { code: 'upstream', detail: 'The desk is closed for repairs.' } });
  await until(async () => (await chat.root.getByText('closed for repairs').count()) || page.clock.runFor(1000), 'the failure');
  await chat.last.getByRole('button', { name: 'Try again' }).waitFor();
});

check('polling ends after half a minute, with a word and another try', away, async ({ server, chat, page }) => {
  await page.clock.install();
  server.relayed();
  server.script = () => new Promise(() => {});
  await chat.ask('Now?');
  await until(async () => (await chat.root.getByText('takes longer than it should').count()) || page.clock.runFor(1000), 'the end of patience');
  const polls = server.asked('GET', /v1\/chat\//).length;
  assert.ok(polls >= 15 && polls <= 31, `${polls} polls in 30 s`);
  const { message_id } = chats(server)[0].body;
  Object.assign(server.jobs.get(message_id), { status: 'succeeded', result: { thread_id: 't', turn_id: 'u', outcome: 'answered', text: 'At last.' } });
  server.fault = ({ path }) => (/v1\/chat$/.test(path) ? { status: 202, body: { id: message_id } } : undefined);
  await chat.root.getByRole('button', { name: 'Try again' }).click();
  await until(async () => (await chat.log.getByText('At last.').count()) || page.clock.runFor(1000), 'the answer');
  assert.equal(chats(server)[1].body.message_id, message_id);
});

check('a proxy that holds streams back is left for the relay', away, async ({ server, chat, page }) => {
  await page.clock.install();
  server.relayed(server.url);
  server.script = saying('By the other way.');
  // Headers come, and then not a byte.
  server.holdStreams = true;
  await chat.ask('Anyone?');
  let seconds = 0;
  await until(async () => {
    if (await chat.log.getByText('By the other way.').count()) return true;
    seconds += 1;
    await page.clock.runFor(1000);
    return false;
  }, 'the answer');
  // Two streams, each given up when its first byte is late; a heartbeat's time would be 40 s each.
  assert.ok(seconds < 40, `${seconds} s`);
  assert.equal(server.asked('POST', /agent\/messages$/).length, 2);
  assert.equal(chats(server)[0].body.message_id, server.asked('POST', /agent\/messages$/)[0].body.message_id);
});

check('a nonce that has run out is renewed once', away, async ({ server, chat }) => {
  server.relayed();
  server.script = saying('One.');
  await chat.ask('First');
  await chat.log.getByText('One.').waitFor();
  server.nonce = 'another';
  server.script = saying('Two.');
  await chat.ask('Second');
  await chat.log.getByText('Two.').waitFor();
  // The old nonce is shown for a new token, refused, and a new one asked for.
  assert.deepEqual(server.requests.filter(({ path }) => /session|token/.test(path)).map(({ path }) => path), [
    '/session', '/demo/token', '/demo/token', '/session', '/demo/token']);
});

check('members only: who isn’t logged in is told so', away, async ({ server, chat }) => {
  server.relayed(server.url);
  server.fault = ({ path }) => (path === '/demo/token' ? { status: 401, body: { code: 'members_only', detail: 'Please log in to use the chat.' } } : undefined);
  await chat.ask('Hello?');
  await chat.root.getByText('Please log in to use the chat.').waitFor();
});

check('one connection that breaks is no reason to leave the backend', away, async ({ server, chat }) => {
  server.relayed(server.url);
  let drops = 1;
  server.fault = ({ path }) => (path.endsWith('/messages') && drops-- > 0 ? 'drop' : undefined);
  server.script = saying('Straight.');
  await chat.ask('Hello?');
  await chat.log.getByText('Straight.').waitFor();
  assert.equal(chats(server).length, 0);
});

// The closed launcher

const launcher = { attributes: { mode: 'launcher', label: 'Questions?', accent: '#8a4f1d' }, page: { script: 'deskhand-launcher.js' } };

check('a closed launcher is one small script, and its button brings the rest', launcher, async ({ server, chat, page }) => {
  const loaded = () => page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname).filter((name) => name.endsWith('.js')));
  assert.deepEqual(await loaded(), ['/assets/deskhand-launcher.js']);
  assert.equal(server.requests.length, 0);
  const before = await chat.root.getByRole('button').boundingBox();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await chat.root.getByRole('dialog', { name: 'Help' }).waitFor();
  assert.equal(await chat.input.evaluate((element) => element.getRootNode().activeElement === element), true);
  await page.keyboard.press('Escape');
  const button = chat.root.getByRole('button', { name: 'Open the chat' });
  assert.deepEqual(await button.boundingBox(), before, 'the same button, in the same place');
  server.script = saying('Yes.');
  await button.click();
  await chat.ask('Here?');
  await chat.log.getByText('Yes.').waitFor();
});

// What the site says

check('strings may come as an attribute', {
  attributes: { strings: '{"title": "Aide", "handoff": "Transmis"}' }, page: { lang: 'fr' },
}, async ({ server, chat }) => {
  await chat.root.getByRole('heading', { name: 'Aide' }).waitFor();
  server.script = async (turn) => {
    turn.handoff({ next: 'Soon.' });
    turn.final('A person will.', { outcome: 'handoff' });
  };
  await chat.ask('Human');
  await chat.last.getByText('Transmis').waitFor();
});

// What it weighs

test('what ships weighs at most 19 500 bytes, gzipped, with launcher, styles and the largest language', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deskhand-ship-'));
  try {
    const names = ship(folder, '1.2.3');
    const texts = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')])));
    const languages = names.filter((name) => /^deskhand-[a-z]{2}\.js$/.test(name));
    assert.ok(languages.length >= 2);
    const size = (name) => gzipSync(texts[name], { level: 9 }).length;
    const loaded = names.filter((name) => !languages.includes(name)).reduce((sum, name) => sum + size(name), 0) + Math.max(...languages.map(size));
    assert.ok(loaded <= 19_500, `${loaded} bytes: ${names.map((name) => `${name} ${size(name)}`)}`);
    assert.ok(size('deskhand-launcher.js') <= 1_500);
    for (const text of Object.values(texts)) for (const [, module] of text.matchAll(/(?:from|import\()\s*'([^']+)'/g)) assert.match(module, /^\.\/deskhand-[a-z]+\.js\?ver=1\.2\.3$/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
