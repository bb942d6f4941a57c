/**
 * A small deskhand that a test scripts: it speaks the wire of PROTOCOL.md, stores events per thread
 * and replays them on resume as the real one does, and can cut, refuse and delay at will.
 * As a WordPress would, it takes questions and is polled for their answers, where a test's browser can't reach the backend.
 * It also serves the demo shop's pages and bare test pages, under the real ones' content security policy.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { ARTICLES, realistic } from './shop-answers.mjs';

/** Where a WordPress has the plugin's routes. */
const RELAY = '/wp-json/deskhand/v1';
const ROOT = new URL('../../../', import.meta.url);
const WIDGET = new URL('wp-plugin/deskhand/assets/', ROOT);
const DEMO = new URL('src/http/demo/', ROOT);
const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', html: 'text/html; charset=utf-8' };

/** @param {string} connect further origins that scripts of the page may talk to */
const policy = (connect = '') =>
  `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ${connect}; ` +
  "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export class FakeServer {
  /** Every request to the API: {method, path, headers, body}. */
  requests = [];
  threads = new Map();
  /** What a turn does; set by tests. `async (turn, message) => {}` */
  script = realistic;
  /** Asked before each API request; may return {status, body, headers}, or 'drop' to break the connection. */
  fault = () => undefined;
  /** How a stream's bytes are cut into writes. `(text) => Buffer[]` */
  chunks = (text) => [Buffer.from(text)];
  /** Milliseconds between such writes. */
  pace = 0;
  /** Sent at the head of each stream: tests don't wait a second for a reconnection. */
  retry = 20;
  tokenLifetime = 300_000;
  /** What the token's answer says besides. */
  tokenMore = {};
  heartbeat = 0;
  /** Streams get their headers and not a byte, as behind a proxy that waits for their end. */
  holdStreams = false;
  /** What relayed requests must show. */
  nonce = randomUUID();
  /** AI jobs of the relay, by id: {status, result?, error?}. */
  jobs = new Map();
  #tokens = new Set();
  #streams = new Set();
  #pages = new Map();
  #turns = new Map();

  static async start() {
    const fake = new FakeServer();
    fake.server = createServer((request, response) => {
      fake.#route(request, response).catch((error) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(String(error));
      });
    });
    await new Promise((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    fake.url = `http://127.0.0.1:${fake.server.address().port}`;
    return fake;
  }

  async stop() {
    this.cut();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** A bare page with one widget: returns its address. */
  page(attributes = {}, { lang = 'en', dir, connect, inside = '', script = 'deskhand-widget.js' } = {}) {
    const all = { 'token-url': '/demo/token', ...attributes };
    const escape = (value) => String(value).replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;');
    const list = Object.entries(all).map(([name, value]) => ` ${name}="${escape(value)}"`).join('');
    const path = `/t/${this.#pages.size}`;
    this.#pages.set(path, {
      connect,
      html: `<!doctype html><html lang="${lang}"${dir ? ` dir="${dir}"` : ''}><head><meta charset="utf-8"><title>Test</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/assets/favicon.svg">
<link rel="stylesheet" href="/assets/page.css"><script type="module" src="/assets/${script}"></script></head>
<body><main><h1>Test page</h1>${inside}<deskhand-chat${list}></deskhand-chat></main></body></html>`,
    });
    return this.url + path;
  }

  /** API requests so far to paths that match. */
  asked(method, pattern) {
    return this.requests.filter((request) => request.method === method && pattern.test(request.path));
  }

  /** Ends all streams: cleanly as at a token's expiry, or as when a cable is pulled. */
  cut({ clean = false } = {}) {
    for (const response of this.#streams) {
      if (clean) response.end();
      else response.destroy();
    }
    this.#streams.clear();
  }

  get openStreams() {
    return this.#streams.size;
  }

  expireTokens() {
    this.#tokens.clear();
  }

  /** What staff do: appends to a thread outside of any turn. */
  append(threadId, type, data) {
    return this.#append(this.threads.get(threadId), type, data);
  }

  async #route(request, response) {
    const url = new URL(request.url, this.url);
    const path = url.pathname;
    if (request.headers.origin) {
      response.setHeader('Access-Control-Allow-Origin', request.headers.origin);
      response.setHeader('Access-Control-Expose-Headers', 'Retry-After');
    }
    if (request.method === 'OPTIONS') {
      response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type, last-event-id');
      response.setHeader('Access-Control-Allow-Methods', 'GET, POST');
      return response.writeHead(204).end();
    }
    if (/^\/(api|wp-json)\//.test(path) || path === '/demo/token' || path === '/session') return this.#api(request, response, path, url);
    if (this.#pages.has(path)) {
      const { html, connect } = this.#pages.get(path);
      return this.#html(response, html, connect);
    }
    if (path === '/') return this.#html(response, await readFile(new URL('index.html', DEMO), 'utf8'));
    const article = ARTICLES[/^\/kb\/([\w-]+)$/.exec(path)?.[1]];
    if (article) {
      const template = await readFile(new URL('article.html', DEMO), 'utf8');
      return this.#html(response, template.replace(/\{\{ (\w+)(?:\|safe)? \}\}/g, (_, name) => article[name]));
    }
    const asset = /^\/assets\/([\w-]+\.(js|css|svg))$/.exec(path);
    if (!asset) return response.writeHead(404).end('no such page');
    const [, name, type] = asset;
    response.setHeader('Content-Type', TYPES[type]);
    // For test pages alone: a page around the widget that is neither too small nor in its way.
    if (name === 'page.css') return response.end('body { margin: 0 } main { height: 100vh; display: flex; flex-direction: column } h1 { font-size: 1rem; margin: 8px } deskhand-chat { flex: 1; min-height: 0 }');
    response.end(await readFile(new URL(name, name.startsWith('deskhand-') ? WIDGET : DEMO)));
  }

  #html(response, html, connect) {
    response.writeHead(200, { 'Content-Type': TYPES.html, 'Content-Security-Policy': policy(connect) }).end(html);
  }

  async #api(request, response, path, url) {
    const text = await body(request);
    const entry = { method: request.method, path, query: url.search, headers: request.headers, body: text ? JSON.parse(text) : undefined };
    this.requests.push(entry);
    const fault = await this.fault(entry);
    if (fault === 'drop') return request.socket.destroy();
    if (fault) {
      return response.writeHead(fault.status, { 'Content-Type': 'application/problem+json', ...fault.headers }).end(JSON.stringify(fault.body ?? {}));
    }
    if (path === '/session') return json(response, 200, { nonce: this.nonce });
    if (path === '/demo/token') {
      if (this.tokenMore.relay && request.headers['x-wp-nonce'] !== this.nonce) return problem(response, 403, 'rest_cookie_invalid_nonce');
      const token = `token-${randomUUID()}`;
      this.#tokens.add(token);
      return json(response, 200, { token, expires_at: new Date(Date.now() + this.tokenLifetime).toISOString(), ...this.tokenMore });
    }
    if (path.startsWith(RELAY)) {
      if (request.headers['x-wp-nonce'] !== this.nonce) return problem(response, 403, 'rest_cookie_invalid_nonce');
      if (/^\/chat/.test(path.slice(RELAY.length))) return this.#chat(entry, response, path.slice(RELAY.length + 6));
    } else if (!this.#tokens.has(request.headers.authorization?.replace('Bearer ', ''))) return problem(response, 401, 'token_expired');

    if (path === '/api/agent/messages') return this.#message(entry, response);
    if (path.endsWith('/feedback')) return response.writeHead(204).end();
    const [, id, verb] = /^\/api\/agent\/thread\/([^/]+)(?:\/(\w+))?$/.exec(path.replace(RELAY, '/api/agent')) ?? [];
    const thread = this.threads.get(id);
    if (!thread) return problem(response, 404, 'thread_not_found');
    if (verb === 'cancel') {
      thread.turn?.cancel();
      return response.writeHead(204).end();
    }
    if (verb === 'events') {
      const after = Number(request.headers['last-event-id'] ?? url.searchParams.get('after') ?? 0);
      return this.#stream(thread, after, response, () => false);
    }
    return json(response, 200, {
      thread_id: thread.id, status: thread.status, last_seq: thread.events.length, turn_in_progress: !!thread.turn, messages: thread.messages,
      ...(thread.turn || thread.messages.at(-1)?.turn_id !== thread.newest.id ? {} : { ask: thread.newest.asked, handoff: thread.newest.passedOn }),
    });
  }

  /** The token's answer as WordPress gives it, with a backend that the browser can't reach unless a test says where it is. */
  relayed(backend = 'http://127.0.0.1:9') {
    this.tokenMore = { backend, relay: this.url + RELAY };
  }

  #chat({ method, body: message, headers }, response, id) {
    if (method === 'GET') {
      const job = this.jobs.get(id);
      if (!job) return problem(response, 404, 'not_found');
      const tag = `"${id}-${job.status}"`;
      response.setHeader('ETag', tag);
      response.setHeader('Cache-Control', 'private, no-cache');
      if (headers['if-none-match'] === tag) return response.writeHead(304).end();
      return json(response, 200, { id, ...job });
    }
    const turn = this.#turns.get(message.message_id) ?? this.#turnOf(message);
    const job = { status: 'running' };
    this.jobs.set(message.message_id, job);
    turn.finished.then(() => Object.assign(job, { status: 'succeeded', result: turn.whole() }));
    json(response, 202, { id: message.message_id });
  }

  #turnOf(message) {
    const thread = this.threads.get(message.thread_id) ?? { id: randomUUID(), status: 'open', events: [], messages: [], listeners: new Set(), turn: null };
    this.threads.set(thread.id, thread);
    const turn = this.#begin(thread, message);
    this.#turns.set(message.message_id, turn);
    return turn;
  }

  #message({ body: message, headers }, response) {
    let turn = this.#turns.get(message.message_id);
    if (!turn) {
      if (message.thread_id && !this.threads.has(message.thread_id)) return problem(response, 404, 'thread_not_found');
      const running = this.threads.get(message.thread_id)?.turn;
      if (running) return problem(response, 409, 'turn_in_progress', { turn_id: running.id });
      turn = this.#turnOf(message);
    }
    if (!headers.accept.includes('text/event-stream')) return turn.finished.then(() => json(response, 200, turn.whole()));
    this.#stream(turn.thread, turn.first - 1, response, (event) => event.type === 'done' && event.data.turn_id === turn.id);
  }

  #begin(thread, message) {
    const fake = this;
    const stopped = Promise.withResolvers?.() ?? resolvers();
    const add = (type, data) => fake.#append(thread, type, data);
    const stored = { author: 'agent', text: '', citations: [] };
    const turn = {
      id: randomUUID(), thread, message, first: thread.events.length + 1, stopped: stopped.promise, isStopped: false, ended: false,
      cancel() { this.isStopped = true; stopped.resolve(); },
      step: (label, status = 'start') => add('step', { phase: 'tool', status, label }),
      citation(data) { stored.citations.push(data); add('citation', data); },
      delta: (i, md) => add('delta', { i, md }),
      replace: (from, md) => add('replace', { from, md, reason: 'guardrail' }),
      ask(data) { turn.asked = data; add('ask', data); },
      handoff(data) {
        thread.status = 'handoff';
        turn.passedOn = { handoff_id: randomUUID(), reason: 'visitor_wish', needs_contact: false, ...data };
        add('handoff', turn.passedOn);
      },
      error: (code, detail, retryable = true) => add('error', { code, detail, retryable }),
      final(text, more = {}) {
        const data = { outcome: 'answered', text, citations: stored.citations.map(({ n }) => n), brain: 'extractive', incomplete: false, ...more };
        Object.assign(stored, { text, outcome: data.outcome, turn_id: turn.id, at: new Date().toISOString() });
        stored.citations = stored.citations.filter(({ n }) => data.citations.includes(n));
        thread.messages.push(stored);
        add('final', data);
      },
      whole: () => ({ thread_id: thread.id, turn_id: turn.id, outcome: stored.outcome, text: stored.text, citations: stored.citations, ask: turn.asked, handoff: turn.passedOn, last_seq: thread.events.length }),
    };
    if (message.user_msg) thread.messages.push({ author: 'visitor', text: message.user_msg, citations: [], at: new Date().toISOString() });
    const by = thread.status === 'staff' ? 'staff' : 'agent';
    thread.turn = thread.newest = turn;
    add('turn', { turn_id: turn.id, message_id: message.message_id, thread_id: thread.id, by });
    turn.finished = (async () => {
      try {
        if (by === 'agent') await fake.script(turn, message);
      } catch (error) {
        fake.scriptError = error;
        turn.error('internal', 'The test script failed', false);
      }
      thread.turn = null;
      add('done', { turn_id: turn.id });
    })();
    return turn;
  }

  #append(thread, type, data) {
    const event = { id: type === 'typing' ? null : thread.events.length + 1, type, data };
    if (event.id) thread.events.push(event);
    for (const listener of thread.listeners) listener(event);
    return event;
  }

  #stream(thread, after, response, isLast) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform', 'X-Accel-Buffering': 'no' });
    response.socket?.setNoDelay(true);
    this.#streams.add(response);
    // One write after the other: otherwise the pieces would be put together again on their way.
    let writing = Promise.resolve();
    const write = (text) => {
      for (const piece of this.chunks(text)) {
        writing = writing.then(() => new Promise((resolve) => {
          if (response.destroyed || response.writableEnded) return resolve();
          response.write(piece, () => setTimeout(resolve, this.pace));
        }));
      }
    };
    const listener = (event) => {
      write(`${event.id ? `id: ${event.id}\n` : ''}event: ${event.type}\ndata: ${JSON.stringify(event.data)}\n\n`);
      if (isLast(event)) writing = writing.then(() => response.end());
    };
    const beat = this.heartbeat && setInterval(() => write(': hb\n\n'), this.heartbeat);
    response.on('close', () => {
      clearInterval(beat);
      thread.listeners.delete(listener);
      this.#streams.delete(response);
    });
    if (this.holdStreams) return response.flushHeaders();
    write(`retry: ${this.retry}\n\n`);
    for (const event of thread.events.slice(after)) listener(event);
    thread.listeners.add(listener);
  }
}

/** A gate that a script waits at until its test opens it. */
export function resolvers() {
  const gate = {};
  gate.promise = new Promise((resolve, reject) => Object.assign(gate, { resolve, reject }));
  return gate;
}

async function body(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return text;
}

function json(response, status, value) {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function problem(response, status, code, more = {}) {
  const value = { type: `urn:deskhand:${code}`, title: code, status, code, detail: '', request_id: randomUUID(), ...more };
  response.writeHead(status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(value));
}
