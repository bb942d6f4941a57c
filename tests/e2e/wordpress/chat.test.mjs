/**
 * The chat on a real WordPress site in a real browser, answered by a real deskhand.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, beforeEach, test } from 'node:test';
import { axe, launch, openPage, watch } from '../support/browser.mjs';
import { startBoth } from './rig.mjs';
import { logIn, shot, WIDE } from './pages.mjs';

let both;
let browser;
let page1;
before(async () => {
  [both, browser] = await Promise.all([startBoth(), launch()]);
  const { desk, site } = both;
  await writeFile(`${desk.folder}/returns.md`, '# Returns\n\nYou can return an item within 30 days from delivery. It must be unused and in the original box.\n\n# Shipping\n\nShipping to Germany costs 4.90 euros. Parcels take two to three working days.\n');
  await desk.command('ingest', `${desk.folder}/returns.md`, '--site', 'rig');
  page1 = await site.eval(`
    $plugin = \\Deskhand\\Plugin::get();
    $plugin->settings->save(['heading' => 'Ask Lumen & Oak', 'suggestions' => ['How long can I return an item?'], 'consent' => 'Answers are written by software.', 'theme' => 'auto']);
    return get_permalink(wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Help', 'post_content' => '<!-- wp:shortcode -->[deskhand_chat]<!-- /wp:shortcode -->']));
  `);
});
beforeEach(() => both.site.eval(`\\Deskhand\\Plugin::get()->settings->save(['access' => 'public', 'launcher' => false]);`));
after(async () => {
  await browser?.close();
  const complaints = await both?.site.complaints();
  await both?.stop();
  assert.equal(complaints, '');
});

/** A visitor's page, and what they see of the chat. */
async function visit(url, options = {}) {
  const page = await openPage(browser, { hosts: [both.site.url, both.desk.url], ...options });
  await page.goto(url);
  return { page, chat: chatOn(page) };
}

const chatOn = (page) => {
  const root = page.locator('deskhand-chat');
  return { root, input: root.getByRole('textbox', { name: /question/i }), says: (text) => root.locator('.answer .text').last().getByText(text).waitFor() };
};

const fine = ({ seen }) => assert.deepEqual(seen, { errors: [], violations: [], strangers: [] });

test('a page with the shortcode answers with sources, and keeps the thread over a reload', async () => {
  const { page, chat } = await visit(page1);
  await chat.root.getByRole('heading', { name: 'Ask Lumen & Oak' }).waitFor();
  await chat.root.getByRole('button', { name: 'How long can I return an item?' }).click();
  await chat.says('within 30 days from delivery');
  await chat.root.getByRole('button', { name: /helpful/i }).first().waitFor();
  assert.ok(await chat.root.locator('.source').count() > 0, 'it has its source');
  const cookies = await page.context().cookies();
  const visitor = cookies.find(({ name }) => name === 'deskhand_visitor');
  assert.equal(visitor.httpOnly, true);
  assert.equal(visitor.sameSite, 'Lax');
  // The whole chat.
  await chat.root.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  await shot(page, 'page');

  await page.reload();
  await chat.says('within 30 days from delivery');
  await chat.input.fill('What does shipping to Germany cost?');
  await chat.input.press('Enter');
  await chat.says('4.90');
  fine(page);
  await page.context().close();
});

test('what a page carries is the same for all and has nothing secret', async () => {
  const { credentials } = both;
  const get = async () => (await (await fetch(page1)).text());
  const html = await get();
  for (const secret of [credentials.secret, credentials.kid, credentials.site_id]) assert.equal(html.includes(secret), false);
  const chat = /<deskhand-chat[^>]*>/.exec(html)[0];
  assert.equal(chat, /<deskhand-chat[^>]*>/.exec(await get())[0]);
  assert.equal(/nonce|Bearer|eyJ/.test(chat), false);
});

test('a closed launcher loads one small script and asks for nothing; a keyboard is enough to use it', async () => {
  const { site } = both;
  await site.eval(`\\Deskhand\\Plugin::get()->settings->save(['launcher' => true]);`);
  const asked = [];
  const page = await openPage(browser, { hosts: [site.url, both.desk.url], reducedMotion: 'reduce' });
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(`${site.url}/`, { waitUntil: 'networkidle' });
  const ours = asked.filter((url) => /deskhand/.test(url) || url.startsWith(both.desk.url));
  assert.equal(ours.length, 1, ours.join(' '));
  assert.match(ours[0], /deskhand-launcher\.js/);
  const script = page.locator('script[src*="deskhand-launcher"]');
  assert.equal(await script.getAttribute('type'), 'module', 'modules are deferred');
  await shot(page, 'launcher-closed');

  const chat = chatOn(page);
  await page.getByRole('button', { name: 'Open the help chat' }).focus();
  await page.keyboard.press('Enter');
  await chat.input.waitFor();
  await page.waitForFunction(() => document.querySelector('deskhand-chat').shadowRoot.activeElement?.tagName === 'TEXTAREA');
  await page.keyboard.type('How long can I return an item?');
  await page.keyboard.press('Enter');
  await chat.says('within 30 days');
  await shot(page, 'launcher-open');
  await page.keyboard.press('Escape');
  await chat.input.waitFor({ state: 'hidden' });

  // A page that has the chat in its text needs no button for another one.
  await page.goto(page1);
  await chat.input.waitFor();
  assert.equal(await page.locator('deskhand-chat').count(), 1);
  fine(page);
  await page.context().close();
});

