/**
 * The wire: tokens, requests, and a turn as one sequence of events over as many connections as it takes.
 * Nothing here touches the page: what a visitor sees of it is the caller's, told through `onLink`.
 */
import { SseParser, readEvents } from './deskhand-sse.js';

/**
 * @typedef {{n: number, title: string, url?: string | null, section?: string | null, snippet?: string | null}} Source
 * @typedef {{kind: 'confirm' | 'identity' | 'contact', proposal_id?: string, summary?: string,
 *   amount_minor?: number | null, currency?: string | null, expires_at?: string | null}} Ask
 * @typedef {{handoff_id: string, reason?: string, ticket_id?: string | null, needs_contact?: boolean, next?: string}} Handoff
 * @typedef {{kind: 'joined' | 'message' | 'left' | 'system', name?: string | null, md?: string | null}} StaffNote
 * @typedef {{outcome: string, text: string, citations?: number[], incomplete?: boolean}} Final
 * @typedef {{author: 'visitor' | 'agent' | 'staff' | 'system', text: string, citations?: Source[], at?: string,
 *   turn_id?: string | null, outcome?: string | null}} StoredMessage
 * @typedef {{thread_id: string, status: string, last_seq: number, turn_in_progress: boolean, messages: StoredMessage[]}} Snapshot
 * @typedef {{id: number | null} & (
 *     {type: 'turn', data: {turn_id: string, message_id?: string, thread_id?: string, by: 'agent' | 'staff'}}
 *   | {type: 'step', data: {phase: string, status: string, label?: string}}
 *   | {type: 'citation', data: Source}
 *   | {type: 'delta', data: {i: number, md: string}}
 *   | {type: 'replace', data: {from: number, md?: string | null}}
 *   | {type: 'ask', data: Ask}
 *   | {type: 'handoff', data: Handoff}
 *   | {type: 'staff', data: StaffNote}
 *   | {type: 'final', data: Final}
 *   | {type: 'error', data: {code: string, detail?: string, retryable?: boolean}}
 *   | {type: 'done', data: {turn_id: string}}
 *   | {type: 'typing', data: {who?: string}}
 *   | {type: 'snapshot', data: Snapshot})} WireEvent   `snapshot` is ours: what polling found where no stream comes through
 * @typedef {{message_id: string, thread_id?: string, user_msg: string, page?: string, locale?: string,
 *   confirm?: {proposal_id: string, accept: boolean}, contact?: {email: string}}} Message
 * @typedef {{state: 'open' | 'lost'} | {state: 'busy', problem: Problem, seconds: number}} Link
 */

/** A heartbeat comes every 15 s: after two missed ones the connection is dead. */
const SILENCE = 40_000;
const BACKOFF_CAP = 15_000;
/** About two minutes of backoff. */
const MAX_FAILURES = 10;
/** Longer than this nobody waits unasked: then the visitor is told, and decides. */
const MAX_WAIT_SECONDS = 30;
const RENEW_BEFORE = 30_000;

/** What went wrong, by the code of the backend's problem+json, or `offline`, `slow`, `token_refused`. */
export class Problem extends Error {
  /**
   * @param {string} code
   * @param {{status?: number, detail?: string, retryAfter?: number}} [more]
   */
  constructor(code, { status = 0, detail = '', retryAfter } = {}) {
    super(code);
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }
}

export class Client {
  #backend;
  #tokenUrl;
  #token = '';
  #renewAt = 0;
  /** @type {Promise<void> | null} */
  #renewal = null;
  #retry = 1000;
  /** @type {Set<number>} */
  #seen = new Set();

  /** @param {{backend: string, tokenUrl: string}} options an empty `backend` means: as the token's answer says, else the page's origin */
  constructor({ backend, tokenUrl }) {
    this.#backend = backend.replace(/\/+$/, '');
    this.#tokenUrl = tokenUrl;
  }

  /** Ids of events are counted per thread, so with a new thread what was seen is forgotten. */
  newThread() {
    this.#seen.clear();
  }

