/**
 * What a visitor is asked for, in a browser that can't reach the backend: WordPress carries a refund's card and its yes, an
 * address for the answer, and what staff write. The shop is the demo's, with its orders.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, launch, openPage } from '../support/browser.mjs';
import { shot } from './pages.mjs';
import { Desk, freePort, WordPress } from './rig.mjs';

let desk;
let site;
let browser;
let help;
before(async () => {
  const port = await freePort();
  [desk, browser] = await Promise.all([Desk.start({ environment: { DESKHAND_FETCH_ALLOW_PRIVATE: `127.0.0.1:${port}` } }), launch()]);
  site = await WordPress.start({ port });
  const { site_id, kid, secret } = JSON.parse(await desk.command('site', 'rotate', 'demo', '--json'));
  await desk.command('site', 'origins', 'demo', site.url, desk.url);
  await desk.command('site', 'mode', 'demo', 'full');
  await desk.command('site', 'set', 'demo', 'refund_approve_all=false');
  await site.connect(desk.url, { site_id, kid, secret });
  await site.serve();
  help = await site.eval(`return get_permalink(wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Ask us', 'post_content' => '[deskhand_chat]']));`);
});
after(async () => {
  await browser?.close();
  const complaints = await site?.complaints();
  await site?.stop();
  await desk?.stop();
  assert.equal(complaints, '');
});

/** A page whose browser a firewall keeps from the backend. */
async function visit(options = {}) {
  const page = await openPage(browser, { hosts: [site.url, desk.url], ...options });
  page.setDefaultTimeout(120_000);
  await page.route(`${desk.url}/**`, (route) => route.abort('connectionrefused'));
  await page.goto(help);
  const root = page.locator('deskhand-chat');
  const input = root.locator('textarea');
  const ask = async (text) => {
    await input.fill(text);
    await input.press('Enter');
  };
  return { page, root, ask, log: root.getByRole('log') };
}

const inbox = (...args) => desk.command('inbox', ...args, '--site', 'demo');
const waiting = async () => JSON.parse(await inbox('list', '--json'));

test('a refund is proposed, survives a reload, is confirmed, and money moves once', async () => {
  const { page, root, ask, log } = await visit();
  await ask('I want a refund for order 1004, anna.huber@example.com');
  const card = root.locator('.card');
  await card.getByText('38.70').first().waitFor();
  await page.reload();
  await card.getByText('38.70').first().waitFor();
  assert.equal(await card.count(), 1);
  assert.deepEqual((await axe(page)).filter((found) => /deskhand/.test(found)), []);
  await shot(page, 'relay-card');
  await card.getByRole('button', { name: 'Yes, go ahead' }).click();
  await log.getByText('goes back to the means of payment').last().waitFor();
  await ask('What is the status of order 1004, anna.huber@example.com');
  await log.getByText(/refunded/i).last().waitFor();
  assert.equal(page.seen.errors.filter((line) => !/ERR_CONNECTION_REFUSED|net::/.test(line)).length, 0);
  await page.context().close();
});

test('a person is wanted: an address is left, staff are read, and they go again', async () => {
  const { page, root, ask, log } = await visit({ viewport: { width: 390, height: 844 } });
  await ask('I want to talk to a person.');
  const card = root.locator('.card').last();
  await card.getByRole('textbox', { name: 'Your e-mail address' }).fill('carl@example.com');
  await shot(page, 'relay-handoff-phone');
  await card.getByRole('button', { name: 'Send' }).click();
  await root.locator('.visitor').getByText('carl@example.com').waitFor();
  const [{ thread_id: thread }] = (await waiting()).waiting.filter(({ kind }) => kind === 'handoff');
  await inbox('reply', thread, 'Hello Carl, this is **Mia**.', '--as', 'Mia');
  await log.getByText('Hello Carl, this is Mia.').waitFor();
  await ask('Nice to meet you.');
  await inbox('reply', thread, 'How can I help?', '--as', 'Mia');
  await log.getByText('How can I help?').waitFor();
  assert.equal(await root.locator('.staff').count(), 2);
  await inbox('give-back', thread, '--as', 'Mia');
  await log.getByText('has left the conversation').waitFor();
  await page.context().close();
});
