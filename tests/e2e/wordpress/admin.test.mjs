/**
 * Deskhand's pages in wp-admin, in a real browser: connection test, settings, AI jobs, usage, privacy tools; and the
 * chat of a page whose browser can't reach the backend.
 */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { axe, launch, openPage } from '../support/browser.mjs';
import { until } from '../support/harness.mjs';
import { FakeBackend } from './fake-backend.mjs';
import { WordPress } from './rig.mjs';

const { DESKHAND_SCREENSHOTS } = process.env;
let browser;
let site;
let backend;
let page;

before(async () => {
  browser = await launch();
  backend = await FakeBackend.start();
  site = await WordPress.start();
  backend.origins = [site.url];
  await site.connect(backend.url, backend.credentials);
  await site.serve();
  // Gravatars are WordPress's own strangers.
  await site.eval('update_option("show_avatars", 0); return 1;');
  page = await signedIn();
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await backend?.stop();
});

async function signedIn(on = site, options = {}) {
  const opened = await openPage(browser, { viewport: { width: 1280, height: 900 }, hosts: [on.url, backend.url], ...options });
  // A dashboard's first page on a busy machine.
  opened.setDefaultTimeout(120_000);
  await opened.goto(`${on.url}/wp-login.php`);
  await opened.fill('#user_login', 'admin');
  await opened.fill('#user_pass', on.password);
  await opened.click('#wp-submit');
  await opened.locator('#wpadminbar').waitFor();
  return opened;
}

const open = (name = '', query = '') => page.goto(`${site.url}/wp-admin/admin.php?page=deskhand${name && `-${name}`}${query}`);

