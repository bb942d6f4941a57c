/**
 * What a site's owner does from the zip on: uploads it, connects, has it known, and deletes it again; and a network of sites.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch, openPage } from '../support/browser.mjs';
import { ship } from '../ship.mjs';
import { FakeBackend } from './fake-backend.mjs';
import { logIn, WIDE } from './pages.mjs';
import { ROOT, WordPress } from './rig.mjs';

let browser;
let backend;
let folder;
let zip;
before(async () => {
  [browser, backend, folder] = await Promise.all([launch(), FakeBackend.start(), mkdtemp('/tmp/deskhand-zip.')]);
  ship(`${folder}/scripts`, '0.1.0');
  const pack = () => execFileSync('php', [`${ROOT}.ci/plugin-zip.php`, `${ROOT}wp-plugin/deskhand`, `${folder}/scripts`, folder]);
  pack();
  [zip] = (await readdir(folder)).filter((name) => name.endsWith('.zip')).map((name) => `${folder}/${name}`);
});
after(async () => {
  await browser?.close();
  await backend?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What of the plugin lies in the database. */
const TRACES = `
  global $wpdb;
  $like = '%deskhand%';
  return array_values(array_filter([
    ...$wpdb->get_col($wpdb->prepare("SELECT option_name FROM {$wpdb->options} WHERE option_name LIKE %s AND option_name NOT IN ('active_plugins', 'recently_activated')", $like)),
    ...$wpdb->get_col("SHOW TABLES LIKE '{$wpdb->prefix}deskhand%'"),
    ...$wpdb->get_col($wpdb->prepare("SELECT meta_key FROM {$wpdb->postmeta} WHERE meta_key LIKE %s", $like)),
    str_contains(serialize(get_option("{$wpdb->prefix}user_roles")), 'deskhand') ? 'a capability' : '',
    str_contains(serialize(get_option('cron')), 'deskhand') ? 'an event' : '',
    file_exists(WP_PLUGIN_DIR . '/deskhand') ? 'files' : '',
  ]));`;

