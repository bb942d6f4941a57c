/**
 * What a token and the creation of a job cost beside the cheapest REST requests that WordPress can answer: some of its
 * own, and a route that gives an empty list. PHP-FPM with opcache, MariaDB, in turns; medians. For ./dev bench wordpress.
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
  const own = (path) => [() => ask('GET', `/wp-json${path}`), 200];
  const kinds = {
    'GET an empty list': own('/rig/v1/nothing'),
    'GET a status': own('/wp/v2/statuses/publish'),
    'GET a taxonomy': own('/wp/v2/taxonomies/category'),
    'GET a namespace': own('/oembed/1.0'),
    'POST token': [() => ask('POST', '/wp-json/deskhand/v1/token', {}, mine), 200],
    'POST chat (creates a job)': [() => ask('POST', '/wp-json/deskhand/v1/chat', { message_id: randomUUID(), user_msg: 'How long?', page: `${site.url}/`, locale: 'en' }, mine), 202],
  };
  const times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
  let jobs = 0;
  const pause = (wait) => new Promise((resolve) => { setTimeout(resolve, wait); });
  // Counted limits allow so many in five minutes; what they count is cleared between.
  for (let i = -20; i < ROUNDS; i++) {
    if (i % 100 === 0) await site.eval(`global $wpdb; $wpdb->query("DELETE FROM {$wpdb->prefix}deskhand_windows");`);
    for (const [kind, [once, wanted]] of Object.entries(kinds)) {
      const { ms, status, body } = await once();
      if (status !== wanted) throw new Error(`${kind}: ${status} ${body}`);
      if (i >= 0) times[kind].push(ms);
      if (wanted !== 202) continue;
      // It is sent after its answer; that must not cost the next request.
      for (jobs += 1; backend.jobs.size < jobs;) await pause(2);
      await pause(10);
    }
  }
  const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)];
  const base = Math.min(...Object.entries(times).filter(([kind]) => kind.startsWith('GET')).map(([, list]) => at(list, 0.5)));
  console.log(`${ROUNDS} of each, in turns; PHP-FPM with opcache, MariaDB\n`);
  console.log(`${'request'.padEnd(28)} median ms   p95 ms   ratio to the cheapest GET`);
  for (const [kind, list] of Object.entries(times)) {
    console.log(`${kind.padEnd(28)} ${at(list, 0.5).toFixed(2).padStart(9)} ${at(list, 0.95).toFixed(2).padStart(8)} ${(at(list, 0.5) / base).toFixed(2).padStart(7)}`);
  }
} finally {
  await server?.stop();
  await site.stop();
  await backend.stop();
}