/** What axe finds wrong in what is ours; WordPress's own frame is not. */
const flaws = async () => (await axe(page)).filter((line) => /\.deskhand|#deskhand|\.wp-list-table|\.form-table/.test(line));

async function picture(name, of = page) {
  if (!DESKHAND_SCREENSHOTS) return;
  await mkdir(DESKHAND_SCREENSHOTS, { recursive: true });
  await of.screenshot({ path: join(DESKHAND_SCREENSHOTS, `wordpress-${name}.png`) });
}

test('the connection test shows each part, and what to do about what is wrong', async () => {
  await open();
  const checks = page.locator('.deskhand-check');
  const check = (label) => checks.filter({ hasText: label });
  await page.getByRole('button', { name: 'Test connection' }).click();
  await check('Streaming').waitFor();
  assert.equal(await checks.count(), 9);
  assert.deepEqual(await page.locator('.deskhand-check.is-bad').count(), 0);
  assert.match(await check('Streaming').innerText(), /Good\s+Streaming\s+Answers reach this browser as they are written/);
  assert.deepEqual(await flaws(), []);
  await picture('connection');

  backend.buffered = true;
  backend.ping = { origins: ['https://elsewhere.example'], key_ends_at: new Date(Date.now() + 86_400_000).toISOString() };
  await page.getByRole('button', { name: 'Test connection' }).click();
  await check('Streaming').getByText('proxy_buffering off').waitFor();
  assert.match(await check('This site’s address').or(check('This site\'s address')).innerText(), /Not working[^]*deskhand site origins/);
  assert.match(await check('This secret was replaced').innerText(), /Could be better[^]*deskhand site rotate/);
  backend.buffered = false;
  backend.ping = {};
  assert.match(await readFile(`${site.root}/rig.json`, 'utf8'), new RegExp(backend.credentials.secret));
  assert.doesNotMatch(await page.content(), new RegExp(backend.credentials.secret), 'the secret is in no page');
});

test('settings are saved by tab, say so, and leave the other tabs alone', async () => {
  for (const tab of ['rollout', 'hours', 'chat', 'knowledge', 'events', 'jobs', 'limits']) {
    await open('', `&tab=${tab}`);
    assert.deepEqual(await flaws(), [], tab);
  }
  await open('', '&tab=limits');
  await page.getByLabel('Keep AI jobs for (days)').fill('14');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await page.getByText('Saved.').waitFor();
  await open('', '&tab=chat');
  await page.getByLabel('Greeting').fill('Hello from <b>us</b> & "them"');
  await page.getByLabel('Suggested questions').fill('How long?\nHow much?');
  await page.getByRole('checkbox', { name: 'On' }).check();
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await page.getByText('Saved.').waitFor();
  assert.equal(await page.getByLabel('Greeting').inputValue(), 'Hello from <b>us</b> & "them"', 'as it was typed');
  assert.deepEqual(await site.eval('$s = \\Deskhand\\Plugin::get()->settings; return [$s->get("retention_days"), $s->get("suggestions"), $s->get("launcher")];'), [14, ['How long?', 'How much?'], true]);
  assert.equal(await site.eval('return \\Deskhand\\Plugin::get()->settings->get("accent");'), '', 'what was left empty stays so');
  await picture('settings');

  // What can't be saved as it was typed is named, is there again, and keeps nothing else from being saved.
  const questions = page.getByLabel('Suggested questions');
  const seven = '1\n2\n3\n4\n5\n6\n7';
  await questions.fill(seven);
  await page.getByLabel('Title').fill('Ask Lumen');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await page.locator('.notice').getByText('6 lines').waitFor();
  assert.deepEqual([await questions.inputValue(), await questions.getAttribute('aria-invalid')], [seven, 'true']);
  assert.deepEqual(await site.eval('$s = \\Deskhand\\Plugin::get()->settings; return [$s->get("suggestions"), $s->get("heading")];'), [['How long?', 'How much?'], 'Ask Lumen']);
  await open('', '&tab=chat');
  assert.equal(await questions.inputValue(), 'How long?\nHow much?', 'what was typed is there once');
  await site.eval('\\Deskhand\\Plugin::get()->settings->save(["launcher" => false]); return 1;');
});

test('credentials that are pasted are looked at, and an address in a private network is refused', async () => {
  const other = await WordPress.start();
  try {
    await other.serve();
    await other.eval('update_option("show_avatars", 0); return 1;');
    const tab = await signedIn(other);
    await tab.getByText('Deskhand isn\'t connected yet').or(tab.getByText('Deskhand isn’t connected yet')).waitFor();
    await tab.goto(`${other.url}/wp-admin/admin.php?page=deskhand`);
    await picture('connect', tab);
    const paste = async (url, text) => {
      await tab.getByLabel('Address of your deskhand').fill(url);
      await tab.getByLabel('What it printed').fill(text);
      await tab.getByRole('button', { name: 'Connect', exact: true }).click();
    };
    const { site_id: id, kid, secret } = backend.credentials;
    await paste('https://1.1.1.1', 'something else');
    await tab.locator('.notice').getByText('Paste all that').waitFor();
    await paste('https://10.0.0.1', JSON.stringify(backend.credentials));
    await tab.locator('.notice').getByText('public internet').waitFor();
    assert.equal(await tab.getByLabel('Address of your deskhand').inputValue(), 'https://10.0.0.1', 'what was typed stays');
    await paste('https://1.1.1.1', `Site    ${id} (rig)\nKey id  ${kid}\nSecret  ${secret}\n`);
    // Nothing leaves this machine, so nobody answers there.
    await tab.locator('.notice').getByText('Saved, but it doesn').waitFor();
    await tab.getByText(id).waitFor();
    assert.doesNotMatch(await tab.content(), new RegExp(secret));
    assert.equal((await other.eval('return get_option("deskhand_credentials");')).includes(secret), false);
    await tab.getByText('Change the connection').click();
    const disconnect = tab.getByRole('button', { name: 'Yes, disconnect this site' });
    assert.equal(await disconnect.isVisible(), false, 'it asks first');
    await tab.getByText('Disconnect…').click();
    await disconnect.click();
    await tab.getByText('Disconnected.').waitFor();
    assert.deepEqual(tab.seen, { errors: [], violations: [], strangers: [] });
    await tab.context().close();
  } finally {
    await other.stop();
  }
});

test('how far the agent may go is asked of the backend, and told to it', async () => {
  await open('', '&tab=rollout');
  const mode = (name) => page.getByRole('radio', { name });
  await until(() => mode(/^Assist/).isChecked(), 'what the backend says');
  assert.deepEqual(await flaws(), []);
  await picture('rollout');
  await mode(/^Shadow/).check();
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await page.getByRole('status').getByText('Saved.').waitFor();
  assert.equal(backend.kept.mode, 'shadow');
  await page.reload();
  await until(() => mode(/^Shadow/).isChecked(), 'it to be asked again');
  backend.fault = ({ path }) => (path === '/api/site' ? { status: 503, body: { code: 'not_ready', detail: 'The database is away.' } } : undefined);
  await page.reload();
  await page.getByRole('status').getByText('The database is away.').waitFor();
  assert.equal(await mode(/^Shadow/).isDisabled(), true);
  backend.fault = () => undefined;
});

test('opening hours are asked of the backend, written as people do, and told to it', async () => {
  await open('', '&tab=hours');
  const hours = page.getByLabel('Opening hours');
  const status = page.locator('#deskhand-hours').getByRole('status');
  const save = page.getByRole('button', { name: 'Save Changes' });
  await until(() => hours.isEnabled(), 'what the backend says');
  assert.equal(await hours.inputValue(), '');
  await hours.fill('Mo–Fr 8–12, 13–17 Uhr, or so');
  await page.getByLabel('Closed on').fill('24.12.2026 – 26.12.2026');
  await page.getByLabel('When nobody is in').fill('We are back {opens}.');
  await save.click();
  await status.getByText('can\'t be read as hours').waitFor();
  assert.equal(await hours.inputValue(), 'Mo–Fr 8–12, 13–17 Uhr, or so', 'to be mended');
  await hours.fill('Mo–Fr 8–12, 13–17 Uhr');
  await save.click();
  await status.getByText('Saved.').waitFor();
  assert.deepEqual([await hours.inputValue(), await page.getByLabel('Closed on').inputValue()], ['Mon–Fri 8:00–12:00, 13:00–17:00', '2026-12-24..2026-12-26']);
  assert.match(backend.kept.hours, /^Europe\/Vienna; Mon 8:00-12:00,13:00-17:00; .*; closed 2026-12-24\.\.2026-12-26$/);
  assert.equal(backend.kept.away, 'We are back {opens}.');
  assert.deepEqual(await flaws(), []);
  await picture('hours');
  backend.kept.hours = 'America/New_York; Fri 18:00-24:00; Sat 0:00-2:00';
  await page.reload();
  await status.getByText('America/New_York').waitFor();
  assert.equal(await hours.inputValue(), 'Fri 18:00–2:00');
  Object.assign(backend.kept, { hours: null, away: null });
});

test('a copy of the secret that is left in the database is told of and deleted', async () => {
  await site.eval('update_option("deskhand_credentials", \\Deskhand\\Plugin::get()->credentials->current()->sealed()); return 1;');
  await open();
  await page.getByRole('button', { name: 'Delete the copy' }).click();
  await page.getByText('The copy in the database was deleted.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Delete the copy' }).count(), 0);
  assert.equal(await site.eval('return get_option("deskhand_credentials", "none");'), 'none');
});