  /**
   * @param {string} threadId
   * @param {AbortSignal} [signal]
   * @returns {Promise<Snapshot>}
   */
  async snapshot(threadId, signal) {
    return (await this.#request(threadPath(threadId), { signal })).json();
  }

  /** @param {string} threadId */
  async cancel(threadId) {
    await this.#request(`${threadPath(threadId)}/cancel`, { method: 'POST' });
  }

  /** @param {{turn_id: string, value: 'up' | 'down', tags?: string[]}} feedback */
  async feedback(feedback) {
    await this.#request('/api/agent/feedback', { method: 'POST', body: feedback });
  }

  /**
   * Events from the posting of `message`, or of a thread `after` a sequence number, each once, until one fulfils `until`.
   * A connection that ends before that is taken up again where it broke. Returns early when `signal` aborts.
   * @param {{message?: Message, threadId?: string, after?: number, until: (event: WireEvent) => boolean,
   *   signal: AbortSignal, onLink: (link: Link) => void, forever?: boolean}} options
   * @returns {AsyncGenerator<WireEvent, void, void>}
   */
  async *events({ message, threadId = message?.thread_id, after, until, signal, onLink, forever = false }) {
    let cursor = after;
    let failures = 0;
    let silent = 0;
    let waits = 0;
    while (!signal.aborted) {
      const opened = Date.now();
      const parser = new SseParser();
      let answered = false;
      let renewing = false;
      try {
        const resume = threadId !== undefined && cursor !== undefined;
        // A proxy that swallows streams: then without.
        if (silent >= 3 && resume) return yield* this.#poll(/** @type {string} */ (threadId), signal);
        const accept = silent >= 3 ? 'application/json' : 'text/event-stream';
        const response = resume
          ? await this.#request(`${threadPath(/** @type {string} */ (threadId))}/events`, { accept, signal, after: cursor })
          : await this.#request('/api/agent/messages', { method: 'POST', body: message, accept, signal });
        answered = true;
        onLink({ state: 'open' });
        if (!response.body || !isStream(response)) {
          yield* eventsOfAnswer(response.status, await response.json());
          return;
        }
        for await (const raw of readEvents(response.body, parser, SILENCE)) {
          const event = parseEvent(raw);
          if (!event) continue;
          failures = waits = 0;
          if (event.type === 'turn' && event.data.thread_id) threadId = event.data.thread_id;
          let fresh = true;
          if (event.id !== null) {
            cursor = event.id;
            fresh = !this.#seen.has(event.id);
            this.#seen.add(event.id);
          }
          if (fresh) yield event;
          if (until(event)) return;
        }
        // The backend ends a stream when its token expires. That is no loss, and needs no word.
        renewing = parser.heard && Date.now() >= this.#renewAt;
      } catch (error) {
        if (signal.aborted) return;
        const problem = error instanceof Problem ? error : new Problem('offline');
        if (problem.status === 429 || problem.status === 503) {
          const seconds = problem.retryAfter ?? 5;
          if (seconds > MAX_WAIT_SECONDS || ++waits > 4) throw problem;
          onLink({ state: 'busy', problem, seconds });
          await pause(seconds * 1000, signal);
          continue;
        }
        if (problem.status && problem.status < 500) throw problem;
        if (problem.status && failures >= 3 && cursor === undefined) throw problem;
      }
      // No network is no reason to doubt streams; an answer without a byte in it is.
      silent = answered && !parser.heard ? silent + 1 : 0;
      if (parser.retry) this.#retry = parser.retry;
      if (Date.now() - opened > 20_000) failures = 0;
      if (renewing) continue;
      if (failures >= MAX_FAILURES && !forever) throw new Problem('offline');
      onLink({ state: 'lost' });
      await pause(Math.min(BACKOFF_CAP, this.#retry * 2 ** failures) * (0.8 + Math.random() * 0.4), signal);
      failures += 1;
    }
  }

  /**
   * @param {string} threadId
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<WireEvent, void, void>}
   */
  async *#poll(threadId, signal) {
    const end = Date.now() + 30_000;
    let wait = 1500;
    while (Date.now() < end) {
      await pause(wait, signal);
      if (signal.aborted) return;
      try {
        const data = await this.snapshot(threadId, signal);
        if (!data.turn_in_progress) return yield { id: null, type: 'snapshot', data };
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (error.status === 429) wait = Math.max(wait * 2, (error.retryAfter ?? 0) * 1000);
        else if (error.status && error.status < 500) throw error;
      }
    }
    throw new Problem('slow');
  }

  /**
   * @param {string} path
   * @param {{method?: string, body?: unknown, accept?: string, after?: number, signal?: AbortSignal}} [options]
   */
  async #request(path, { method = 'GET', body, accept = 'application/json', after, signal } = {}) {
    for (let renewed = false; ; renewed = true) {
      const token = await this.#bearer();
      /** @type {Record<string, string>} */
      const headers = { Accept: accept, Authorization: `Bearer ${token}` };
      if (body) headers['Content-Type'] = 'application/json';
      if (after !== undefined) headers['Last-Event-ID'] = String(after);
      const response = await send(this.#backend + path, {
        method, headers, signal, cache: 'no-store', credentials: 'omit', body: body ? JSON.stringify(body) : undefined,
      });
      if (response.ok) return response;
      if (response.status !== 401 || renewed) throw await problemOf(response);
      if (this.#token === token) this.#renewAt = 0; // unless another request has renewed it meanwhile
    }
  }

  async #bearer() {
    if (Date.now() >= this.#renewAt) {
      this.#renewal ??= this.#renew().finally(() => { this.#renewal = null; });
      await this.#renewal;
    }
    return this.#token;
  }

