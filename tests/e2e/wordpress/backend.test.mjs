/**
 * What WordPress's pages ask of the backend, with a real deskhand: the connection test, AI jobs and their callbacks, the
 * chat of who can't reach the backend, privacy, usage, profile.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch, openPage } from '../support/browser.mjs';
import { until } from '../support/harness.mjs';
import { logIn, shot, WIDE } from './pages.mjs';
import { startBoth } from './rig.mjs';
import { Visitor } from './visitor.mjs';

let both;
let browser;
let admin;
let help;
before(async () => {
  [both, browser] = await Promise.all([startBoth(), launch()]);
  const { desk, site } = both;
  await writeFile(`${desk.folder}/returns.md`, '# Returns\n\nYou can return an item within 30 days from delivery.\n');
  await desk.command('ingest', `${desk.folder}/returns.md`, '--site', 'rig');
  help = await site.eval(`return get_permalink(wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Ask us', 'post_content' => '[deskhand_chat]']));`);
  // Gravatars are WordPress's own strangers.
  await site.eval('update_option("show_avatars", 0); return 1;');
  admin = await openPage(browser, { hosts: [site.url, desk.url], ...WIDE });
  admin.setDefaultTimeout(120_000);
  await logIn(admin, site);
});
after(async () => {
  await browser?.close();
  const complaints = await both?.site.complaints();
  await both?.stop();
  assert.equal(complaints, '');
});

const row = (uid) => both.site.eval(`global $wpdb; return $wpdb->get_row($wpdb->prepare("SELECT * FROM {$wpdb->prefix}deskhand_jobs WHERE uid = %s", '${uid}'));`);

test('the connection test finds all well with a real backend, streaming and both signatures among it', async () => {
  await admin.goto(`${both.site.url}/wp-admin/admin.php?page=deskhand`);
  await admin.getByRole('button', { name: 'Test connection' }).click();
  const checks = admin.locator('.deskhand-check');
  await checks.filter({ hasText: 'Streaming' }).waitFor();
  assert.deepEqual(await admin.locator('.deskhand-check.is-bad').allTextContents(), []);
  assert.match(await checks.filter({ hasText: 'Streaming' }).innerText(), /^Good/);
  assert.match(await checks.filter({ hasText: 'The way back' }).innerText(), /^Good/);
  await shot(admin, 'connection');
  assert.deepEqual(admin.seen, { errors: [], violations: [], strangers: [] });
});

test('who can\'t reach the backend is answered by WordPress, by a job and its signed callback', async () => {
  const { desk, site } = both;
  const page = await openPage(browser, { hosts: [site.url, desk.url] });
  page.setDefaultTimeout(120_000);
  await page.route(`${desk.url}/**`, (route) => route.abort('connectionrefused'));
  await page.goto(help);
  const chat = page.locator('deskhand-chat');
  await chat.getByRole('textbox').fill('How long can I return an item?');
  await chat.getByRole('textbox').press('Enter');
  await chat.locator('.answer .text').last().getByText('within 30 days').waitFor();
  await chat.locator('.source').first().waitFor();
  const jobs = await site.eval(`global $wpdb; return $wpdb->get_results("SELECT status, webhook_ts FROM {$wpdb->prefix}deskhand_jobs");`);
  assert.deepEqual(jobs.map(({ status }) => status), ['succeeded']);
  await page.reload();
  await chat.locator('.visitor').getByText('How long can I return an item?').waitFor();
  await page.context().close();
});

test('a prompt without a language model fails with words for people, and its repeat is the same job', async () => {
  const editor = await new Visitor(both.site).logIn();
  const key = randomUUID();
  const first = await editor.request('POST', '/infer', { prompt: 'Summarise: lamps.' }, { 'Idempotency-Key': key });
  assert.equal(first.status, 202);
  const again = await editor.request('POST', '/infer', { prompt: 'Summarise: lamps.' }, { 'Idempotency-Key': key });
  assert.equal(again.json.id, first.json.id);
  await until(async () => (await row(first.json.id)).status === 'failed', 'the job to fail honestly', 60_000);
  const { json } = await editor.request('GET', `/jobs/${first.json.id}`);
  assert.equal(json.status, 'failed');
  assert.ok(JSON.stringify(json).length > 20);

  // Sent again it is another job there, too, and the list shows both tries.
  await admin.goto(`${both.site.url}/wp-admin/admin.php?page=deskhand-jobs&status=failed`);
  await admin.getByRole('button', { name: 'Send again' }).click();
  await admin.getByText('The job will be sent again.').waitFor();
  const next = () => both.site.eval(`global $wpdb; return $wpdb->get_row("SELECT * FROM {$wpdb->prefix}deskhand_jobs WHERE again_of = '${first.json.id}'");`);
  await until(async () => (await next())?.status === 'failed', 'the second try to be run', 60_000);
  const [was, is] = [await row(first.json.id), await next()];
  assert.notEqual(is.remote_id, was.remote_id);
  assert.deepEqual([was.status, is.error], ['failed', was.error]);
  await admin.goto(`${both.site.url}/wp-admin/admin.php?page=deskhand-jobs`);
  await admin.getByText('Another try of a job that failed.').waitFor();
  await admin.getByText(/^Sent again: /).waitFor();
});

test('hours that are written in the settings are what visitors hear when nobody is in', async () => {
  const { desk, site } = both;
  await admin.goto(`${site.url}/wp-admin/admin.php?page=deskhand&tab=hours`);
  const hours = admin.getByLabel('Opening hours');
  await until(() => hours.isEnabled(), 'what the backend says', 30_000);
  await hours.fill('daily 9–17');
  // Whatever day it is there.
  const days = [-1, 1].map((by) => new Date(Date.now() + by * 86_400_000).toISOString().slice(0, 10));
  await admin.getByLabel('Closed on').fill(days.join('..'));
  await admin.getByRole('button', { name: 'Save Changes' }).click();
  await admin.getByRole('status').getByText('Saved.').waitFor();
  assert.equal(await hours.inputValue(), 'Mon–Sun 9:00–17:00');
  assert.match(await desk.command('site', 'settings', 'rig'), /hours=Europe\/Vienna; Mon 9:00-17:00;/);
  const page = await openPage(browser, { hosts: [site.url, desk.url] });
  page.setDefaultTimeout(120_000);
  await page.goto(help);
  const chat = page.locator('deskhand-chat');
  await chat.getByRole('textbox').first().fill('I want to talk to a person');
  await chat.getByRole('textbox').first().press('Enter');
  await chat.locator('.card').getByText('Passed on to our team').waitFor();
  const said = (await chat.locator('.answer').last().innerText()).match(/Nobody is in/g);
  assert.equal(said?.length, 1, 'once');
  await page.context().close();
  await desk.command('site', 'set', 'rig', 'hours=');
});

test('usage of the real backend is plotted', async () => {
  await admin.goto(`${both.site.url}/wp-admin/admin.php?page=deskhand-usage`);
  await admin.locator('svg').first().waitFor();
  assert.equal(await admin.getByText(/can't be reached|can’t be reached/).count(), 0);
  await shot(admin, 'usage-real');
});

test('a member\'s conversation is in WordPress\'s export, and erased with a receipt', async () => {
  const { desk, site } = both;
  await site.eval(`wp_insert_user(['user_login' => 'mia', 'user_pass' => 'pass-mia', 'user_email' => 'mia@example.com', 'role' => 'subscriber', 'display_name' => 'Mia']);`);
  const page = await openPage(browser, { hosts: [site.url, desk.url] });
  await logIn(page, site, 'mia', 'pass-mia');
  await page.goto(help);
  const chat = page.locator('deskhand-chat');
  await chat.getByRole('textbox').fill('How long can I return an item?');
  await chat.getByRole('textbox').press('Enter');
  await chat.locator('.answer .text').last().getByText('within 30 days').waitFor();
  await page.context().close();

  const run = (kind) => site.eval(`
    $all = [];
    foreach (apply_filters('wp_privacy_personal_data_${kind}', []) as $id => $one) {
      if (str_contains(strtolower($id), 'deskhand')) {
        for ($page = 1, $done = false; !$done && $page < 20; $page++) { $answer = call_user_func($one['callback'], 'mia@example.com', $page); $all[] = $answer; $done = is_wp_error($answer) || $answer['done']; }
      }
    }
    return $all;
  `);
  assert.match(JSON.stringify(await run('exporters')), /return an item/);
  const erased = JSON.stringify(await run('erasers'));
  assert.match(erased, /receipt/i);
  assert.doesNotMatch(JSON.stringify(await run('exporters')), /return an item/);
});

test('what happens on the site reaches the backend\'s bridge, and staff hear in wp-admin of who waits', async () => {
  const { desk, site } = both;
  // As Contact Form 7 and a shop's plugin would, in a request of a visitor's.
  await site.eval(`
    do_action('deskhand_event', 'form.submitted', 'form:contact-form-7:12', ['form_title' => 'Contact', 'email' => 'carl@example.com', 'name' => 'Carl', 'message' => 'The lamp flickers.', 'fields' => [['name' => 'your-message', 'value' => 'The lamp flickers.']]]);
    do_action('deskhand_event', 'booking.moved', 'booking:12', ['to' => 'Friday']);
    do_action('deskhand_event', 'order.paid', 'order:1001', ['order_id' => 1001, 'wp_user_id' => 1]);
  `);
  const told = async () => JSON.parse(await desk.command('bridge', 'list', '--site', 'rig', '--json'));
  await until(async () => (await told()).filter(({ state }) => state === 'processed').length === 3, 'three events to be handled', 60_000);
  const events = Object.fromEntries((await told()).map((event) => [event.event_type, event]));
  assert.match(events['form.submitted'].result.ticket, /^T-\d+$/);
  const [ticket] = JSON.parse(await desk.command('tickets', 'list', '--site', 'rig', '--json'));
  assert.equal(ticket.source, 'form');
  assert.deepEqual(events['booking.moved'].result, { kept: true });
  assert.deepEqual(events['order.paid'].result, { profiles_refreshed: 0 });
  assert.equal(await site.eval('global $wpdb; return (int) $wpdb->get_var("SELECT COUNT(*) FROM {$wpdb->prefix}deskhand_events");'), 0);
  const shown = JSON.parse(await desk.command('bridge', 'show', events['form.submitted'].request_id, '--site', 'rig'));
  assert.deepEqual([shown.actor.email, shown.subject, shown.action.type], ['carl@example.com', { id: 'contact-form-7:12', type: 'form' }, 'submitted']);

  // Somebody wants a person: the notice comes with a later page, and no page waits for it.
  const page = await openPage(browser, { hosts: [site.url, desk.url] });
  await page.goto(help);
  await page.locator('deskhand-chat textarea').fill('I want to talk to a person.');
  await page.locator('deskhand-chat textarea').press('Enter');
  await page.locator('deskhand-chat .card').first().waitFor();
  await page.context().close();
  await site.eval(`delete_option('deskhand_handoffs');`);
  await until(async () => {
    await admin.goto(`${site.url}/wp-admin/index.php`);
    return (await admin.locator('.deskhand-handoffs').count()) > 0;
  }, 'the notice', 60_000);
  assert.match(await admin.locator('.deskhand-handoffs').innerText(), /[12] conversations? waits? for your team.*a person is wanted/);
  assert.match(await admin.locator('#toplevel_page_deskhand .awaiting-mod').first().innerText(), /^([12])\n\1 conversations? waits?$/);
  await shot(admin, 'handoffs');
});