const EVIL = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';

test('AI jobs are listed, filtered, sent again, and taken away as CSV', async () => {
  await site.eval(`
    $store = new \\Deskhand\\Jobs\\JobStore();
    foreach (['succeeded', 'failed', 'succeeded', ''] as $i => $status) {
      [$job] = $store->add($i === 2 ? 'infer' : 'chat', $i === 2 ? 1 : 0, '', [$i === 2 ? 'prompt' : 'user_msg' => $i === 1 ? ${JSON.stringify(EVIL)} : "Question $i"], 'h', "list-$i");
      if ($status) $store->finish($job, $status, $status === 'succeeded' ? ['text' => ${JSON.stringify(EVIL)}] : null, $status === 'failed' ? 'timeout' : '', $status === 'failed' ? 'The model was too slow.' : '', ['tokens_in' => 1200, 'tokens_out' => 80, 'cost_micro' => 2400, 'currency' => 'EUR', 'provider' => 'openai']);
    }
    return 1;`);
  await open('jobs');
  const rows = page.locator('#the-list tr');
  assert.equal(await rows.count(), 4);
  await rows.first().locator('summary').or(rows.nth(1).locator('summary')).first().click();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.deepEqual(await flaws(), []);
  await picture('jobs');
  await page.getByLabel('State').selectOption('failed');
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.waitForURL(/status=failed/);
  assert.equal(await rows.count(), 1);
  assert.match(await rows.innerText(), /The model was too slow/);

  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export as CSV' }).click()]);
  const csv = await readFile(await download.path(), 'utf8');
  assert.equal(csv.trim().split('\n').length, 2, csv);
  assert.match(csv, /,chat,failed,0,/);

  await page.getByRole('button', { name: 'Send again' }).click();
  await page.getByText('The job will be sent again.').waitFor();
  await until(() => backend.asked('POST', /^\/jobs$/).length === 1, 'the job to be sent', 60_000);
  assert.equal(backend.asked('POST', /^\/jobs$/)[0].body.user_msg, EVIL);
  await open('jobs', '&user=1');
  assert.equal(await rows.count(), 1);
  const stolen = await page.request.get(`${site.url}/wp-admin/admin-post.php?action=deskhand_jobs_csv`);
  assert.equal(stolen.status(), 403, 'no CSV without its nonce');
});

