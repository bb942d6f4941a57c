/**
 * A small backend that tests script: it checks what WordPress signs, and signs what it tells WordPress.
 */
import { createHmac, hkdfSync, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

export class FakeBackend {
  siteId = randomUUID();
  kid = `dk_${randomBytes(6).toString('hex')}`;
  secret = randomBytes(32);
  /** Every request: {method, path, query, headers, raw, body}. */
  requests = [];
  jobs = new Map();
  /** What it keeps of the site: how far its agent goes, and when somebody is in. */
  kept = { mode: 'assist', hours: null, away: null };
  documents = new Map();
  /** Asked first; may answer `{status, body, headers}`, or 'drop', or a promise of either. */
  fault = () => undefined;
  /** What a job's result is, when a test asks for it. */
  answers = {};

  static async start() {
    const fake = new FakeBackend();
    fake.server = createServer((request, response) => fake.#route(request, response).catch((error) => {
      fake.error ??= error;
      response.destroy();
    }));
    await new Promise((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    fake.url = `http://127.0.0.1:${fake.server.address().port}`;
    return fake;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** As `deskhand site add --json` prints them. */
  get credentials() { return { site_id: this.siteId, kid: this.kid, secret: this.secret.toString('hex') }; }

  key(purpose) { return Buffer.from(hkdfSync('sha256', this.secret, Buffer.from(this.siteId.replaceAll('-', ''), 'hex'), `deskhand/v1/${purpose}`, 32)); }

  asked(method, pattern) { return this.requests.filter((request) => request.method === method && pattern.test(request.path)); }

  /** Headers of what the backend sends to the site. */
  signed(body, { at = Math.floor(Date.now() / 1000), key = this.key('callback'), kid = this.kid } = {}) {
    return {
      'Content-Type': 'application/json', 'X-AI-Timestamp': String(at), 'X-Key-Id': kid,
      'X-AI-Signature': createHmac('sha256', key).update(`${at}.${body}`).digest('base64'),
    };
  }

  /** Posts to one of the plugin's routes as the backend does. */
  tell(site, route, told, options = {}) {
    const body = typeof told === 'string' ? told : JSON.stringify(told);
    return fetch(`${site.url}/wp-json/deskhand/v1${route}`, { method: 'POST', body, headers: { ...this.signed(body, options), ...options.headers } });
  }

  /** Ends a job, by its idempotency key, and calls back. */
  finish(site, key, told = { status: 'succeeded', result_json: { text: 'Done.' } }, options) {
    const job = this.jobs.get(key);
    Object.assign(job, told);
    return this.tell(site, '/webhook', {
      job_id: job.job_id, idempotency_key: key, usage: { tokens_in: 12, tokens_out: 3, ms: 20, cost_micro: 150, currency: 'EUR', provider: 'extractive' }, ...told,
    }, options);
  }

  async #route(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks).toString();
    const { pathname: path, searchParams } = new URL(request.url, this.url);
    const entry = { method: request.method, path, query: Object.fromEntries(searchParams), headers: request.headers, raw, body: raw && JSON.parse(raw) };
    this.requests.push(entry);
    if (request.headers.origin && this.origins?.includes(request.headers.origin)) {
      response.setHeader('Access-Control-Allow-Origin', request.headers.origin);
      response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type, last-event-id');
    }
    if (request.method === 'OPTIONS') return response.writeHead(204).end();
    if (path === '/api/stream-check') return this.#ticks(entry, response);
    const fault = await this.fault(entry);
    if (fault === 'drop') return request.socket.destroy();
    const { status, body, headers } = fault ?? this.#answer(entry);
    response.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', ...headers });
    response.end(body === undefined ? '' : JSON.stringify(body));
  }

  #answer(entry) {
    const { method, path } = entry;
    const refused = { status: 401, body: { code: 'token_invalid', detail: 'No.' } };
    const [, token = ''] = /^Bearer (.*)$/.exec(entry.headers.authorization ?? '') ?? [];
    if (path === '/webhook/wp-ping') return this.#ping(entry);
    if (path === '/webhook/wp-media') return this.#webhook(entry) ?? this.#take(entry.body);
    if (method === 'POST' && path === '/jobs') {
      const claims = this.#claims(token, 'deskhand-jobs');
      if (!claims || claims.exp - claims.iat > 60) return refused;
      const job = this.jobs.get(claims.jti) ?? { job_id: randomUUID(), status: 'running', claims, request: entry.body };
      const isNew = !this.jobs.has(claims.jti);
      this.jobs.set(claims.jti, job);
      return { status: isNew ? 202 : 200, body: { job_id: job.job_id, status: 'pending', status_url: `/jobs/${job.job_id}` } };
    }
    if (path === '/ingest') {
      const right = `sha256=${createHmac('sha256', this.key('webhook')).update(entry.raw).digest('hex')}`;
      if (!this.#claims(token, 'deskhand-events') || entry.headers['x-signature'] !== right || entry.headers['x-idempotency-key'] !== entry.body.idempotency_key) return refused;
      return this.answers[path] ?? { status: 202, body: { request_id: randomUUID() } };
    }
    if (path === '/webhooks/order_updated') return this.#webhook(entry) ?? { status: 204 };
    if (path.startsWith('/api/agent/')) {
      const claims = this.#claims(token, 'deskhand');
      if (!claims) return refused;
      entry.claims = claims;
      return this.answers[path] ?? { status: 404, body: { code: 'thread_not_found', detail: 'There is no such thread of yours.' } };
    }
    if (token !== `${this.kid}.${this.key('api').toString('hex')}`) return refused;
    if (path === '/api/documents/lookup') {
      const { source, external_ids: ids } = entry.body;
      return { status: 200, body: { documents: ids.flatMap((external) => this.documents.get(`${source} ${external}`) ?? []) } };
    }
    if (path === '/api/site') {
      if (method === 'PATCH') for (const [name, value] of Object.entries(entry.body)) this.kept[name] = value || null;
      return { status: 200, body: { name: 'Rig', ...this.kept } };
    }
    const [, id] = /^\/jobs\/([\w-]+)$/.exec(path) ?? [];
    const job = id && [...this.jobs.values()].find(({ job_id }) => job_id === id);
    if (job) return { status: 200, body: { job_id: id, status: job.status, result_json: job.result_json, error: job.error, usage: job.usage } };
    return this.answers[path] ?? { status: 404, body: { code: 'not_found', detail: 'There is nothing here.' } };
  }

  /** Five, apart from one another unless a test has them come together. */
  async #ticks({ headers }, response) {
    if (!this.#claims(headers.authorization?.replace('Bearer ', '') ?? '', 'deskhand')) return response.writeHead(401).end('{}');
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (let i = 0; i < 5; i += 1) {
      response.write(`event: tick\ndata: {"at_ms":${i * 200}}\n\n`);
      if (!this.buffered) await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    response.end('event: done\ndata: {}\n\n');
  }

  /** What it was told of a post or file is known at once. */
  #take(body) {
    const [source, id] = body.attachment_id ? ['wp_media', body.attachment_id] : ['wp_post', body.post_id];
    const removed = body.excluded || /deleted|trashed/.test(body.event);
    const document = { id: this.documents.get(`${source} ${id}`)?.id ?? randomUUID(), source, external_id: String(id), title: body.title ?? '', state: removed ? 'removed' : 'live', chunks: 1, version: 1 };
    this.documents.set(`${source} ${id}`, document);
    const job = randomUUID();
    return { status: 202, body: { job_id: job, status_url: `/api/jobs/${job}`, document_id: document.id } };
  }

  /** Refuses what the site didn't sign. */
  #webhook({ raw, headers }) {
    const right = createHmac('sha256', this.key('webhook')).update(raw).digest('hex');
    const given = (headers['x-wp-signature'] ?? '').replace('sha256=', '');
    if (headers['x-site-id'] !== this.siteId || given.length !== right.length || !timingSafeEqual(Buffer.from(given), Buffer.from(right))) {
      return { status: 401, body: { code: 'bad_signature', detail: 'The signature is wrong.' } };
    }
    return undefined;
  }

  #ping(entry) {
    const refused = this.#webhook(entry);
    if (refused) return refused;
    const { body } = entry;
    const told = { version: '9.9.9', api: 1, time: new Date().toISOString(), site_id: this.siteId, nonce: body.nonce, name: 'Rig', mode: this.kept.mode, origins: this.origins ?? [], model: false, documents: 3, ...this.ping };
    const answer = JSON.stringify(told);
    return { status: 200, body: told, headers: { 'X-Deskhand-Signature': `sha256=${createHmac('sha256', this.key('callback')).update(answer).digest('hex')}` } };
  }

  #claims(token, audience) {
    const [head = '', claims = '', signature = ''] = token.split('.');
    const right = createHmac('sha256', this.key('token')).update(`${head}.${claims}`).digest('base64url');
    if (signature !== right) return undefined;
    const read = JSON.parse(Buffer.from(claims, 'base64url').toString());
    const { alg, kid } = JSON.parse(Buffer.from(head, 'base64url').toString());
    return alg === 'HS256' && kid === this.kid && read.aud === audience && read.iss === this.siteId && read.exp > Date.now() / 1000 ? read : undefined;
  }
}
