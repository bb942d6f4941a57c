// SPDX-License-Identifier: GPL-2.0-or-later
// The shapes that the widget's modules share, and what they promise one another. For the type checker alone:
// no browser loads this file, so it is also where the longer explanations stand. Its names are global.
// The widget treats what comes from the wire as something that may be missing or odd:
// it must get along with an older and a newer backend.

// deskhand-widget.js

/** The attributes of <deskhand-chat>. `backend`, `token-url` and `mode` are read when it enters a page, the others at any time. */
interface ChatAttributes {
	/**
	 * Same-origin address where POST {} gives {token, expires_at, backend?, relay?}; cookies of the site go with it.
	 * `relay` is where WordPress takes what the browser can't bring to the backend itself.
	 */
	'token-url': string;
	/** Same-origin address where GET gives {nonce}, which goes to `token-url` and to the relay as X-WP-Nonce. */
	'session-url'?: string;
	/** Origin of the backend; when missing, what the token's answer says, else the page's own. A thread is remembered per backend. */
	backend?: string;
	/** `inline`, the default, fills its container; `launcher` is a floating button with a panel, and asks for nothing until opened. */
	mode?: 'inline' | 'launcher';
	/** Title of the panel. */
	heading?: string;
	/** First words of an empty conversation. */
	greeting?: string;
	/** Suggested questions, a JSON array of strings. */
	suggestions?: string;
	/** A line below the input, in Markdown; its links must be http(s) or mailto. */
	consent?: string;
	/** A JSON object of words to say instead of deskhand-en.js's, for languages that have no file of their own. */
	strings?: string;
	/** The name of the closed launcher's button, before the widget is there (deskhand-launcher.js). */
	label?: string;
	/** Any CSS colour. Its lightness is adjusted where text would be hard to read. */
	accent?: string;
	theme?: 'auto' | 'light' | 'dark';
	/** When missing, those of the page around it; `dir` also follows from the language. */
	lang?: string;
	dir?: 'ltr' | 'rtl';
}

// The wire (PROTOCOL.md)

interface Source { n: number; title: string; url?: string | null; section?: string | null; snippet?: string | null }

interface Ask {
	kind: 'confirm' | 'identity' | 'contact';
	proposal_id?: string;
	summary?: string;
	amount_minor?: number | null;
	currency?: string | null;
	expires_at?: string | null;
}

interface Handoff { handoff_id: string; reason?: string; ticket_id?: string | null; needs_contact?: boolean; next?: string }

interface StaffNote { kind: 'joined' | 'message' | 'left' | 'system'; name?: string | null; md?: string | null }

interface Final { outcome?: string | null; text: string; citations?: number[]; incomplete?: boolean }

interface StoredMessage {
	author: 'visitor' | 'agent' | 'staff' | 'system';
	text: string;
	citations?: Source[];
	at?: string;
	turn_id?: string | null;
	outcome?: string | null;
}

interface Snapshot {
	thread_id: string;
	/** What names staff or a handoff means that a person has the thread, or will: then the widget listens on. */
	status: string;
	last_seq: number;
	turn_in_progress: boolean;
	messages: StoredMessage[];
	/** What the last message asks for, and who takes over after it. */
	ask?: Ask | null;
	handoff?: Handoff | null;
}

type Payload =
	| { type: 'turn'; data: { turn_id: string; message_id?: string; thread_id?: string; by: 'agent' | 'staff' } }
	| { type: 'step'; data: { phase: string; status: string; label?: string } }
	| { type: 'citation'; data: Source }
	| { type: 'delta'; data: { i: number; md: string } }
	| { type: 'replace'; data: { from: number; md?: string | null } }
	| { type: 'ask'; data: Ask }
	| { type: 'handoff'; data: Handoff }
	| { type: 'staff'; data: StaffNote }
	| { type: 'final'; data: Final }
	| { type: 'error'; data: { code: string; detail?: string; retryable?: boolean } }
	| { type: 'done'; data: { turn_id: string } }
	| { type: 'typing'; data: { who?: string } }
	// Ours: what polling found where no stream comes through.
	| { type: 'snapshot'; data: Snapshot };

/** `id` is null for what is not stored: `typing`, and what the widget makes up from an answer that came in one piece. */
type WireEvent = { id: number | null } & Payload;

interface Message {
	message_id: string;
	thread_id?: string;
	user_msg: string;
	page?: string;
	locale?: string;
	confirm?: { proposal_id: string; accept: boolean };
	contact?: { email: string };
}

interface Feedback { turn_id: string; value: 'up' | 'down'; tags?: string[] }

// deskhand-client.js

type Sent = Omit<RequestInit, 'body'> & { body?: unknown };

/** One event as the stream has it; `id` is its own, or empty. */
interface RawEvent { id: string; type: string; data: string }

/** How a turn's connection is; when `busy`, the next try comes after the seconds that the backend asked for. */
interface Link { state: 'open' | 'lost' | 'busy'; seconds?: number }

interface Following {
	/** Posted first; without it a thread is followed. */
	message?: Message;
	threadId?: string;
	/** The sequence number after which to begin. */
	after?: number;
	until(event: WireEvent): boolean;
	signal: AbortSignal;
	onLink(link: Link): void;
	/** For what merely listens, and never gives up: how many messages of staff, and of the house for them, are known, where they must be polled for. */
	heard?: number;
	/** And whether a person has the thread, or will: false ends it where there is no stream. */
	held?: boolean;
}

