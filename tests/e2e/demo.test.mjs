/**
 * The demo as a visitor meets it: the real server, named by DESKHAND_E2E_URL, its page, its answers, its articles.
 * With DESKHAND_SCREENSHOTS, a folder, it also takes the pictures for the documentation.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { axe, launch, openPage, watch } from './support/browser.mjs';
import { resolvers } from './support/fake-server.mjs';

const { DESKHAND_E2E_URL, DESKHAND_SCREENSHOTS } = process.env;
if (!DESKHAND_E2E_URL) {
  console.error('Set DESKHAND_E2E_URL to the address of a running deskhand with its demo, for example http://127.0.0.1:8080');
  process.exit(1);
}
const { origin } = new URL(DESKHAND_E2E_URL);
const QUESTION = 'How long do I have to send something back?';
const CLEAN = { errors: [], violations: [], strangers: [] };

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** Opens the shop as a new visitor, and checks in the end that nothing went wrong unseen. */
function visit(name, options, body) {
  test(name, async () => {
    const page = await openPage(browser, { hosts: [origin], viewport: { width: 1280, height: 800 }, ...options });
    try {
      await page.goto(origin);
      const chat = page.locator('deskhand-chat');
      await chat.getByRole('textbox').waitFor();
      await body({ page, chat });
      assert.deepEqual(page.seen, CLEAN);
    } finally {
      await page.context().close();
    }
  });
}

async function ask(chat, text) {
  await chat.getByRole('textbox').fill(text);
  await chat.getByRole('textbox').press('Enter');
}

/** The answer once it is whole. */
async function answered(chat) {
  const answer = chat.getByRole('log').locator('.answer').last();
  await answer.getByRole('heading', { name: 'Sources' }).waitFor({ timeout: 20_000 });
  return answer;
}

visit('an answer is streamed, with a footnote that leads to the article', {}, async ({ page, chat }) => {
  const [response] = await Promise.all([page.waitForResponse(/\/api\/agent\/messages$/), ask(chat, QUESTION)]);
  assert.equal(response.status(), 200);
  assert.match(response.headers()['content-type'], /^text\/event-stream/);
  const answer = await answered(chat);
  assert.match(await answer.locator('.text').first().innerText(), /30 days/);
  assert.deepEqual(await axe(page), []);

  await answer.locator('.cite').first().click();
  const source = answer.locator('.source:focus');
  assert.match(await source.getAttribute('href'), /\/kb\/returns/);
  const [article] = await Promise.all([page.context().waitForEvent('page'), source.click()]);
  watch(article, [origin]);
  await article.reload(); // what was said before anybody listened is said again
  await article.getByRole('heading', { level: 1, name: /return/i }).waitFor();
  assert.match(await article.locator('article').innerText(), /30 days/);
  await article.getByRole('button', { name: 'Open the chat' }).waitFor();
  assert.deepEqual(await axe(article), []);
  assert.deepEqual(article.seen, CLEAN);
});

visit('a suggested question is answered', {}, async ({ chat }) => {
  await chat.getByRole('list', { name: 'Suggested questions' }).getByRole('button').first().click();
  await answered(chat);
});

visit('a reload keeps the conversation, a new one begins empty', {}, async ({ page, chat }) => {
  await ask(chat, QUESTION);
  const text = await (await answered(chat)).locator('.text').first().innerText();
  await page.reload();
  assert.equal(await (await answered(chat)).locator('.text').first().innerText(), text);
  await ask(chat, 'What does shipping to Germany cost?');
  await chat.getByText(/4[.,]90/).first().waitFor();
  assert.equal(await chat.locator('.visitor').count(), 2);

  await chat.getByRole('button', { name: 'New conversation' }).click();
  assert.equal(await chat.locator('.visitor, .answer').count(), 0);
  await page.reload();
  await chat.getByRole('list', { name: 'Suggested questions' }).waitFor();
  assert.equal(await chat.locator('.visitor').count(), 0);
});

visit('the stop button reaches the server, and the conversation goes on after it', {}, async ({ page, chat }) => {
  // The message is held back until Stop is pressed: a real answer may be quicker than any finger.
  const gate = resolvers();
  await page.route(/\/api\/agent\/messages$/, async (route) => {
    await gate.promise;
    await route.continue();
  });
  await ask(chat, QUESTION);
  const stop = chat.getByRole('button', { name: 'Stop answering' });
  await new Promise((resolve) => { setTimeout(resolve, 400); }); // a second press sooner than this is a double click
  await stop.click();
  const [cancelled] = await Promise.all([page.waitForResponse(/\/api\/agent\/thread\/[^/]+\/cancel$/), gate.resolve()]);
  assert.equal(cancelled.status(), 204);
  await chat.getByRole('button', { name: 'Send' }).waitFor();
  assert.equal(await chat.locator('.failed').count(), 0);
  await ask(chat, 'What does shipping to Germany cost?');
  await chat.getByText(/4[.,]90/).first().waitFor();
});

visit('feedback is taken', {}, async ({ page, chat }) => {
  await ask(chat, QUESTION);
  const answer = await answered(chat);
  const [response] = await Promise.all([page.waitForResponse(/\/api\/agent\/feedback$/), answer.getByRole('button', { name: 'Helpful', exact: true }).click()]);
  assert.equal(response.ok(), true);
  await answer.getByText('Thank you').waitFor();
});

for (const path of ['/', '/kb/returns', '/kb/shipping', '/kb/warranty', '/kb/contact']) {
  for (const colorScheme of ['light', 'dark']) {
    visit(`${path} is accessible in ${colorScheme}, and as wide as a phone`, { colorScheme, viewport: { width: 360, height: 740 } }, async ({ page }) => {
      const response = await page.goto(origin + path);
      assert.equal(response.status(), 200);
      assert.match(response.headers()['content-security-policy'], /default-src 'none'/);
      await page.locator('deskhand-chat .root').waitFor({ state: 'attached' });
      assert.deepEqual(await axe(page), []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    });
  }
}

if (DESKHAND_SCREENSHOTS) {
  const screens = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };
  for (const [name, viewport] of Object.entries(screens)) {
    for (const colorScheme of ['light', 'dark']) {
      visit(`screenshot ${name}-${colorScheme}`, { colorScheme, viewport, reducedMotion: 'reduce' }, async ({ page, chat }) => {
        await ask(chat, QUESTION);
        await answered(chat);
        await chat.evaluate((element) => {
          element.shadowRoot.activeElement?.blur();
          if (innerWidth < 600) element.scrollIntoView({ block: 'start' });
        });
        await mkdir(DESKHAND_SCREENSHOTS, { recursive: true });
        await page.screenshot({ path: join(DESKHAND_SCREENSHOTS, `${name}-${colorScheme}.png`) });
      });
    }
  }
}
