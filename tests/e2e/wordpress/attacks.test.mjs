/**
 * What a stranger, a visitor, a subscriber and an author may not do, over HTTP against a real WordPress.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { launch, openPage } from '../support/browser.mjs';
import { FakeBackend } from './fake-backend.mjs';
import { logIn, WIDE } from './pages.mjs';
import { WordPress } from './rig.mjs';
import { Visitor } from './visitor.mjs';

let site;
let backend;
let post;
const people = {};
before(async () => {
  backend = await FakeBackend.start();
  site = await WordPress.start();
  await site.connect(backend.url, backend.credentials);
  await site.serve();
  post = await site.eval(`
    foreach (['subscriber', 'author', 'editor'] as $role) { wp_insert_user(['user_login' => $role, 'user_pass' => 'pass-' . $role, 'user_email' => "$role@example.com", 'role' => $role]); }
    return wp_insert_post(['post_title' => 'Public', 'post_content' => 'x', 'post_status' => 'publish', 'post_author' => 1]);
  `);
  people.stranger = new Visitor(site);
  people.visitor = new Visitor(site);
  await people.visitor.begin();
  for (const name of ['subscriber', 'author', 'editor']) people[name] = await new Visitor(site).logIn(name, `pass-${name}`);
  people.admin = await new Visitor(site).logIn();
});
after(async () => {
  const complaints = await site?.complaints();
  await site?.stop();
  await backend?.stop();
  assert.equal(complaints, '');
});

/** Every route of the plugin with a body that would do, and who may. */
const ROUTES = [
  ['GET', '/documents?source=wp_post&ids[]=1', undefined, ['author', 'editor', 'admin']],
  ['GET', '/documents/sync', undefined, ['admin']],
  ['POST', '/documents/sync', { do: 'stop' }, ['admin']],
  ['POST', '/connection-test', {}, ['admin']],
  ['GET', '/site-health/connection', undefined, ['admin']],
  ['GET', '/rollout', undefined, ['admin']],
  ['POST', '/rollout', { mode: 'assist' }, ['admin']],
  ['GET', '/hours', undefined, ['admin']],
  ['POST', '/hours', { hours: 'Mon-Fri 9-17', closed: '', away: '' }, ['admin']],
  ['POST', '/notices/dismissed', { notice: 'connection', state: '1' }, ['admin']],
];

test('each admin route answers those alone who may, and nobody without their nonce', async () => {
  for (const [method, path, body, may] of ROUTES) {
    for (const [name, person] of Object.entries(people)) {
      const { status } = await person.request(method, path, body);
      if (may.includes(name)) assert.ok(status < 300, `${method} ${path} by ${name}: ${status}`);
      else assert.ok([401, 403].includes(status), `${method} ${path} by ${name}: ${status}`);
      const without = await person.request(method, path, body, { 'X-WP-Nonce': '' });
      assert.ok([401, 403].includes(without.status), `${method} ${path} by ${name} without a nonce: ${without.status}`);
      const wrong = await person.request(method, path, body, { 'X-WP-Nonce': 'aaaaaaaaaa' });
      assert.equal(wrong.status, 403, `${method} ${path} by ${name} with a wrong nonce`);
    }
  }
});

test('all routes that exist are among those that are tested here or elsewhere', async () => {
  const { json } = await people.stranger.request('GET', `${site.url}/wp-json/deskhand/v1`);
  const routes = Object.keys(json.routes).map((route) => route.replace('/deskhand/v1', '')).filter(Boolean).sort();
  const known = ['session', 'token', 'documents', 'chat', 'thread', 'jobs', 'infer', 'webhook', 'profile', 'user-sync', 'order-event', 'feedback', 'connection-test', 'site-health', 'rollout', 'hours', 'notices', 'ping'];
  assert.deepEqual(routes.filter((route) => !known.includes(route.split('/')[1])), []);
});

test('the backend\'s question whether it is heard is answered to its own signature alone', async () => {
  for (const [name, person] of Object.entries(people)) {
    const { status } = await person.request('POST', '/ping', { nonce: 'x' });
    assert.ok([401, 403].includes(status), `${name}: ${status}`);
  }
});

test('another site\'s page gets neither nonce nor token, and may read nothing', async () => {
  const evil = { Origin: 'https://evil.example' };
  const question = { message_id: randomUUID(), user_msg: 'x', page: 'https://evil.example/' };
  for (const [method, path, body] of [['GET', '/session'], ['POST', '/token', {}], ['POST', '/chat', question]]) {
    const { status, headers } = await people.admin.request(method, path, body, evil);
    assert.ok([401, 403].includes(status), `${path}: ${status}`);
    assert.equal(headers.get('access-control-allow-origin'), null, path);
    assert.equal(headers.get('access-control-allow-credentials'), null, path);
  }
});