test('members only: others are told to log in, and members chat as themselves', async () => {
  const { site, credentials } = both;
  await site.eval(`\\Deskhand\\Plugin::get()->settings->save(['access' => 'members']);`);
  const { page, chat } = await visit(page1);
  // Before anything is written, and with a way to do so.
  const link = chat.root.getByRole('link', { name: /log in/i });
  await link.waitFor();
  assert.match(await link.getAttribute('href'), /wp-login\.php\?redirect_to=/);
  assert.equal(await chat.input.count(), 0);
  fine(page);
  await page.context().close();

  const member = await openPage(browser, { hosts: [site.url, both.desk.url] });
  await logIn(member, site);
  const tokens = [];
  member.on('response', async (response) => { if (/deskhand\/v1\/token/.test(response.url())) tokens.push(response.json()); });
  await member.goto(page1);
  const theirs = chatOn(member);
  await theirs.input.fill('How long can I return an item?');
  await theirs.input.press('Enter');
  await theirs.says('within 30 days');
  const { token } = await tokens[0];
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  assert.equal(claims.wp_user, 1);
  assert.equal(claims.iss, credentials.site_id);
  await member.context().close();
});

test('an editor inserts the block, says what it says first, and publishes it', async () => {
  const { site } = both;
  const page = await openPage(browser, { hosts: [site.url, both.desk.url], ...WIDE });
  page.setDefaultTimeout(120_000);
  await logIn(page, site);
  await page.goto(`${site.url}/wp-admin/post-new.php?post_type=page`);
  await page.waitForFunction(() => window.wp?.data?.select('core/editor')?.getCurrentPost()?.id);
  const canvas = page.frameLocator('iframe[name="editor-canvas"]');
  await canvas.getByRole('textbox', { name: 'Add title' }).fill('Ask');
  await page.getByRole('button', { name: /Block Inserter|Toggle block inserter/ }).first().click();
  await page.getByRole('searchbox', { name: 'Search' }).fill('help chat');
  await shot(page, 'editor-inserter');
  await page.getByRole('option', { name: 'Help chat' }).click();
  await canvas.locator('.deskhand-preview').waitFor();
  await page.getByRole('button', { name: /Close Block Inserter|Block Inserter|Toggle block inserter/ }).first().click();
  await canvas.locator('.deskhand-preview').click();
  if (!await page.getByRole('textbox', { name: 'Greeting' }).isVisible()) await page.getByRole('button', { name: 'Settings', exact: true }).click();
  await page.getByRole('textbox', { name: 'Greeting' }).fill('What may we tell you?');
  await canvas.getByText('What may we tell you?').waitFor();
  await shot(page, 'editor-block');
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await page.getByRole('region', { name: 'Editor publish' }).getByRole('button', { name: 'Publish', exact: true }).click();
  await page.getByText(/is now live/).first().waitFor();
  const address = await page.evaluate(() => window.wp.data.select('core/editor').getPermalink());
  // Nothing of ours complained; the editor's own words are its own.
  assert.deepEqual(page.seen.errors.filter((error) => /deskhand/i.test(error)), []);
  await page.context().close();

  const { page: seen, chat } = await visit(address);
  await chat.root.getByText('What may we tell you?').waitFor();
  fine(seen);
  await seen.context().close();
});

test('an editor leaves a post out by the panel beside it, in one piece with publishing', async () => {
  const { site } = both;
  const page = await openPage(browser, WIDE);
  page.setDefaultTimeout(120_000);
  await logIn(page, site);
  const id = await site.eval(`return wp_insert_post(['post_title' => 'Not for the chat', 'post_content' => 'x', 'post_status' => 'draft']);`);
  await page.goto(`${site.url}/wp-admin/post.php?post=${id}&action=edit`);
  await page.waitForFunction(() => window.wp?.data?.select('core/editor')?.getCurrentPost()?.id);
  const panel = page.getByRole('button', { name: 'Help chat', exact: true });
  await panel.waitFor();
  if (await panel.getAttribute('aria-expanded') === 'false') await panel.click();
  await page.getByRole('checkbox', { name: 'Leave this out' }).check();
  await shot(page, 'editor-exclude');
  await page.evaluate(() => {
    window.wp.data.dispatch('core/editor').editPost({ status: 'publish' });
    return window.wp.data.dispatch('core/editor').savePost();
  });
  assert.deepEqual(await site.eval(`return [get_post_status(${id}), (bool) get_post_meta(${id}, '_deskhand_exclude', true), \\Deskhand\\Plugin::get()->documents->find(\\Deskhand\\Knowledge\\Source::Post, ${id}) === null];`), ['publish', true, true]);
  await page.context().close();
});

test('under a strict content security policy the chat works', async () => {
  const { page, chat } = await visit(`${both.site.url}/?rig=bare&connect=${encodeURIComponent(both.desk.url)}`);
  await chat.input.fill('How long can I return an item?');
  await chat.input.press('Enter');
  await chat.says('within 30 days');
  fine(page);
  await page.context().close();
});

for (const [name, options] of Object.entries({
  'desktop-light': { ...WIDE },
  'desktop-dark': { ...WIDE, colorScheme: 'dark' },
  'phone-light': { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  'phone-dark': { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: 'dark' },
})) {
  for (const dir of ['ltr', 'rtl']) {
    test(`on a page of the theme, ${name}, ${dir}: axe finds nothing in the chat`, async () => {
      const { page, chat } = await visit(`${page1}${dir === 'rtl' ? '?rig-dir=rtl' : ''}`, options);
      await chat.input.fill('How long can I return an item?');
      await chat.input.press('Enter');
      await chat.says('within 30 days');
      await chat.root.locator('.source').first().waitFor();
      assert.equal(await chat.root.evaluate((element) => getComputedStyle(element.shadowRoot.querySelector('.root')).direction), dir);
      await shot(page, `chat-${name}-${dir}`);
      assert.deepEqual((await axe(page)).filter((found) => /deskhand/.test(found)), []);
      await page.context().close();
    });
  }
}
