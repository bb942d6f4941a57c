/**
 * What WordPress spends on the plugin's requests, beside its own cheapest REST request, in turns in one run.
 *
 *   node bench.mjs [ROUNDS] [mariadb|sqlite]
 */
import { randomUUID } from 'node:crypto';
import { FakeBackend } from './fake-backend.mjs';
import { WordPress } from './rig.mjs';
import { Visitor } from './visitor.mjs';

const rounds = Number(process.argv[2] ?? 150);
const database = process.argv[3] ?? 'mariadb';
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const backend = await FakeBackend.start();
const site = await WordPress.start({ database });
try {
  await site.connect(backend.url, backend.credentials);
  await site.serve();
  await site.eval('\\Deskhand\\Plugin::get()->settings->save(["chat_limit" => 1000, "job_limit" => 1000, "token_limit" => 1000]); return 1;');
  const someone = new Visitor(site);
  await someone.begin();
  const admin = await new Visitor(site).logIn();
  const rest = (path) => () => someone.request('GET', `${site.url}/wp-json${path}`);
  const requests = {
    'WordPress: a post type': rest('/wp/v2/types/post'),
    'WordPress: a taxonomy': rest('/wp/v2/taxonomies/category'),
    'WordPress: a status': rest('/wp/v2/statuses/publish'),
    'WordPress: a namespace': rest('/oembed/1.0'),
    'POST /chat': () => someone.request('POST', '/chat', { message_id: randomUUID(), user_msg: 'How long do I have to send something back?', page: `${site.url}/`, locale: 'en' }),
    'POST /infer': () => admin.request('POST', '/infer', { prompt: `Summarise this: ${randomUUID()}` }),
    'POST /token': () => someone.request('POST', '/token', {}),
  };
  const times = Object.fromEntries(Object.keys(requests).map((name) => [name, []]));
  for (let round = -5; round < rounds; round += 1) {
    for (const [name, ask] of Object.entries(requests)) {
      const began = performance.now();
      const { status, text } = await ask();
      if (status >= 300) throw new Error(`${name}: ${status} ${text}`);
      if (round >= 0) times[name].push(performance.now() - began);
    }
  }
  const medians = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
  const cheapest = Math.min(...Object.entries(medians).filter(([name]) => name.startsWith('WordPress')).map(([, value]) => value));
  console.log(`median of ${rounds} rounds, one request at a time; PHP's own server, ${database}`);
  for (const [name, value] of Object.entries(medians)) console.log(`${name.padEnd(26)} ${value.toFixed(1).padStart(7)} ms  ${(value / cheapest).toFixed(2)} × the cheapest of WordPress's`);
} finally {
  await site.stop();
  await backend.stop();
}
