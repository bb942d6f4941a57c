/** What tests do on WordPress's pages. */

export const WIDE = { viewport: { width: 1360, height: 900 } };

/** Logs a page's browser in. @param {import('playwright-core').Page} page */
export async function logIn(page, site, name = 'admin', password = site.password) {
  await page.goto(`${site.url}/wp-login.php`);
  await page.getByLabel('Username or Email Address').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log In' }).click();
  // Not until every picture and script is there: what follows waits for what it needs.
  await page.waitForURL(/wp-admin/, { waitUntil: 'domcontentloaded' });
}

/** Takes a picture where DESKHAND_SCREENSHOTS names a folder. */
export async function shot(page, name, options = {}) {
  const folder = process.env.DESKHAND_SCREENSHOTS;
  if (folder) await page.screenshot({ path: `${folder}/wordpress-${name}.png`, ...options });
}