  async #renew() {
    const response = await send(this.#tokenUrl, {
      method: 'POST', credentials: 'same-origin', cache: 'no-store', body: '{}',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    });
    if (!response.ok) {
      const problem = await problemOf(response);
      if (problem.status < 500 && problem.status !== 429) problem.code = 'token_refused';
      throw problem;
    }
    const { token, expires_at, backend } = await response.json();
    this.#token = String(token);
    this.#backend ||= String(backend ?? '').replace(/\/+$/, '') || location.origin;
    // A visitor's clock may be wrong: never trust it for less than a minute or more than the longest lifetime.
    const left = Math.min(Math.max(Date.parse(expires_at) - Date.now() || 0, 60_000), 300_000);
    this.#renewAt = Date.now() + left - RENEW_BEFORE;
  }
}

/** @param {string} threadId */
const threadPath = (threadId) => `/api/agent/thread/${encodeURIComponent(threadId)}`;

/** @param {Response} response */
const isStream = (response) => (response.headers.get('content-type') ?? '').startsWith('text/event-stream');

/**
 * @param {string} url
 * @param {RequestInit} init
 */
async function send(url, init) {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw init.signal?.aborted ? error : new Problem('offline');
  }
}

/** @param {Response} response */
async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const after = Number(body.retry_after ?? response.headers.get('retry-after') ?? NaN);
  return new Problem(String(body.code ?? `http_${response.status}`), {
    status: response.status,
    detail: String(body.detail ?? ''),
    retryAfter: Number.isFinite(after) ? Math.max(1, Math.ceil(after)) : undefined,
  });
}

/**
 * @param {import('./deskhand-sse.js').RawEvent} raw
 * @returns {WireEvent | null}
 */
function parseEvent({ id, type, data }) {
  try {
    const event = { id: /^\d+$/.test(id) ? Number(id) : null, type, data: JSON.parse(data) ?? {} };
    return /** @type {WireEvent} */ (event);
  } catch {
    return null; // not ours: a newer backend may send what this widget doesn't know
  }
}

/**
 * The same turn from an answer that came in one piece. 202 means that staff hold the thread.
 * @param {number} status
 * @param {any} body
 * @returns {Generator<WireEvent, void, void>}
 */
function* eventsOfAnswer(status, body) {
  const { thread_id, turn_id, citations = [] } = body;
  yield { id: null, type: 'turn', data: { turn_id, thread_id, by: status === 202 ? 'staff' : 'agent' } };
  if (status !== 202) {
    for (const data of citations) yield { id: null, type: 'citation', data };
    if (body.ask) yield { id: null, type: 'ask', data: body.ask };
    if (body.handoff) yield { id: null, type: 'handoff', data: body.handoff };
    yield {
      id: null, type: 'final',
      data: { outcome: body.outcome, text: body.text, citations: citations.map((/** @type {Source} */ source) => source.n) },
    };
  }
  yield { id: null, type: 'done', data: { turn_id } };
}

/**
 * Waits, but no longer than until the network is back.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener('online', end);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener('online', end);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