/** What went wrong, by the code of the backend's problem+json, or `offline`, `slow`, `token_refused`; `retryAfter` in seconds. */
type Problem = ReturnType<typeof import('./deskhand-client.js').problem>;

/**
 * Each request carries a token, which is fetched when it is first needed, renewed half a minute before its end,
 * and once more when the backend refuses it. It is held in memory alone.
 */
interface Client {
	snapshot(threadId: string, signal?: AbortSignal): Promise<Snapshot>;
	/** Polls until no turn is under way, for half a minute at most, and gives the thread as it is then. */
	settled(threadId: string, signal: AbortSignal): Promise<Snapshot>;
	cancel(threadId: string): Promise<unknown>;
	feedback(feedback: Feedback): Promise<unknown>;
	/**
	 * Events, until one fulfils `until`; those of a resumed stream only if they are new. Ends early when `signal` aborts.
	 *
	 * - A connection that breaks, ends early, or is silent past two heartbeats is taken up again after its last event,
	 *   with backoff from the server's `retry` up to 15 s; after ten failures in a row it is `offline`.
	 *   Before the `turn` event came, the same message is posted again: its id makes that harmless.
	 * - A stream that ends because its token does is resumed at once.
	 * - 429 and 503 are waited for as long as they ask, up to 30 s and four times; past that they are thrown.
	 * - Three answers without a single byte mean that something between swallows streams:
	 *   then the answer is asked for in one piece, or its thread polled.
	 * - Where the token's answer names a relay: two requests in a row that don't reach the backend, or two such streams,
	 *   mean that it can't be reached from this page, which from then on asks and polls by WordPress.
	 */
	events(following: Following): AsyncGenerator<WireEvent, void, void>;
	/** Ids of events are counted per thread: with a new thread, what was seen is forgotten. */
	newThread(): void;
}

// deskhand-transcript.js

type Child = Node | string;

/** Functions are listeners: `onclick`. */
type Attributes = Record<string, string | boolean | ((event: any) => void) | undefined>;

/** The mark for footnote n, or null where there is no such source. */
type Cite = (n: number) => Node | null;

/**
 * What a visitor says: text, or a press on a card, whose words (`echo`) then stand in its place.
 * `id` is the message's, kept for another try after a lost connection: the backend then gives the same turn.
 */
interface Input { id?: string; text?: string; echo?: string; confirm?: Message['confirm']; contact?: Message['contact'] }

/** What parts of the transcript may use of the widget. */
interface Desk {
	t: Strings;
	lang: string;
	say(input: Input): void;
	rate(feedback: Feedback): Promise<unknown>;
}

/** An answer is told what happened and knows nothing of the wire; what a visitor does in it goes back through the `Desk`. */
interface Answer {
	element: HTMLElement;
	/** Known from the `turn` event on; before that nothing can be stopped or rated. */
	turnId: string;
	/** Whether its end has been heard: a replay must not write it again. */
	finished: boolean;
	/** Whether it asks for something, or says who takes over. */
	carded: boolean;
	cite(source: Source): void;
	delta(i: number, md: string): void;
	/** Takes back what was said from sentence `from` on. */
	replace(from: number, md?: string | null): void;
	/** The whole counts, whatever came before it. */
	final(final: Final): void;
	note(text: string): void;
	fail(text: string, again?: () => void): void;
	ask(ask: Ask): void;
	handoff(handoff: Handoff): void;
}

// deskhand-conversation.js

/** Where a conversation takes place, and what it can tell there. */
interface Stage {
	desk: Desk;
	/** A live region: what is added to it is read out. */
	log: HTMLElement;
	/** Beside it: the answer that grows. Finished, it moves into the log, and so is read out once. */
	draft: HTMLElement;
	/** Says what is being done; `passing` words are for so many ms (negative: until the next) and not the turn's progress. */
	work(text: string, passing?: number): void;
	/** Says a plain word, or nothing. */
	tell(text: string): void;
	/** Goes back to the turn's progress after a passing word. */
	resume(): void;
	/** Something was added: keep the newest in view, `always` or only for who reads at the end. */
	grown(always?: boolean, whole?: boolean): void;
	/** The turn began or ended, or the transcript is empty or no longer is. */
	changed(): void;
	/** Something came that a visitor with a closed panel doesn't see. */
	news(): void;
	/** What had the focus is gone. */
	refocus(): void;
}

/**
 * Knows one thread at a time and remembers its id over a reload. Between its turns a second stream stays open while the page is seen, for
 * what staff say, who may write whenever they like: it begins before this page's own turns, whose streams leave out what
 * staff said meanwhile, and drops what was seen.
 */
interface Conversation {
	readonly busy: boolean;
	/** `again`: the words stand there already. */
	say(input: Input, again?: boolean): Promise<void>;
	rate: Desk['rate'];
	/** Takes up the conversation of an earlier page: what was said, an answer under way, a card that still waits. */
	restore(): Promise<void>;
	/** The backend closes the turn with what was said so far; if it doesn't within 4 s, it is closed here. */
	stop(): void;
	startAnew(): void;
	listen(): void;
	unlisten(): void;
	/** The element leaves the page. */
	leave(): void;
}

// deskhand-en.js, deskhand-de.js

/** Named one by one, so that no language misses any; and by any name, for the words of an error's code. */
type Strings = typeof import('./deskhand-en.js').default & Record<string, string>;