test('events that the backend refuses are listed, sent again, and deleted', async () => {
  backend.answers['/ingest'] = { status: 422, body: { code: 'invalid_field', detail: 'No such field <b>.' } };
  await site.eval(`do_action('deskhand_event', 'booking.moved', 'booking:<script>alert(1)</script>', ['to' => 'Friday']); do_action('deskhand_event', 'booking.moved', 'booking:2', ['to' => 'Monday']); do_action('deskhand_events'); return 1;`);
  await page.goto(`${site.url}/wp-admin/index.php`);
  await page.getByText('couldn’t tell its backend of 2 events').or(page.getByText('couldn\'t tell its backend of 2 events')).waitFor();
  // Closed, it is gone on the next page, too.
  const notice = page.locator('[data-deskhand-notice="events"]');
  const told = page.waitForResponse(/notices\/dismissed|notices%2Fdismissed/);
  await notice.getByRole('button', { name: /Dismiss/ }).click();
  assert.equal((await told).status(), 204);
  await page.reload();
  assert.equal(await notice.count(), 0);
  await open('events');
  const rows = page.locator('#the-list tr');
  assert.equal(await rows.count(), 2);
  assert.match(await rows.first().innerText(), /booking\.moved[^]*Failed[^]*No such field/);
  assert.deepEqual(await flaws(), []);
  await picture('events');
  delete backend.answers['/ingest'];
  const before = backend.asked('POST', /^\/ingest$/).length;
  await page.getByRole('button', { name: 'Send again' }).first().click();
  await page.getByText('The event will be sent again.').waitFor();
  await until(() => backend.asked('POST', /^\/ingest$/).length > before, 'the event to be sent');
  await until(async () => (await site.eval('global $wpdb; return (int) $wpdb->get_var("SELECT COUNT(*) FROM {$wpdb->prefix}deskhand_events");')) === 1, 'it to be forgotten here');
  await open('events');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('The event was deleted.').waitFor();
  await page.getByText('The backend has heard of everything.').waitFor();
});

test('usage is plotted, with its figures beside', async () => {
  const days = Array.from({ length: 30 }, (_, i) => {
    const turns = 20 + Math.round(15 * Math.sin(i) + i);
    const date = new Date(Date.now() - i * 864e5).toISOString().slice(0, 10);
    return { date, turns, answered: Math.round(turns * 0.8), handoffs: Math.round(turns * 0.15), degraded: Math.round(turns * 0.05), tokens_in: turns * 1200, tokens_out: turns * 200, cost_micro: turns * 2300, currency: 'EUR', provider: 'openai' };
  });
  backend.answers['/api/usage'] = { status: 200, body: { days } };
  await open('usage', '&days=30');
  assert.equal(await page.locator('.deskhand-plot').count(), 2);
  assert.equal(await page.locator('.deskhand-scroll tbody tr').count(), 30);
  assert.deepEqual(await flaws(), []);
  await picture('usage');
  const good = backend.answers['/api/usage'];
  backend.answers['/api/usage'] = { status: 503, body: { code: 'not_ready', detail: 'The database is away.' } };
  await open('usage');
  await page.getByText('The database is away.').waitFor();
  backend.answers['/api/usage'] = good;
});

test('WordPress’s erasure of a person shows the backend’s receipt', async () => {
  backend.answers['/api/privacy/erase'] = { status: 200, body: { receipt_id: '01a1-receipt', at: '2026-11-27T10:00:00Z', counts: { threads: 2, messages: 5 } } };
  await page.goto(`${site.url}/wp-admin/erase-personal-data.php`);
  await page.fill('#username_or_email_for_privacy_request', 'anna@shop.example');
  await page.locator('#send_confirmation_email').uncheck().catch(() => {});
  await page.getByRole('button', { name: /Send Request|Add Request/ }).click();
  await page.locator('#the-list tr').filter({ hasText: 'anna@shop.example' }).waitFor();
  const row = page.locator('#the-list tr').filter({ hasText: 'anna@shop.example' });
  await row.hover();
  await row.getByRole('button', { name: /Force erase personal data/i }).or(row.getByRole('button', { name: /Erase personal data/i })).first().click();
  await page.getByText('01a1-receipt').waitFor();
  assert.deepEqual(backend.asked('POST', /privacy\/erase/).at(-1).body, { email: 'anna@shop.example', visitor_ids: [] });
});

