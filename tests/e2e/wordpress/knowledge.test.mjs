/**
 * From the media library and the editor to an answer: a real WordPress, a real deskhand, a real browser.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, launch, openPage } from '../support/browser.mjs';
import { until } from '../support/harness.mjs';
import { pdf } from './pdf.mjs';
import { logIn, shot, WIDE } from './pages.mjs';
import { startBoth } from './rig.mjs';

let both;
let browser;
let admin;
let help;
before(async () => {
  [both, browser] = await Promise.all([startBoth(), launch()]);
  const { site } = both;
  help = await site.eval(`return get_permalink(wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Ask us', 'post_content' => '[deskhand_chat]']));`);
  admin = await openPage(browser, { hosts: [site.url, both.desk.url], ...WIDE });
  admin.setDefaultTimeout(120_000);
  await logIn(admin, site);
});
after(async () => {
  await browser?.close();
  const complaints = await both?.site.complaints();
  await both?.stop();
  assert.equal(complaints, '');
});

const LONG = { timeout: 150_000 };

/** Asks in a browser of its own, and gives the answer's text when it is whole. */
async function ask(question) {
  const page = await openPage(browser, { hosts: [both.site.url, both.desk.url] });
  await page.goto(help);
  const chat = page.locator('deskhand-chat');
  const input = chat.getByRole('textbox', { name: /question/i });
  await input.fill(question);
  await input.press('Enter');
  await chat.getByRole('button', { name: 'Send' }).waitFor({ timeout: 30_000 });
  await chat.locator('.answer .text').last().waitFor();
  const answer = { text: await chat.locator('.answer .text').last().textContent(), sources: await chat.locator('.answer').last().locator('.source').allTextContents() };
  await shot(page, 'answer');
  assert.deepEqual(page.seen, { errors: [], violations: [], strangers: [] });
  await page.context().close();
  return answer;
}

/** Uploads as an editor does, by the form that needs no script's help to be found. */
async function upload(name, content) {
  await admin.goto(`${both.site.url}/wp-admin/media-new.php?browser-uploader`);
  await admin.locator('#async-upload').setInputFiles({ name, mimeType: 'application/pdf', buffer: content });
  await admin.locator('#html-upload').click();
  await admin.waitForURL(/upload\.php/);
  return both.site.eval(`return (int) get_posts(['post_type' => 'attachment', 'numberposts' => 1, 'orderby' => 'ID'])[0]->ID;`);
}

/** Waits, as an editor does, until the media library says so, and looks again now and then. */
async function library(name, state) {
  const told = admin.getByRole('row', { name: new RegExp(name) }).locator('[data-deskhand-id]').getByText(state);
  await until(async () => {
    await admin.goto(`${both.site.url}/wp-admin/upload.php?mode=list`);
    return told.waitFor({ timeout: 20_000 }).then(() => true, () => false);
  }, `${name} to be ${state}`, LONG.timeout);
}

const states = () => both.site.eval(`return \\Deskhand\\Plugin::get()->documents->counts();`);

test('a PDF that was uploaded a moment before is cited; replaced, the answer is new; deleted, it is told honestly', async () => {
  const question = 'How wide is the Heron bench?';
  const id = await upload('heron-bench.pdf', pdf(['Heron bench', 'The Heron bench is 140 cm wide and 45 cm high.', 'It is made of solid oak.']));
  await library('heron-bench', 'Known');
  await shot(admin, 'media-library');
  const first = await ask(question);
  assert.match(first.text, /140 cm/);
  assert.match(first.sources.join(' '), /heron-bench/i);

  // As plugins that replace files do it: other bytes under another name.
  const other = pdf(['Heron bench', 'The Heron bench is 160 cm wide and 45 cm high.', 'It is made of solid ash.']).toString('base64');
  await both.site.eval(`$file = wp_upload_bits('heron-bench-2.pdf', null, base64_decode('${other}')); update_attached_file(${id}, $file['file']); delete_transient('doing_cron'); spawn_cron();`);
  await until(async () => (await ask(question)).text.includes('160 cm'), 'the new answer', 150_000);

  await admin.goto(`${both.site.url}/wp-admin/upload.php?mode=list`);
  admin.once('dialog', (dialog) => dialog.accept());
  const row = admin.getByRole('row', { name: /heron-bench/ });
  await row.hover();
  await row.locator('.row-actions .delete a').click();
  await admin.getByText(/permanently deleted/i).first().waitFor();
  await until(async () => !/\d+ cm/.test((await ask(question)).text), 'it to be forgotten', 150_000);
  assert.deepEqual((await ask(question)).sources, []);
});

