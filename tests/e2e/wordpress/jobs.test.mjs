/**
 * AI jobs and the chat without streams, in a real WordPress with a scripted backend.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { until } from '../support/harness.mjs';
import { FakeBackend } from './fake-backend.mjs';
import { WordPress } from './rig.mjs';
import { Visitor } from './visitor.mjs';

let site;
let backend;
before(async () => {
  backend = await FakeBackend.start();
  site = await WordPress.start();
  await site.connect(backend.url, backend.credentials);
  await site.serve();
});
after(async () => {
  await site?.stop();
  await backend?.stop();
});

const visitor = async () => {
  const someone = new Visitor(site);
  await someone.begin();
  return someone;
};
const admin = () => new Visitor(site).logIn();
const question = (more = {}) => ({ message_id: randomUUID(), user_msg: 'How long?', page: `${site.url}/`, locale: 'en', ...more });
const sent = (id) => until(async () => (await row(id))?.remote_id, 'the job to be sent');
const row = async (uid) => site.eval(`global $wpdb; return $wpdb->get_row($wpdb->prepare("SELECT * FROM {$wpdb->prefix}deskhand_jobs WHERE uid = %s", '${uid}'));`);
const key = async (uid) => (await row(uid)).idempotency_key;

test('a question becomes a job, whose signed answer the visitor polls for', async () => {
  const someone = await visitor();
  const asked = question();
  const { status, json } = await someone.request('POST', '/chat', asked);
  assert.equal(status, 202);
  assert.equal(json.status_url, `${site.url}/wp-json/deskhand/v1/chat/${json.id}`);
  await sent(json.id);
  const [{ body, headers }] = backend.asked('POST', /^\/jobs$/).slice(-1);
  assert.deepEqual(body, { route: 'chat', callback_url: `${site.url}/wp-json/deskhand/v1/webhook`, ...asked });
  assert.equal(headers.authorization.startsWith('Bearer '), true);

  const first = await someone.request('GET', `/chat/${json.id}`);
  assert.equal(first.json.status, 'running');
  assert.match(first.headers.get('server-timing'), /^job;dur=/);
  assert.equal(first.headers.get('cache-control'), 'private, no-cache');
  const same = await someone.request('GET', `/chat/${json.id}`, undefined, { 'If-None-Match': first.headers.get('etag') });
  assert.equal(same.status, 304);
  assert.equal(same.text, '');

  const result = { thread_id: randomUUID(), turn_id: randomUUID(), outcome: 'answered', text: '30 days. [1]', citations: [{ n: 1, title: 'Returns' }] };
  const called = await backend.finish(site, await key(json.id), { status: 'succeeded', result_json: result });
  assert.equal(called.status, 204);
  const last = await someone.request('GET', `/chat/${json.id}`, undefined, { 'If-None-Match': first.headers.get('etag') });
  assert.equal(last.status, 200);
  assert.deepEqual(last.json.result, result);
  assert.deepEqual(last.json.usage, { tokens_in: 12, tokens_out: 3, provider: 'extractive' });
  const { cost, currency, webhook_ts: at } = await row(json.id);
  assert.deepEqual([cost, currency, Math.abs(at - Date.now() / 1000) < 60].map(String), ['150', 'EUR', 'true']);

  // The same message again is the same job; a callback that comes twice changes nothing.
  const repeat = await someone.request('POST', '/chat', asked);
  assert.deepEqual([repeat.status, repeat.json.id, repeat.json.status], [200, json.id, 'succeeded']);
  const late = await backend.finish(site, await key(json.id), { status: 'failed', error: { code: 'x', detail: 'x' } }, { at: Math.floor(Date.now() / 1000) - 5 });
  assert.equal(late.status, 204);
  assert.equal((await row(json.id)).status, 'succeeded');
});

test('without a callback, who polls has the backend asked', async () => {
  const someone = await visitor();
  const { json } = await someone.request('POST', '/chat', question());
  await sent(json.id);
  Object.assign(backend.jobs.get(await key(json.id)), { status: 'succeeded', result_json: { outcome: 'answered', text: 'By asking.' } });
  let told;
  await until(async () => {
    told = (await someone.request('GET', `/chat/${json.id}`)).json;
    return told.status === 'succeeded';
  }, 'the answer, within the time that a visitor waits');
  assert.equal(told.result.text, 'By asking.');
});

test('a job that the backend was away for is sent later, once, and one that it refuses fails with its words', async () => {
  const someone = await visitor();
  backend.fault = ({ path }) => (path === '/jobs' ? { status: 503, body: { code: 'overloaded', detail: 'Full.' } } : undefined);
  const asked = question();
  const { status, json } = await someone.request('POST', '/chat', asked);
  assert.equal(status, 202, 'the visitor is not told of it');
  await until(async () => Number((await row(json.id)).attempts) === 1, 'the first try');
  backend.fault = () => undefined;
  await site.eval('global $wpdb; update_option("deskhand_jobs_pause", 0); $wpdb->query("UPDATE {$wpdb->prefix}deskhand_jobs SET due_at = 1 WHERE status = \'pending\'"); do_action("deskhand_jobs"); return 1;');
  assert.equal((await row(json.id)).status, 'running');
  assert.equal(backend.asked('POST', /^\/jobs$/).filter(({ body }) => body.message_id === asked.message_id).length, 2);

  backend.fault = ({ path }) => (path === '/jobs' ? { status: 422, body: { code: 'invalid_field', detail: 'The page is no address.' } } : undefined);
  const refused = await someone.request('POST', '/chat', question());
  await until(async () => (await row(refused.json.id)).status === 'failed', 'the refusal');
  backend.fault = () => undefined;
  const { json: told } = await someone.request('GET', `/chat/${refused.json.id}`);
  assert.deepEqual(told.error, { code: 'invalid_field', detail: 'The page is no address.' });
});

test('a backend that hangs holds up nobody', async () => {
  const someone = await visitor();
  let release;
  backend.fault = ({ path }) => (path === '/jobs' ? new Promise((resolve) => { release = resolve; }) : undefined);
  const began = Date.now();
  const { json } = await someone.request('POST', '/chat', question());
  assert.ok(Date.now() - began < 4000, `${Date.now() - began} ms`);
  await until(async () => (await row(json.id)).error === 'timeout', 'the end of the try');
  release?.(undefined);
  backend.fault = () => undefined;
  await site.eval('update_option("deskhand_jobs_pause", 0); return 1;');
});

test('AI jobs: for who may edit, with an idempotency key or by their input', async () => {
  const editor = await admin();
  const prompt = { prompt: 'Summarise this.', max_tokens: 100 };
  const first = await editor.request('POST', '/infer', prompt);
  assert.equal(first.status, 202);
  const again = await editor.request('POST', '/jobs', prompt);
  assert.deepEqual([again.status, again.json.id], [200, first.json.id]);
  const other = await editor.request('POST', '/infer', { ...prompt, max_tokens: 200 });
  assert.notEqual(other.json.id, first.json.id);
  const named = await editor.request('POST', '/infer', prompt, { 'Idempotency-Key': 'mine' });
  assert.equal(named.status, 202);
  assert.equal((await editor.request('POST', '/infer', prompt, { 'Idempotency-Key': 'mine' })).json.id, named.json.id);
  const reused = await editor.request('POST', '/infer', { prompt: 'Something else.' }, { 'Idempotency-Key': 'mine' });
  assert.deepEqual([reused.status, reused.json.code], [409, 'idempotency_key_reused']);
  await sent(first.json.id);
  const { body } = backend.asked('POST', /^\/jobs$/).find((one) => one.body.prompt === 'Summarise this.');
  assert.deepEqual(body, { route: 'infer', callback_url: `${site.url}/wp-json/deskhand/v1/webhook`, prompt: 'Summarise this.', max_tokens: 100, temperature: 0.2, priority: 'standard' });
  const polled = await editor.request('GET', `/jobs/${first.json.id}`);
  assert.equal(polled.json.status, 'running');
  assert.equal(polled.headers.get('cache-control'), 'private, no-cache', 'not no-store, as WordPress has it for who is logged in: a 304 needs what it stands for');
  for (const bad of [{}, { prompt: '' }, { prompt: 'x', max_tokens: 10 }, { prompt: 'x', temperature: 2 }, { prompt: 'x', priority: 'now' }, { prompt: 'x', model: 'a b' }]) {
    assert.equal((await editor.request('POST', '/infer', bad)).status, 400, JSON.stringify(bad));
  }
  assert.equal((await editor.request('POST', '/infer', { prompt: 'x'.repeat(8001) })).status, 422);
});

test('the short names are there too', async () => {
  const editor = await admin();
  const { status } = await editor.request('POST', `${site.url}/wp-json/ai/v1/infer`, { prompt: 'Short.' });
  assert.equal(status, 202);
});

test('what the owner masks leaves WordPress masked, and the addition stands before each prompt', async () => {
  await site.eval('\\Deskhand\\Plugin::get()->settings->save(["masking" => ["Project Blue", "KD-####"], "prompt_addition" => "Be brief."]); return 1;');
  const editor = await admin();
  const { json } = await editor.request('POST', '/infer', { prompt: 'Is project blue about KD-1234 or KD-12345?' });
  await sent(json.id);
  assert.equal(backend.asked('POST', /^\/jobs$/).at(-1).body.prompt, 'Be brief.\n\nIs ▮▮▮ about ▮▮▮ or KD-12345?');
  assert.doesNotMatch((await row(json.id)).request, /Blue|1234"/);
  await site.eval('\\Deskhand\\Plugin::get()->settings->save(["masking" => [], "prompt_addition" => ""]); return 1;');
});

test('limits by session answer 429 with Retry-After', async () => {
  await site.eval('\\Deskhand\\Plugin::get()->settings->save(["chat_limit" => 3]); return 1;');
  const someone = await visitor();
  const answers = [];
  for (let i = 0; i < 4; i += 1) answers.push(await someone.request('POST', '/chat', question()));
  assert.deepEqual(answers.map(({ status }) => status), [202, 202, 202, 429]);
  assert.ok(Number(answers[3].headers.get('retry-after')) > 0);
  assert.equal(answers[3].json.retry_after, Number(answers[3].headers.get('retry-after')));
  await site.eval('\\Deskhand\\Plugin::get()->settings->save(["chat_limit" => 30, "job_limit" => 1]); return 1;');
  const editor = await new Visitor(site).logIn();
  // What was asked for before counts too, and a repeat doesn't.
  const over = await editor.request('POST', '/infer', { prompt: 'One more.' });
  assert.equal(over.status, 429);
  assert.equal((await editor.request('POST', '/infer', { prompt: 'Short.' })).status, 200);
  assert.equal((await editor.request('POST', '/infer', { prompt: 'One more.' })).status, 429, 'nothing of it was kept');
  await site.eval('\\Deskhand\\Plugin::get()->settings->save(["job_limit" => 60]); return 1;');
});

test('the widget’s small requests are carried on under the visitor’s own token', async () => {
  const someone = await visitor();
  const id = randomUUID();
  backend.answers[`/api/agent/thread/${id}`] = { status: 200, body: { thread_id: id, status: 'open', last_seq: 3, turn_in_progress: false, messages: [] } };
  const { status, json } = await someone.request('GET', `/thread/${id}`);
  assert.deepEqual([status, json.last_seq], [200, 3]);
  const [{ claims }] = backend.asked('GET', /thread/).slice(-1);
  const visitorId = backend.asked('POST', /^\/jobs$/).length && claims.sub;
  assert.match(visitorId, /^[0-9a-f-]{36}$/);
  assert.equal((await someone.request('GET', `/thread/${randomUUID()}`)).status, 404);
  backend.answers['/api/agent/feedback'] = { status: 204 };
  assert.equal((await someone.request('POST', '/feedback', { turn_id: randomUUID(), value: 'up' })).status, 204);
  assert.equal((await someone.request('POST', '/feedback', { turn_id: 'x', value: 'sideways' })).status, 400);
});

test('a logged-in visitor’s profile is told to the backend alone, for ids that belong together', async () => {
  const member = await admin();
  const { token } = await member.request('POST', '/token', {}).then(({ json }) => json);
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
  assert.equal(claims.wp_user, 1);
  const told = await backend.tell(site, '/profile', { visitor_id: claims.sub, wp_user_id: 1 });
  assert.deepEqual(await told.json(), { name: 'admin', email: 'admin@shop.example', orders: [] });
  assert.equal((await backend.tell(site, '/profile', { visitor_id: randomUUID(), wp_user_id: 1 })).status, 404);
  assert.equal((await backend.tell(site, '/profile', { visitor_id: claims.sub, wp_user_id: 'x' })).status, 400);
});

test('users and orders that the backend tells of become actions, once', async () => {
  const event = { idempotency_key: randomUUID(), occurred_at: new Date().toISOString(), order_id: '1001', event: 'order.paid', data: { total: '12.00' } };
  assert.equal((await backend.tell(site, '/order-event', event)).status, 202);
  assert.equal((await backend.tell(site, '/order-event', event, { at: Math.floor(Date.now() / 1000) - 3 })).status, 200);
  assert.equal((await backend.tell(site, '/order-event', { ...event, event: 'DROP TABLE' })).status, 400);
  assert.equal((await backend.tell(site, '/user-sync', { idempotency_key: randomUUID(), occurred_at: event.occurred_at, email: 'anna@shop.example' })).status, 202);
  assert.equal((await backend.tell(site, '/user-sync', { idempotency_key: randomUUID(), occurred_at: 'yesterday', email: 'anna' })).status, 400);
});

test('what is older than is kept is deleted, or only its figures stay', async () => {
  const counts = await site.eval(`
    global $wpdb; $table = "{$wpdb->prefix}deskhand_jobs"; $settings = \\Deskhand\\Plugin::get()->settings;
    $wpdb->query("UPDATE $table SET created_at = 1000, status = 'succeeded'");
    $settings->save(['retention_mode' => 'anonymise', 'retention_days' => 1]);
    do_action('deskhand_clean');
    $kept = $wpdb->get_row("SELECT COUNT(*) AS n, SUM(request <> '') AS texts, SUM(user_id) AS users, SUM(tokens_in) AS tokens FROM $table", ARRAY_A);
    $settings->save(['retention_mode' => 'delete']);
    do_action('deskhand_clean');
    return [$kept, $wpdb->get_var("SELECT COUNT(*) FROM $table")];`);
  assert.ok(Number(counts[0].n) > 5);
  assert.deepEqual([counts[0].texts, counts[0].users].map(Number), [0, 0]);
  assert.ok(Number(counts[0].tokens) > 0);
  assert.equal(Number(counts[1]), 0);
});

test('nothing of this made WordPress complain', async () => {
  assert.equal(await site.complaints(), '');
  assert.equal(backend.error, undefined);
});