test('row actions and approval want their own nonce and the right to edit', async () => {
  const revision = () => site.eval(`return \\Deskhand\\Plugin::get()->documents->find(\\Deskhand\\Knowledge\\Source::Post, ${post})->revision;`);
  const address = (action, query) => `${site.url}/wp-admin/admin-post.php?action=${action}&${query}`;
  const before = await revision();
  for (const name of ['stranger', 'subscriber', 'author', 'editor', 'admin']) {
    for (const nonce of ['', '&_wpnonce=aaaaaaaaaa', `&_wpnonce=${people.admin.nonce}`]) {
      for (const url of [address('deskhand_reindex', `post=${post}${nonce}`), address('deskhand_approve', `document=${randomUUID()}${nonce}`)]) {
        const { status } = await people[name].request('GET', url);
        assert.ok(status === 403 || status === 400 || (name === 'stranger' && [200, 302].includes(status)), `${name} ${url}: ${status}`);
      }
    }
  }
  // A nonce that an author got for a post of their own is no good for another's.
  const own = await site.eval(`$author = get_user_by('login', 'author')->ID; return wp_insert_post(['post_title' => 'Own', 'post_content' => 'x', 'post_status' => 'publish', 'post_author' => $author]);`);
  const list = (await people.author.request('GET', `${site.url}/wp-admin/edit.php`)).text;
  const link = new RegExp(`admin-post\\.php\\?action=deskhand_reindex&#0?38;post=${own}&#0?38;_wpnonce=(\\w+)|admin-post\\.php\\?action=deskhand_reindex&amp;post=${own}&amp;_wpnonce=(\\w+)`).exec(list);
  assert.ok(link, 'an author has the link for their own post');
  const nonce = link[1] ?? link[2];
  assert.equal((await people.author.request('GET', address('deskhand_reindex', `post=${post}&_wpnonce=${nonce}`))).status, 403);
  assert.equal((await people.author.request('GET', address('deskhand_reindex', `post=${own}&_wpnonce=${nonce}`))).status, 302);
  assert.equal(list.includes(`deskhand_reindex&amp;post=${post}&`), false, 'nor a link for another\'s');
  assert.equal(await revision(), before);
  assert.deepEqual(backend.asked('POST', /approve/), []);
});

test('SQL in any parameter is a value, or refused', async () => {
  const evil = ["1' OR '1'='1", '1) OR (1=1', "'; DROP TABLE wp_deskhand_documents; --", '%s%d', "\\'", '1 UNION SELECT user_pass FROM wp_users'];
  const count = () => site.eval(`global $wpdb; return (int) $wpdb->get_var("SELECT COUNT(*) FROM {$wpdb->prefix}deskhand_documents");`);
  const before = await count();
  assert.ok(before > 0);
  for (const sql of evil) {
    const value = encodeURIComponent(sql);
    assert.equal((await people.admin.request('GET', `/documents?source=${value}&ids[]=1`)).status, 400);
    assert.equal((await people.admin.request('GET', `/documents?source=wp_post&ids[]=${value}`)).status, 400);
    assert.equal((await people.admin.request('POST', '/token', { visitor_id: sql, origin: sql })).status, 400);
    for (const name of ['s', 'view', 'source', 'paged', 'orderby', 'order']) {
      const page = await people.admin.request('GET', `${site.url}/wp-admin/admin.php?page=deskhand-documents&${name}=${value}`);
      assert.equal(page.status, 200, `${name}=${sql}`);
      assert.doesNotMatch(page.text, /\$P\$|\$wp\$|SQL syntax|WordPress database error/);
    }
    const cookie = await people.stranger.request('GET', '/session', undefined, { Cookie: `deskhand_visitor=${value}` });
    assert.equal(cookie.status, 200);
  }
  assert.equal(await count(), before);
});

test('titles, file names, reasons and answers of a hostile backend are text wherever they are shown', async () => {
  const evil = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
  await site.eval(`
    $evil = ${JSON.stringify(evil)};
    $id = wp_insert_post(['post_title' => wp_slash($evil), 'post_content' => 'x', 'post_status' => 'publish']);
    $GLOBALS['wpdb']->update($GLOBALS['wpdb']->posts, ['post_title' => $evil], ['ID' => $id]);
    $file = wp_upload_bits('a.pdf', null, '%PDF-1.4');
    $media = wp_insert_attachment(['post_mime_type' => 'application/pdf', 'post_title' => wp_slash($evil), 'post_status' => 'inherit'], $file['file']);
    $GLOBALS['wpdb']->update($GLOBALS['wpdb']->posts, ['post_title' => $evil], ['ID' => $media]);
    $GLOBALS['wpdb']->query($GLOBALS['wpdb']->prepare("UPDATE {$GLOBALS['wpdb']->prefix}deskhand_documents SET due_at = 0, state = 'failed', code = 'x', detail = %s", $evil));
    update_option('deskhand_pause', ['until' => time() + 600, 'failures' => 1, 'code' => 'x', 'detail' => $evil]);
  `);
  const browser = await launch();
  try {
    const page = await openPage(browser, { hosts: [site.url], ...WIDE });
    await logIn(page, site);
    for (const path of ['admin.php?page=deskhand-documents', `admin.php?page=deskhand-documents&s=${encodeURIComponent(evil)}`, 'upload.php?mode=list', 'edit.php', 'index.php']) {
      await page.goto(`${site.url}/wp-admin/${path}`);
      assert.equal(await page.evaluate(() => window.hacked), undefined, path);
      if (/documents$|upload|edit/.test(path)) await page.getByText('onerror').first().waitFor();
    }
    await page.context().close();
  } finally {
    await browser.close();
  }
});

test('a file under the plugin\'s folder does nothing by itself', async () => {
  for (const file of ['deskhand.php', 'uninstall.php', 'src/Plugin.php', 'src/Knowledge/Sender.php', 'src/Install/Lifecycle.php', 'src/Knowledge/DocumentsTable.php']) {
    const { status, text } = await people.stranger.request('GET', `${site.url}/wp-content/plugins/deskhand/${file}`);
    assert.deepEqual([status, text], [200, ''], file);
  }
});