test('Site Health tells of the connection, asked after the page is there', async () => {
  const pings = backend.asked('POST', /ping/).length;
  await page.goto(`${site.url}/wp-admin/site-health.php`);
  await page.locator('#health-check-issues-recommended').getByText('Deskhand’s connection works').or(page.getByText('Deskhand\'s connection works')).first().waitFor();
  assert.ok(backend.asked('POST', /ping/).length > pings);
});

test('a visitor whose browser can’t reach the backend gets the answer by WordPress', async () => {
  const address = await site.eval('return get_permalink(wp_insert_post(["post_title" => "Help", "post_status" => "publish", "post_type" => "page", "post_content" => "<!-- wp:shortcode -->[deskhand_chat]<!-- /wp:shortcode -->"]));');
  const tab = await openPage(browser, { hosts: [site.url, backend.url] });
  tab.setDefaultTimeout(120_000);
  // As a firewall between the two does.
  await tab.route(`${backend.url}/**`, (route) => route.abort('connectionrefused'));
  await tab.goto(address);
  const chat = tab.locator('deskhand-chat');
  await chat.getByRole('textbox').fill('How long may I think about it?');
  await chat.getByRole('textbox').press('Enter');
  const asked = () => backend.asked('POST', /^\/jobs$/).find(({ body }) => body.user_msg === 'How long may I think about it?');
  await until(asked, 'the job');
  const [key, job] = [...backend.jobs].find(([, { request }]) => request === asked().body);
  assert.equal(job.claims.sub.length, 36);
  const thread = '0192d3a0-7c1e-7000-8000-0000000000aa';
  await backend.finish(site, key, { status: 'succeeded', result_json: {
    thread_id: thread, turn_id: '0192d3a0-7c1e-7000-8000-0000000000bb', outcome: 'answered', text: 'You have **30 days**. [1]', citations: [{ n: 1, chunk_id: '1', title: 'Returns', url: '/returns' }],
  } });
  await chat.getByText('30 days').waitFor();
  await chat.locator('.sources').getByText('Returns').waitFor();

  // The thread is still there on the next page, by the same way, for the same visitor.
  backend.answers[`/api/agent/thread/${thread}`] = { status: 200, body: { thread_id: thread, status: 'open', last_seq: 5, turn_in_progress: false, messages: [{ author: 'visitor', text: 'How long may I think about it?' }, { author: 'agent', text: 'You have **30 days**.', turn_id: 'x', outcome: 'answered' }] } };
  await tab.reload();
  await chat.locator('.visitor').getByText('How long may I think').waitFor();
  assert.equal(backend.asked('GET', new RegExp(thread)).at(-1).claims.sub, job.claims.sub);
  assert.deepEqual(tab.seen.errors.filter((line) => !/ERR_CONNECTION_REFUSED|net::/.test(line)), []);
  await tab.context().close();
});

test('on a phone, and written from the right', async () => {
  await writeFile(`${site.root}/wp-content/mu-plugins/rtl.php`, "<?php add_action('init', static function () { $GLOBALS['wp_locale']->text_direction = 'rtl'; });");
  await page.setViewportSize({ width: 390, height: 844 });
  for (const [name, query] of [['', ''], ['', '&tab=chat'], ['', '&tab=hours'], ['', '&tab=events'], ['jobs', ''], ['events', ''], ['usage', '']]) {
    await open(name, query);
    assert.equal(await page.evaluate(() => document.documentElement.dir), 'rtl');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${name}${query} is wider than the screen`);
    if (name === 'usage') await picture('usage-phone-rtl');
  }
});

test('nothing of this made WordPress or the browser complain', async () => {
  // Without the internet WordPress can't look for its own checksums.
  assert.deepEqual((await site.complaints()).split('\n').filter((line) => line && !/WordPress\.org/.test(line)), []);
  assert.deepEqual(page.seen, { errors: [], violations: [], strangers: [] });
  assert.equal(backend.error, undefined);
});
