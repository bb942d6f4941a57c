/**
 * Where a WordPress may stand: in a folder of its host, or without permalinks. The chat, the knowledge and the backend's
 * own questions find it there.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch, openPage } from '../support/browser.mjs';
import { until } from '../support/harness.mjs';
import { logIn, WIDE } from './pages.mjs';
import { startBoth } from './rig.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

for (const [where, wordpress] of [['in a folder', { base: '/shop' }], ['without permalinks', { permalinks: 'plain' }], ['in a folder, without permalinks', { base: '/shop', permalinks: 'plain' }]]) {
  test(`a WordPress ${where} is tested, known, and asked who its members are`, async () => {
    const { desk, site, stop } = await startBoth({ wordpress });
    try {
      await writeFile(`${desk.folder}/returns.md`, '# Returns\n\nYou can return an item within 30 days from delivery.\n');
      await desk.command('ingest', `${desk.folder}/returns.md`, '--site', 'rig');
      const help = await site.eval(`
        wp_insert_user(['user_login' => 'mia', 'user_pass' => 'pass-mia', 'user_email' => 'mia@example.com', 'role' => 'subscriber', 'display_name' => 'Mia Member']);
        return get_permalink(wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Ask us', 'post_content' => '[deskhand_chat]']));
      `);
      const admin = await openPage(browser, { hosts: [site.url, desk.url], ...WIDE });
      admin.setDefaultTimeout(120_000);
      await logIn(admin, site);
      await admin.goto(`${site.url}/wp-admin/admin.php?page=deskhand`);
      await admin.getByRole('button', { name: 'Test connection' }).click();
      const checks = admin.locator('.deskhand-check');
      await checks.filter({ hasText: 'Streaming' }).waitFor();
      assert.deepEqual(await admin.locator('.deskhand-check.is-bad').allTextContents(), []);
      await admin.context().close();

      // A member, straight to the backend; and a stranger by WordPress, whose callback finds its way.
      const member = await openPage(browser, { hosts: [site.url, desk.url] });
      member.setDefaultTimeout(120_000);
      await logIn(member, site, 'mia', 'pass-mia');
      await member.goto(help);
      const ask = async (page) => {
        const chat = page.locator('deskhand-chat');
        await chat.locator('textarea').fill('How long can I return an item?');
        await chat.locator('textarea').press('Enter');
        await chat.locator('.answer .text').last().getByText('within 30 days').waitFor();
      };
      await ask(member);
      await member.context().close();
      const profile = async () => JSON.parse(await site.eval(`
        $as = \\Deskhand\\Plugin::get()->client()->ask('POST', '/api/privacy/export', ['email' => 'mia@example.com', 'visitor_ids' => []], 20.0);
        return wp_json_encode($as->json['visitors'][0]['profile'] ?? null);
      `));
      await until(async () => (await profile())?.name === 'Mia Member', 'the profile', 30_000);

      const stranger = await openPage(browser, { hosts: [site.url, desk.url] });
      stranger.setDefaultTimeout(120_000);
      await stranger.route(`${desk.url}/**`, (route) => route.abort('connectionrefused'));
      await stranger.goto(help);
      await ask(stranger);
      await stranger.context().close();
      await until(async () => (await site.eval('global $wpdb; return $wpdb->get_var("SELECT COUNT(*) FROM {$wpdb->prefix}deskhand_jobs WHERE webhook_ts > 0");')) === '1', 'the callback', 30_000);
      assert.equal(await site.complaints(), '');
    } finally {
      await stop();
    }
  });
}
