/**
 * A Chromium for tests: the system's own, quiet, without any request of its own making.
 * Each page collects what must not happen in it: script errors, console errors, violations of the content security policy,
 * and requests to other hosts.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export function launch() {
  const executablePath = process.env.CHROMIUM ?? PATHS.find(existsSync);
  if (!executablePath) throw new Error('No Chromium found: install it, or name it in CHROMIUM.');
  return chromium.launch({ executablePath, args: ARGS });
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {import('playwright-core').BrowserContextOptions & {hosts?: string[]}} [options] `hosts`: origins that the page may ask
 */
export async function openPage(browser, { hosts, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 900, height: 760 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  // Who waits in vain fails late: a busy machine takes long for a page.
  page.setDefaultTimeout(60_000);
  watch(page, hosts);
  return page;
}

/** @param {import('playwright-core').Page} page @param {string[]} [hosts] */
export function watch(page, hosts) {
  const seen = { errors: [], violations: [], strangers: [] };
  page.seen = seen;
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    // Chromium writes a line for each failed request, which tests provoke on purpose.
    if (/Content.Security.Policy/i.test(message.text())) seen.violations.push(message.text());
    else if (!/^Failed to load resource/.test(message.text())) seen.errors.push(message.text());
  });
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (hosts && /^http/.test(protocol) && !hosts.includes(origin)) seen.strangers.push(request.url());
  });
}

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds wrong on the page, by the rules of WCAG 2.2 A and AA and its own best practices. */
export async function axe(page) {
  // By the debugging protocol, which the page's policy doesn't bind.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  return violations.map(({ id, impact, help, nodes }) => `${impact} ${id}: ${help}; ${nodes.length} times, as in ${nodes[0].target.flat().join(' > ')}`);
}
