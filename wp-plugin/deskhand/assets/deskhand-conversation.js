// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A conversation: what is said, the turn under way, and what comes of each event.
 * Whatever connection brings one, a turn's own, a resumed or the live one, it ends in `apply`.
 */
import { connect, isHeld, isTold } from './deskhand-client.js';
import { createAnswer, failure, fill, line, staffMessage, visitorMessage } from './deskhand-transcript.js';

// Milliseconds
const CANCEL_PATIENCE = 4000;
const LOST_FOR_LONG = 5000;
// Events read again after a reload, for an answer under way
const REPLAY = 200;

/** @type {(backend: string, tokenUrl: string, sessionUrl: string, stage: Stage) => Conversation} */
export const converse = (backend, tokenUrl, sessionUrl, stage) => {
	const client = connect(backend, tokenUrl, sessionUrl);
	const key = `deskhand:thread:${backend || location.origin}`;
	const { desk, log, draft } = stage;
	let threadId = '';
	/** @type {AbortController | null} */
	let turn = null;
	/** @type {AbortController | null} */
	let live = null;
	/** @type {Answer | null} */
	let answer = null;
	/** @type {Map<string, Answer>} */
	const answers = new Map();
	let held = false;
	// What was said last is for them, or theirs
	let theirs = false;
	let lostAt = 0;
	let stopping = false;
	let loaded = 0;
	// Messages of staff and of the house that stand here
	let told = 0;
	/** @type {Promise<void> | null} */
	let restoring = null;

	const forget = () => {
		conversation.unlisten();
		threadId = '';
		held = false;
		loaded = told = 0;
		answers.clear();
		client.newThread();
		attempt(() => localStorage.removeItem(key));
	};

	const remember = (id = '') => {
		if (id) attempt(() => localStorage.setItem(key, (threadId = id)));
	};

	const begin = () => {
		turn = new AbortController();
		stopping = false;
		answer = createAnswer(desk);
		draft.replaceChildren(answer.element);
		stage.work(desk.t.working);
		stage.changed();
		stage.grown(true);
		return turn.signal;
	};

	// What is said while nothing happens
	const rest = () => stage.tell(held && theirs ? desk.t.held : '');

	/** @param {AbortSignal} signal */
	const end = (signal) => {
		if (turn?.signal !== signal) return;
		turn = null;
		if (answer && !answer.finished && !answer.carded) {
			if (signal.aborted) answer.note(desk.t.stopped);
			else answer.fail(desk.t.error);
		}
		commit();
		rest();
		stage.changed();
		conversation.listen();
	};

	// Into the log, which announces it
	const commit = () => {
		const element = answer?.element;
		if (!element || element.parentNode !== draft) return;
		/** @type {HTMLElement | null} */
		const focused = element.querySelector(':focus');
		log.append(element);
		focused?.focus();
		stage.news();
	};

	const cancel = () => {
		const stopped = turn;
		if (threadId) client.cancel(threadId).catch(() => stopped?.abort());
	};

	/** @param {Link} link */
	const onLink = ({ state, seconds }) => {
		const { t } = desk;
		if (state === 'lost') lostAt ||= Date.now();
		else lostAt = 0;
		if (state === 'open') stage.resume();
		else stage.work(state === 'busy' ? fill(t.busy, { n: seconds }) : Date.now() - lostAt > LOST_FOR_LONG ? t.unreachable : t.reconnecting, -1);
	};

	/** @param {Partial<Following>} following @param {Input} [input] */
	const follow = async ({ signal = new AbortController().signal, until = ({ type }) => type === 'done', ...following }, input) => {
		for await (const event of client.events({ onLink, ...following, signal, until })) {
			// Another tab's turns are shown there
			if (!signal.aborted && (signal !== live?.signal || /^(staff|typing)$/.test(event.type))) apply(event, input);
		}
	};

	/** @param {Input} input @param {Answer} failed */
	const again = (input, failed) => () => {
		if (turn) return;
		failed.element.remove();
		answers.delete(failed.turnId);
		conversation.say(input, true);
	};

	/** @param {WireEvent} event @param {Input} [input] */
	const apply = ({ id, type, data }, input) => {
		const { t } = desk;
		const open = answer?.finished === false ? answer : null;
		if (type === 'turn') {
			remember(data.thread_id);
			theirs = data.by === 'staff';
			if (theirs) {
				held = true;
				answer = null;
				draft.replaceChildren();
			} else {
				// A finished one is replayed, and stays
				answer = answers.get(data.turn_id) ?? open ?? createAnswer(desk);
				answer.turnId = data.turn_id;
				answers.set(data.turn_id, answer);
				if (!answer.finished) draft.replaceChildren(answer.element);
				if (stopping) cancel();
			}
		} else if (type === 'staff') {
			const { kind, name, md } = data;
			held = kind !== 'left' && (held || kind !== 'system');
			if (id && id <= loaded) return;
			if (md) told += 1;
			// What the agent asked is theirs to decide now
			if (kind === 'joined') for (const asked of log.querySelectorAll('div.row button')) asked.setAttribute('disabled', '');
			log.append(kind === 'message' ? staffMessage(desk, md ?? '', name) : line(kind === 'system' ? md ?? '' : fill(t[kind], { who: name || t.staff })));
			if (kind !== 'joined') theirs = false;
			if (!turn) rest();
			stage.changed();
			stage.news();
		} else if (type === 'typing') {
			if (!turn) stage.work(fill(t.typing, { who: data.who || t.staff }), 5000);
		} else if (type === 'ask' || type === 'handoff') {
			if (type === 'handoff') held = theirs = true;
			// Of replayed cards only the last still stands
			const target = open ?? (answer && !answer.carded && log.lastElementChild === answer.element ? answer : null);
			if (type === 'ask') target?.ask(data);
			else target?.handoff(data);
		} else if (type === 'snapshot') show(data);
		else if (type === 'done') commit();
		else if (open) {
			if (type === 'citation') open.cite(data);
			else if (type === 'final') open.final(data);
			else if (type === 'error') open.fail(data.detail || t.error, data.retryable && input ? again({ ...input, id: '' }, open) : undefined);
			else if (type === 'step' && data.status === 'start') stage.work(data.label || t.working);
			else if (type === 'delta') {
				open.delta(data.i, data.md);
				stage.work(t.writing);
			} else if (type === 'replace') {
				open.replace(data.from, data.md);
				stage.work(t.rephrasing);
			}
		}
		stage.grown(false, answer?.carded);
	};

	/** @param {Snapshot} found */
	const show = (found) => {
		const { messages, last_seq } = found;
		// History must not be read out
		log.ariaLive = 'off';
		setTimeout(() => { log.ariaLive = 'polite'; }, 500);
		answers.clear();
		log.replaceChildren(...messages.map(({ author, text, citations, turn_id, outcome }) => {
			if (author === 'visitor') return visitorMessage(desk, text);
			if (author === 'staff') return staffMessage(desk, text);
			if (author === 'system') return line(text);
			const past = createAnswer(desk);
			past.turnId = turn_id ?? '';
			citations?.forEach(past.cite);
			past.final({ outcome, text });
			if (turn_id) answers.set(turn_id, past);
			return past.element;
		}));
		// Polled, not streamed: the answer is among them
		if (answer && answers.has(answer.turnId)) {
			answer = null;
			draft.replaceChildren();
		}
		const last = answers.get(messages.at(-1)?.turn_id ?? '');
		if (found.ask) last?.ask(found.ask);
		if (found.handoff) last?.handoff(found.handoff);
		loaded = last_seq;
		told = messages.filter(isTold).length;
		held = isHeld(found);
		stage.changed();
		stage.grown(true, last?.carded);
	};

	/** @param {Snapshot} found */
	const catchUp = async ({ last_seq, turn_in_progress }) => {
		if (turn_in_progress) {
			const signal = begin();
			await follow({ threadId, after: Math.max(0, last_seq - REPLAY), signal, until: ({ type, id }) => type === 'done' && Number(id) > last_seq })
				.catch((error) => answer?.fail(explain(error)));
			end(signal);
		}
		conversation.listen();
	};

	/** @param {Problem} error @returns {string} */
	const explain = ({ code, detail, retryAfter }) => {
		const { t } = desk;
		const known = t[`error_${code}`];
		return known ? fill(known, { n: Math.ceil(retryAfter / 60) }) : detail || t.error;
	};

	const restore = async () => {
		const id = attempt(() => localStorage.getItem(key));
		if (!id) return;
		stage.work(desk.t.working);
		try {
			const found = await client.snapshot(id);
			remember(id);
			show(found);
			stage.tell('');
			await catchUp(found);
		} catch (/** @type {any} */ error) {
			stage.tell('');
			if (isGone(error)) return forget();
			const failed = failure(desk, desk.t.error_load, () => {
				failed.remove();
				stage.refocus();
				restoring = restore();
			});
			log.append(failed);
			stage.changed();
		}
	};

	/** @type {Conversation} */
	const conversation = {
		get busy() {
			return turn !== null;
		},

		rate: client.feedback,
		restore: () => (restoring ??= restore()),

		async say(input, repeated) {
			if (turn) return stage.tell(desk.t.answering);
			const { text = '', echo = text, confirm, contact } = input;
			const words = visitorMessage(desk, echo);
			if (!repeated) log.append(words);
			// Its own stream brings it all, once
			conversation.unlisten();
			const signal = begin();
			stage.refocus();
			const message = {
				message_id: (input.id ||= uuid()), thread_id: threadId || undefined, user_msg: text, confirm, contact, locale: desk.lang,
				// Query and fragment are nobody's business
				page: location.origin + location.pathname,
			};
			for (let tries = 0; ; tries += 1) {
				try {
					await follow({ message, signal }, input);
					break;
				} catch (/** @type {any} */ error) {
					if (error.code === 'turn_in_progress' && threadId && tries < 3) {
						// From another tab: shown here too
						stage.work(desk.t.waiting);
						await client.settled(threadId, signal).then(show, () => {});
						if (!signal.aborted) log.append(words);
					} else if (isGone(error) && message.thread_id) {
						forget();
						message.thread_id = undefined;
						message.message_id = input.id = uuid();
					} else {
						if (answer) answer.fail(explain(error), again(input, answer));
						break;
					}
				}
			}
			end(signal);
		},

		stop() {
			if (!turn || stopping) return;
			stopping = true;
			stage.work(desk.t.stopping);
			if (answer?.turnId) cancel();
			const stopped = turn;
			setTimeout(() => stopped.abort(), CANCEL_PATIENCE);
		},

		startAnew() {
			if (turn && answer?.turnId) cancel();
			conversation.leave();
			turn = answer = null;
			forget();
			log.replaceChildren();
			draft.replaceChildren();
			stage.tell('');
			stage.changed();
		},

		async listen() {
			// Browsers have few connections for one host: a hidden page needs none
			if (turn || !threadId || live || document.hidden) return;
			const { signal } = (live = new AbortController());
			// Staff may write whenever they like. Not just from the last turn on: its own stream left out what they said meanwhile
			await follow({ threadId, after: loaded, signal, until: () => false, heard: told, held, onLink: (link) => {
				if (!held) return;
				onLink(link);
				if (link.state === 'open') rest();
			} }).catch(() => {});
			if (live?.signal === signal) live = null;
		},

		unlisten() {
			live?.abort();
			live = null;
		},

		leave() {
			held = false;
			turn?.abort();
			conversation.unlisten();
		},
	};
	return conversation;
};

/** @param {Problem} error */
const isGone = ({ code }) => /^thread_(not_found|erased)$/.test(code);

/** Storage may be forbidden. @param {() => string | null | void} act */
const attempt = (act) => {
	try {
		return act();
	} catch {
		return null;
	}
};

// `crypto.randomUUID` is missing on plain http
const uuid = () => '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
	(+digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (+digit / 4)))).toString(16));
