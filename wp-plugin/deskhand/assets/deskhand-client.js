// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The wire: tokens, requests, and a turn as one sequence of events over as many connections as it takes.
 * Streams are read from fetch: EventSource can't send an Authorization header.
 */

// Milliseconds; a stream's first bytes come at once, then a heartbeat every 15 s
const FIRST = 8000;
const SILENCE = 40_000;
const BACKOFF_CAP = 15_000;
const RENEW_BEFORE = 30_000;
const POLL_FOR = 30_000;
const POLL_STAFF = 5000;
const MAX_FAILURES = 10;
// Seconds: who must wait longer is asked first
const MAX_WAIT = 30;

const JSON_TYPE = 'application/json';
const STREAM_TYPE = 'text/event-stream';

/** By the backend's `code`, or `offline`, `slow`, `token_refused`. */
export const problem = (code = '', status = 0, detail = '', retryAfter = 0) => Object.assign(new Error(code), { code, status, detail, retryAfter });

export class SseParser {
	#line = '';
	#afterCr = false;
	/** @type {string[]} */
	#data = [];
	#event = { id: '', type: '' };
	retry = 0;
	heard = false;

	/** @param {string} text @returns {RawEvent[]} */
	push(text) {
		if (!text) return [];
		this.heard = true;
		// The LF of a CR that ended the last piece
		const rest = this.#afterCr && text[0] === '\n' ? text.slice(1) : text;
		this.#afterCr = text.endsWith('\r');
		const lines = (this.#line + rest).split(/\r\n|\r|\n/);
		this.#line = String(lines.pop());

		const events = [];
		for (const line of lines) {
			const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
			if (!line) {
				if (this.#data.length) events.push({ ...this.#event, data: this.#data.join('\n') });
				// EventSource would keep the id, and `typing` pass for a repeat
				this.#event = { id: '', type: '' };
				this.#data = [];
			} else if (name === 'data') this.#data.push(value);
			else if (name === 'event') this.#event.type = value;
			else if (name === 'id') this.#event.id = value;
			else if (name === 'retry') this.retry = Number(value) || 0;
		}
		return events;
	}
}

/** @type {(backend: string, tokenUrl: string, sessionUrl?: string) => Client} */
export const connect = (backend, tokenUrl, sessionUrl) => {
	let base = backend.replace(/\/+$/, '');
	let token = '';
	let nonce = '';
	let relay = '';
	// The backend has answered this page; or doesn't, so that WordPress carries everything
	let reached = false;
	let relayed = false;
	let renewAt = 0;
	/** @type {Promise<void> | null} */
	let renewal = null;
	let retry = 1000;
	const seen = new Set();

	/** @param {string} url @param {Sent} [options] */
	const ownSite = async (url, options) => {
		const response = await send(url, { credentials: 'same-origin', ...options }, nonce ? { 'X-WP-Nonce': nonce } : {});
		if (response.ok) return response.json();
		const refusal = await problemOf(response);
		if (refusal.status < 429 && refusal.code !== 'members_only') refusal.code = 'token_refused';
		throw refusal;
	};

	/** @returns {Promise<void>} */
	const renew = async () => {
		const known = nonce;
		// Never from the page, which may lie in a cache
		if (sessionUrl && !nonce) ({ nonce } = await ownSite(sessionUrl));
		/** @type {any} */
		let answer;
		try {
			answer = await ownSite(tokenUrl, { method: 'POST', body: {} });
		} catch (/** @type {any} */ error) {
			if (error.status !== 403 || !known) throw error;
			nonce = '';
			return renew();
		}
		({ token, relay } = answer);
		base ||= (answer.backend ?? location.origin).replace(/\/+$/, '');
		// The visitor's clock may be wrong
		const left = Math.min(Math.max(Date.parse(answer.expires_at) - Date.now() || 0, 60_000), 300_000);
		renewAt = Date.now() + left - RENEW_BEFORE;
	};

	/** @param {string} path @param {Sent} [options] */
	const request = async (path, options) => {
		for (let renewed = false, lost = false; ;) {
			if (Date.now() >= renewAt) await (renewal ??= renew().finally(() => { renewal = null; }));
			const used = token;
			const undecided = relay && !reached && !relayed;
			try {
				const response = await (relayed ? send(relay + path, { credentials: 'same-origin', ...options }, { 'X-WP-Nonce': nonce })
					: send(`${base}/api/agent${path}`, { credentials: 'omit', ...options }, { Authorization: `Bearer ${used}` }, undecided ? FIRST : 0));
				reached ||= !relayed;
				if (response.ok) return response;
				if (!/40[13]/.test(`${response.status}`) || renewed) throw await problemOf(response);
				renewed = true;
				if (used === token) renewAt = 0;
			} catch (/** @type {any} */ error) {
				if (error.code !== 'offline' || !undecided) throw error;
				// Mixed content, a firewall, another page's policy: the second time is no accident
				relayed = lost;
				// WordPress has no streams
				if (lost && /s$/.test(path)) throw error;
				lost = true;
				await pause(500, options?.signal ?? undefined);
			}
		}
	};

	/** @param {string} path @param {AbortSignal} signal @param {(found: any) => boolean} ready */
	const poll = async (path, signal, ready) => {
		let wait = 1500;
		for (const end = Date.now() + POLL_FOR; Date.now() < end && !signal.aborted; await pause(wait, signal)) {
			try {
				// With the ETag of what is known
				const found = await (await request(path, { cache: 'no-cache', signal })).json();
				if (ready(found)) return found;
			} catch (/** @type {any} */ error) {
				const { status, retryAfter } = error;
				if (status === 429) wait = Math.max(wait * 2, retryAfter * 1000);
				else if (status && status < 500) throw error;
			}
		}
		throw problem('slow');
	};

	/** @param {Message | undefined} message @param {AbortSignal} signal @returns {AsyncGenerator<WireEvent, void, void>} */
	async function* byRelay(message, signal) {
		const { id } = await (await request('/chat', { method: 'POST', body: message, signal })).json();
		const { result, error } = await poll(`/chat/${id}`, signal, ({ status }) => /ed$/.test(status));
		if (result) return yield* inOnePiece(result.by === 'staff' ? 202 : 200, result);
		yield { id: null, type: 'error', data: { ...error, retryable: !/expired|reused/.test(error.code) } };
		yield { id: null, type: 'done', data: { turn_id: '' } };
	}

	/** @type {Client} */
	const client = {
		newThread: () => seen.clear(),
		snapshot: async (threadId, signal) => (await request(pathOf(threadId), { signal })).json(),
		settled: (threadId, signal) => poll(pathOf(threadId), signal, ({ turn_in_progress }) => !turn_in_progress),
		cancel: (threadId) => request(`${pathOf(threadId)}/cancel`, { method: 'POST' }),
		feedback: (body) => request('/feedback', { method: 'POST', body }),

		async *events({ message, threadId = message?.thread_id ?? '', after: cursor, until, signal, onLink, heard, held }) {
			let failures = 0;
			let silent = 0;
			let waits = 0;
			while (!signal.aborted) {
				const opened = Date.now();
				const parser = new SseParser();
				let answered = false;
				try {
					const resume = threadId && cursor !== undefined;
					// A proxy swallows streams: then without
					relayed ||= !!relay && silent > 1;
					const without = relayed || silent > 2;
					if (resume && without) {
						// Nobody is expected: a stream would bring who comes all the same, but that isn't worth asking for time and again
						if (held === false) return;
						const data = await client.settled(threadId, signal);
						if (heard === undefined) return yield { id: null, type: 'snapshot', data };
						const said = data.messages.filter(isTold);
						for (const { author, text } of said.slice(heard)) yield { id: null, type: 'staff', data: { kind: author === 'staff' ? 'message' : 'system', md: text } };
						heard = said.length;
						if (!isHeld(data)) return yield { id: null, type: 'staff', data: { kind: 'left' } };
						await pause(POLL_STAFF, signal);
						continue;
					}
					if (relayed) return yield* byRelay(message, signal);
					const response = resume
						? await request(`${pathOf(threadId)}/events`, { headers: { Accept: STREAM_TYPE, 'Last-Event-ID': `${cursor}` }, signal })
						: await request('/messages', { method: 'POST', body: message, headers: { Accept: without ? JSON_TYPE : STREAM_TYPE }, signal });
					answered = true;
					onLink({ state: 'open' });
					if (!response.headers.get('content-type')?.startsWith(STREAM_TYPE)) return yield* inOnePiece(response.status, await response.json());
					for await (const event of read(response, parser)) {
						failures = waits = 0;
						if (event.type === 'turn') threadId = event.data.thread_id ?? threadId;
						cursor = event.id ?? cursor;
						if (!resume || !event.id || !seen.has(event.id)) yield event;
						seen.add(event.id);
						if (until(event)) return;
					}
					// A stream ends with its token: no loss
					if (parser.heard && Date.now() >= renewAt) continue;
				} catch (/** @type {any} */ error) {
					if (signal.aborted) return;
					// Without a status the connection broke
					const { code, status, retryAfter: seconds } = error;
					if (status === 429 || status === 503) {
						if (seconds > MAX_WAIT || ++waits > 4) throw error;
						onLink({ state: 'busy', seconds });
						await pause(seconds * 1000, signal);
						continue;
					}
					if ((code === 'slow' && heard === undefined) || (status && (status < 500 || (failures > 2 && cursor === undefined)))) throw error;
				}
				silent = answered && !parser.heard ? silent + 1 : 0;
				retry = parser.retry || retry;
				if (Date.now() - opened > 20_000) failures = 0;
				if (failures === MAX_FAILURES && heard === undefined) throw problem('offline');
				onLink({ state: 'lost' });
				await pause(Math.min(BACKOFF_CAP, retry * 2 ** failures) * (0.8 + Math.random() * 0.4), signal);
				failures = Math.min(failures + 1, MAX_FAILURES);
			}
		},
	};
	return client;
};

/** @param {Snapshot} thread whether a person has it, or will */
export const isHeld = ({ status }) => /staff|hand/i.test(status);

/** @param {StoredMessage} message whether staff wrote it, or the house for them */
export const isTold = ({ author }) => /^s/.test(author);

const pathOf = (threadId = '') => `/thread/${encodeURIComponent(threadId)}`;

/** @param {string} url @param {Sent} options @param {{}} [more] @param {number} [patience] ms until it must answer */
async function send(url, { body, headers, signal, ...options }, more, patience) {
	const limit = new AbortController();
	const timer = patience && setTimeout(() => limit.abort(), patience);
	try {
		return await fetch(url, {
			cache: 'no-store',
			...options,
			signal: signal ? AbortSignal.any([signal, limit.signal]) : limit.signal,
			headers: { Accept: JSON_TYPE, 'Content-Type': JSON_TYPE, ...headers, ...more },
			body: JSON.stringify(body),
		});
	} catch (error) {
		throw signal?.aborted ? error : problem('offline');
	} finally {
		clearTimeout(timer);
	}
}

/** @param {Response} response */
async function problemOf(response) {
	const { code, message, detail = message, retry_after } = await response.json().catch(() => ({}));
	const retryAfter = Math.ceil(Number(retry_after ?? response.headers.get('retry-after'))) || 5;
	return problem(code, response.status, detail, retryAfter);
}

/** @param {Response} response @param {SseParser} parser */
async function* read({ body }, parser) {
	const reader = /** @type {ReadableStream<Uint8Array>} */ (body).getReader();
	const decoder = new TextDecoder();
	let timer = 0;
	try {
		for (;;) {
			timer = setTimeout(() => reader.cancel(), parser.heard ? SILENCE : FIRST);
			const { done, value } = await reader.read();
			clearTimeout(timer);
			if (done) return;
			for (const { id, type, data } of parser.push(decoder.decode(value, { stream: true }))) {
				yield /** @type {WireEvent} */ ({ id: Number(id) || null, type, data: JSON.parse(data) });
			}
		}
	} finally {
		clearTimeout(timer);
		reader.cancel().catch(() => {});
	}
}

/** 202: staff hold the thread. @param {number} status @param {any} answer @returns {Generator<WireEvent, void, void>} */
function* inOnePiece(status, { thread_id, turn_id, outcome, text, citations = [], ask, handoff }) {
	const id = null;
	yield { id, type: 'turn', data: { turn_id, thread_id, by: status === 202 ? 'staff' : 'agent' } };
	for (const data of citations) yield { id, type: 'citation', data };
	if (ask) yield { id, type: 'ask', data: ask };
	if (handoff) yield { id, type: 'handoff', data: handoff };
	if (outcome) yield { id, type: 'final', data: { outcome, text } };
	yield { id, type: 'done', data: { turn_id } };
}

/** @param {AbortSignal} [signal] */
async function pause(ms = 0, signal) {
	const woken = new AbortController();
	await new Promise((resolve) => {
		addEventListener('online', resolve, woken);
		signal?.addEventListener('abort', resolve, woken);
		setTimeout(resolve, signal?.aborted ? 0 : ms);
	});
	woken.abort();
}
