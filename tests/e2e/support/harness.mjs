/**
 * How a widget test is set up: a scripted server and a browser context of its own for each,
 * what a visitor sees and does, and the checks that end every test.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage } from './browser.mjs';
import { FakeServer } from './fake-server.mjs';

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

export const RETURNS = { n: 1, chunk_id: '1', title: 'Returns', section: 'How long you have', url: '/kb/returns#how-long', snippet: 'Within 30 days.' };

/**
 * A test with a fresh server and a page with the widget. Ends by checking that nothing went wrong unseen:
 * no script error, no violation of the page's policy, no request to another host, no failure in a test's own script.
 */
export function check(name, { attributes, page: around, browser: options, hosts = [] } = {}, body) {
  test(name, async () => {
    const server = await FakeServer.start();
    const page = await openPage(browser, { hosts: [server.url, ...hosts], ...options });
    try {
      const chat = desk(page);
      const url = server.page(attributes, around);
      const open = async () => {
        await page.goto(url);
        await page.locator('deskhand-chat :is(.root, button)').first().waitFor();
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
    /** The visitor's own words. */
    said: async () => (await root.locator('.visitor').allTextContents()).map((text) => text.trim()),
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
export async function until(condition, what, most = 60_000) {
  for (const end = Date.now() + most; !(await condition());) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
}

/** A script that says one sentence. */
export const saying = (text) => async (turn) => {
  turn.delta(0, text);
  turn.final(text);
};