test('the zip is what ships: sources alone, versions agree, and the same each time', async () => {
  const list = execFileSync('python3', ['-c', 'import sys, zipfile; print("\\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))', zip]).toString().trim().split('\n');
  for (const name of ['readme.txt', 'LICENSE', 'uninstall.php', 'deskhand.php', 'blocks/chat/block.json', 'assets/deskhand-widget.js']) assert.ok(list.includes(`deskhand/${name}`), name);
  assert.deepEqual(list.filter((name) => !/^deskhand\/[\w/.-]+\.(php|js|css|json|txt|svg|pot?|mo)$|LICENSE$/.test(name)), []);
  const read = (name) => execFileSync('python3', ['-c', 'import sys, zipfile; sys.stdout.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())', zip, `deskhand/${name}`]).toString();
  const version = /^ \* Version:\s*(\S+)/m.exec(read('deskhand.php'))[1];
  assert.equal(/^Stable tag: (\S+)/m.exec(read('readme.txt'))[1], version);
  assert.equal(/DESKHAND_VERSION', '([^']+)'/.exec(read('deskhand.php'))[1], version);
  assert.equal(JSON.parse(read('blocks/chat/block.json')).version, version);
  for (const header of ['Requires at least', 'Requires PHP']) {
    assert.equal(new RegExp(`^${header}: (.*)`, 'm').exec(read('readme.txt'))[1], new RegExp(`^ \\* ${header}:\\s*(.*)`, 'm').exec(read('deskhand.php'))[1]);
  }
  assert.match(read('assets/deskhand-launcher.js'), new RegExp(`deskhand-widget\\.js\\?ver=${version}`), 'old and new scripts can\'t mix');
  assert.match(read('assets/deskhand-widget.js'), new RegExp(`deskhand-de\\.js\\?ver=${version}`));
  const scripts = list.flatMap((name) => /^deskhand\/assets\/deskhand-(\w+)\.js$/.exec(name)?.[1] ?? []);
  assert.deepEqual(scripts.sort(), ['de', 'en', 'launcher', 'widget'], 'what is always needed is one script');
});

test('an owner uploads the zip, pastes two values, and the connection is good; deleted, nothing stays', async () => {
  const site = await WordPress.start({ plugin: null, plugins: [], constants: { DESKHAND_ALLOW_PRIVATE: true } });
  try {
    await site.serve();
    backend.origins = [site.url];
    const page = await openPage(browser, WIDE);
    page.setDefaultTimeout(120_000);
    await logIn(page, site);
    await page.goto(`${site.url}/wp-admin/plugin-install.php?tab=upload`);
    await page.locator('#pluginzip').setInputFiles(zip);
    await page.getByRole('button', { name: 'Install Now' }).click();
    await page.getByRole('link', { name: 'Activate Plugin' }).click();
    await page.getByText('Plugin activated.').waitFor();

    const { site_id: id, kid, secret } = backend.credentials;
    await page.goto(`${site.url}/wp-admin/admin.php?page=deskhand`);
    await page.getByLabel('Address of your deskhand').fill(backend.url);
    await page.getByLabel('What it printed').fill(`Site    ${id} (rig)\nKey id  ${kid}\nSecret  ${secret}\n`);
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByText('Connected.').waitFor();
    // What the button does comes with a script that is deferred.
    await page.waitForLoadState('load');
    await page.getByRole('button', { name: 'Test connection' }).click();
    await page.locator('.deskhand-check').filter({ hasText: 'Streaming' }).waitFor();
    assert.equal(await page.locator('.deskhand-check.is-bad').count(), 0);

    await page.goto(`${site.url}/wp-admin/admin.php?page=deskhand-documents`);
    await page.getByRole('button', { name: 'Send everything' }).click();
    await page.getByText('Everything has been sent.').waitFor();
    assert.ok(backend.asked('POST', /^\/webhook\/wp-media$/).length >= 2, 'WordPress begins with a post and a page');
    assert.deepEqual(page.seen.errors, []);
    assert.notDeepEqual(await site.eval(TRACES), []);

    // The chat as it ships.
    await site.eval('\\Deskhand\\Plugin::get()->settings->save(["launcher" => true]); return 1;');
    await page.goto(site.url);
    const scripts = [];
    page.on('request', (request) => scripts.push(...(/deskhand-\w+\.js/.exec(request.url()) ?? [])));
    await page.getByRole('button', { name: 'Open the help chat' }).click();
    await page.getByRole('dialog', { name: 'Help' }).getByRole('textbox').waitFor();
    assert.deepEqual(scripts, ['deskhand-widget.js', 'deskhand-en.js']);
    assert.deepEqual(page.seen.errors, []);

    await page.goto(`${site.url}/wp-admin/plugins.php`);
    await page.getByRole('link', { name: 'Deactivate Deskhand' }).click();
    await page.getByText('Plugin deactivated.').waitFor();
    page.once('dialog', (dialog) => dialog.accept());
    await page.getByRole('link', { name: 'Delete Deskhand' }).click();
    await page.getByText('Deskhand was successfully deleted.').waitFor();
    assert.deepEqual(await site.eval(TRACES), []);
    assert.equal(await site.complaints(), '');
    await page.context().close();
  } finally {
    await site.stop();
  }
});

test('in a network each site has its own tables and connection, and deleting leaves nothing on any', async () => {
  const site = await WordPress.start({ constants: { WP_ALLOW_MULTISITE: true } });
  try {
    await site.install();
    await site.eval(`
      require_once ABSPATH . 'wp-admin/includes/upgrade.php';
      require_once ABSPATH . 'wp-admin/includes/network.php';
      foreach ($GLOBALS['wpdb']->tables('ms_global') as $table => $name) { $GLOBALS['wpdb']->$table = $name; }
      install_network();
      $done = populate_network(1, '${site.host}', 'admin@shop.example', 'Network', '/', false);
      deactivate_plugins('deskhand/deskhand.php');
      return is_wp_error($done) ? $done->get_error_message() : true;
    `);
    await site.define({ MULTISITE: true, SUBDOMAIN_INSTALL: false, DOMAIN_CURRENT_SITE: site.host, PATH_CURRENT_SITE: '/', SITE_ID_CURRENT_SITE: 1, BLOG_ID_CURRENT_SITE: 1 });
    const second = await site.eval(`
      require_once ABSPATH . 'wp-admin/includes/plugin.php';
      $id = wp_insert_site(['domain' => '${site.host}', 'path' => '/second/', 'title' => 'Second', 'user_id' => 1]);
      $done = activate_plugin('deskhand/deskhand.php', '', true);
      return is_wp_error($id) ? $id->get_error_message() : (is_wp_error($done) ? $done->get_error_message() : $id);
    `);
    assert.equal(second, 2);
    const tables = () => site.eval(`return $GLOBALS['wpdb']->get_col("SHOW TABLES LIKE '%deskhand_documents'");`);
    assert.deepEqual((await tables()).sort(), ['wp_2_deskhand_documents', 'wp_deskhand_documents']);
    assert.deepEqual(await site.eval(`
      switch_to_blog(2);
      wp_insert_post(['post_title' => 'Two', 'post_content' => 'x', 'post_status' => 'publish']);
      $two = array_sum(\\Deskhand\\Plugin::get()->documents->counts());
      restore_current_blog();
      return [array_sum(\\Deskhand\\Plugin::get()->documents->counts()), $two];
    `), [0, 1]);
    await site.eval(`
      require_once ABSPATH . 'wp-admin/includes/plugin.php';
      deactivate_plugins('deskhand/deskhand.php', false, true);
      uninstall_plugin('deskhand/deskhand.php');
    `);
    assert.deepEqual(await tables(), []);
    for (const blog of [1, 2]) assert.deepEqual((await site.eval(`switch_to_blog(${blog}); ${TRACES}`)).filter((trace) => trace !== 'files'), []);
    // WordPress's own functions for networks are older than PHP 8.
    assert.deepEqual((await site.complaints()).split('\n').filter((line) => line && !line.includes('wp-includes/ms-functions.php')), []);
  } finally {
    await site.stop();
  }
});