test('an upload takes no longer while the backend is away, and is known when it is back', async () => {
  const { desk, site } = both;
  await desk.server.stop();
  try {
    await upload('crane-lamp.pdf', pdf(['Crane lamp', 'The Crane lamp weighs 7 kg.']));
    await admin.goto(`${site.url}/wp-admin/upload.php?mode=list`);
    const cell = admin.getByRole('row', { name: /crane-lamp/ }).locator('[data-deskhand-id]');
    await cell.getByText('Waiting to be sent').waitFor(LONG);
    await until(async () => (await site.eval(`return \\Deskhand\\Knowledge\\Sender::pause();`)) !== null, 'a try that failed');
  } finally {
    await desk.serve();
  }
  // What "Test connection" does when all is well; otherwise the next try comes by itself.
  await site.eval(`\\Deskhand\\Plugin::get()->documents->hurry(); \\Deskhand\\Knowledge\\Sender::resume();`);
  await library('crane-lamp', 'Known');
  assert.match((await ask('How much does the Crane lamp weigh?')).text, /7 kg/);
});

test('a file that can\'t be read says why in the library, and is read again on request', async () => {
  await upload('broken.pdf', Buffer.from('%PDF-1.4\nthis is no pdf at all'));
  await library('broken', 'Failed');
  const row = admin.getByRole('row', { name: /broken/ });
  assert.ok((await row.locator('.deskhand-why').textContent()).length > 10);
  await shot(admin, 'media-library-failed');
  await row.hover();
  await row.getByRole('link', { name: /^Read again/ }).click();
  await admin.getByText('The help chat will read it again in a moment.').waitFor();
});

test('a post is known when it is published, gone when it is a draft, and never was while it is private', async () => {
  const { site } = both;
  const id = await site.eval(`$id = wp_insert_post(['post_title' => 'Osprey chair', 'post_content' => '<h2>Care</h2><p>The Osprey chair is oiled every 9 weeks.</p>', 'post_status' => 'publish']); spawn_cron(); return $id;`);
  await until(async () => /9 weeks/.test((await ask('How often is the Osprey chair oiled?')).text), 'the post to be known', 150_000);
  await site.eval(`wp_update_post(['ID' => ${id}, 'post_status' => 'draft']); spawn_cron();`);
  await until(async () => !/9 weeks/.test((await ask('How often is the Osprey chair oiled?')).text), 'the draft to be gone', 150_000);
  await site.eval(`wp_insert_post(['post_title' => 'Falcon shelf', 'post_content' => 'The Falcon shelf costs 777 euros.', 'post_status' => 'private']); spawn_cron();`);
  assert.equal((await both.desk.command('docs', 'list', '--site', 'rig', '--json')).includes('Falcon'), false);
});

test('everything is sent once with progress, and the list says how far each is', async () => {
  const { site } = both;
  await site.eval(`
    foreach (range(1, 60) as $n) { wp_insert_post(['post_title' => "Article $n", 'post_content' => "<p>Article $n is about lamp number $n.</p>", 'post_status' => 'publish']); }
    global $wpdb; $wpdb->query("DELETE FROM {$wpdb->prefix}deskhand_documents");
  `);
  await admin.goto(`${site.url}/wp-admin/admin.php?page=deskhand-documents`);
  await admin.getByRole('button', { name: 'Send everything' }).click();
  await admin.getByRole('progressbar', { name: 'Progress' }).waitFor();
  await shot(admin, 'documents-running');
  await admin.getByText('Everything has been sent.').waitFor({ timeout: 120_000 });
  // The list is there without a reload.
  await admin.getByRole('row', { name: /Article 60/ }).waitFor();
  await until(async () => {
    const { queued = 0, sent = 0, waiting = 0, processing = 0 } = await states();
    return queued + sent + waiting + processing === 0;
  }, 'all to be known', 120_000);
  await admin.reload();
  await shot(admin, 'documents');
  assert.deepEqual((await axe(admin)).filter((found) => /deskhand/.test(found)), []);
  await admin.setViewportSize({ width: 390, height: 844 });
  await shot(admin, 'documents-phone');
  assert.equal(await admin.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, 'nothing has to be scrolled sideways');
  await admin.setViewportSize(WIDE.viewport);
  const { live } = await states();
  assert.ok(live >= 60, `${live} are known`);
});

test('the secret is rotated without a gap', async () => {
  const { desk, site } = both;
  const known = async (title, sentence, question, word) => {
    await site.eval(`wp_insert_post(['post_title' => '${title}', 'post_content' => '<p>${sentence}</p>', 'post_status' => 'publish']); spawn_cron();`);
    await until(async () => (await ask(question)).text.includes(word), `${title} to be known`, 150_000);
  };
  const next = JSON.parse(await desk.command('site', 'rotate', 'rig', '--json'));
  assert.notEqual(next.kid, both.credentials.kid);
  await known('Plover stool', 'The Plover stool holds 110 kg.', 'How much does the Plover stool hold?', '110 kg');
  await site.connect(desk.url, next);
  await known('Lapwing shelf', 'The Lapwing shelf holds 35 kg.', 'How much does the Lapwing shelf hold?', '35 kg');
});
