/**
 * What a token and the creation of a job cost beside the cheapest REST request that WordPress can answer: a route that
 * gives an empty list. PHP-FPM with opcache, MariaDB, one after the other; medians. For ./dev bench wordpress.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { FakeBackend } from './fake-backend.mjs';
import { configure, request } from './fastcgi.mjs';
import { freePort, Running, WordPress } from './rig.mjs';

const ROUNDS = Number(process.argv[2] ?? 300);
const fpm = ['/usr/sbin/php-fpm8.4', '/usr/sbin/php-fpm8.3', '/usr/sbin/php-fpm8.2', '/usr/sbin/php-fpm'].find(existsSync);
if (!fpm) throw new Error('php-fpm is missing');

const backend = await FakeBackend.start();
const site = await WordPress.start({ database: 'mariadb', port: await freePort() });
let server;
try {
  await site.connect(backend.url, backend.credentials);
  await site.install();
  await site.eval(`\\Deskhand\\Plugin::get()->settings->save(['token_limit' => 1000, 'chat_limit' => 1000, 'job_limit' => 1000]);`);
  const { socket, file } = await configure(site.folder);
  server = new Running(fpm, ['-y', file, ...(process.getuid?.() === 0 ? ['-R'] : [])], { log: `${site.folder}/fpm.out` });
  while (!existsSync(socket)) await new Promise((resolve) => { setTimeout(resolve, 50); });

  const ask = (method, uri, body, headers) => request(socket, site.root, site.host, method, uri, body && JSON.stringify(body), { Origin: site.url, ...headers });
  const { nonce } = JSON.parse((await ask('GET', '/wp-json/deskhand/v1/session')).body);
  const first = await ask('POST', '/wp-json/deskhand/v1/token', {}, { 'X-WP-Nonce': nonce });
  const cookie = /deskhand_visitor=[^;]+/.exec(first.head)[0];
  const mine = { 'X-WP-Nonce': nonce, Cookie: cookie };
  const kinds = {
    nothing: () => ask('GET', '/wp-json/rig/v1/nothing'),
    token: () => ask('POST', '/wp-json/deskhand/v1/token', {}, mine),
    job: () => ask('POST', '/wp-json/deskhand/v1/chat', { message_id: randomUUID(), user_msg: 'How long?', page: `${site.url}/`, locale: 'en' }, mine),
  };
  const times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
  const wanted = { nothing: 200, token: 200, job: 202 };
  let jobs = 0;
  const pause = (wait) => new Promise((resolve) => { setTimeout(resolve, wait); });
  // Counted limits allow so many in five minutes; what they count is cleared between.
  for (let i = -20; i < ROUNDS; i++) {
    if (i % 100 === 0) await site.eval(`global $wpdb; $wpdb->query("DELETE FROM {$wpdb->prefix}deskhand_windows");`);
    for (const [kind, once] of Object.entries(kinds)) {
      const { ms, status, body } = await once();
      if (status !== wanted[kind]) throw new Error(`${kind}: ${status} ${body}`);
      if (i >= 0) times[kind].push(ms);
      if (kind !== 'job') continue;
      // It is sent after its answer; that must not cost the next request.
      for (jobs += 1; backend.jobs.size < jobs;) await pause(2);
      await pause(10);
    }
  }
  const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)];
  const base = at(times.nothing, 0.5);
  console.log(`${ROUNDS} of each, alternating; PHP-FPM with opcache, MariaDB\n`);
  console.log('request                      median ms   p95 ms   ratio');
  for (const [kind, name] of [['nothing', 'GET an empty list'], ['token', 'POST token'], ['job', 'POST chat (creates a job)']]) {
    console.log(`${name.padEnd(28)} ${at(times[kind], 0.5).toFixed(2).padStart(9)} ${at(times[kind], 0.95).toFixed(2).padStart(8)} ${(at(times[kind], 0.5) / base).toFixed(2).padStart(7)}`);
  }
} finally {
  await server?.stop();
  await site.stop();
  await backend.stop();
}
