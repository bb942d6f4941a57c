/**
 * WordPress's cron runs once at a time: what happens while it runs must not wait for the next visitor.
 */
import assert from 'node:assert/strict';
import { access, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { until } from '../support/harness.mjs';
import { FakeBackend } from './fake-backend.mjs';
import { WordPress } from './rig.mjs';

let site;
let backend;
before(async () => {
  backend = await FakeBackend.start();
  // Longer than the test: no other run takes this one's place.
  site = await WordPress.start({ constants: { WP_CRON_LOCK_TIMEOUT: 600 } });
  await site.connect(backend.url, backend.credentials);
  // Another plugin's work, which goes on until it is told to end.
  await writeFile(`${site.root}/wp-content/mu-plugins/slow.php`, `<?php
add_action('rig_slow', static function (): void {
    touch(ABSPATH . 'slow-began');
    for ($end = time() + 60; time() < $end && !file_exists(ABSPATH . 'slow-end'); usleep(20000)) {
        clearstatcache();
    }
});
`);
  await site.serve();
});
after(async () => {
  await site?.stop();
  await backend?.stop();
});

const titles = () => backend.asked('POST', /wp-media/).map(({ body }) => body.title);

test('what is published while another plugin holds WordPress’s cron is sent when that ends, without a visitor', async () => {
  // WordPress takes the second from its timetable as it was at first, and writes that over what was planned meanwhile.
  await site.eval(`wp_schedule_single_event(1, 'rig_slow'); wp_schedule_single_event(2, 'rig_nothing');`);
  const run = fetch(`${site.url}/wp-cron.php`);
  await until(() => access(`${site.root}/slow-began`).then(() => true, () => false), 'the other plugin’s work');
  await site.eval(`wp_insert_post(['post_title' => 'Osprey chair', 'post_content' => 'It is oiled.', 'post_status' => 'publish']);`);
  assert.equal(await site.eval('return spawn_cron();'), false, 'WordPress starts no other run');
  assert.equal(titles().includes('Osprey chair'), false);
  await writeFile(`${site.root}/slow-end`, '');
  await until(() => titles().includes('Osprey chair'), 'the post to be sent', 30_000);
  await run;
  assert.equal(await site.complaints(), '');
});
