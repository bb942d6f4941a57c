// The shapes that the widget's modules share, for the type checker alone: no browser loads this file.
// They are global, so that the modules need not name this one. The wire's part says what the backend sends. The widget still treats each field as one that may be missing or odd,
// since it must get along with an older and a newer backend.

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
  status: string;
  last_seq: number;
  turn_in_progress: boolean;
  messages: StoredMessage[];
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
  /** For a stream that merely listens: it never gives up. */
  forever?: boolean;
}

type Problem = ReturnType<typeof import('./deskhand-client.js').problem>;

interface Client {
  snapshot(threadId: string, signal?: AbortSignal): Promise<Snapshot>;
  /** Polls until no turn is under way, and gives the thread as it is then. */
  settled(threadId: string, signal: AbortSignal): Promise<Snapshot>;
  cancel(threadId: string): Promise<unknown>;
  feedback(feedback: Feedback): Promise<unknown>;
  /**
   * Events, each once, until one fulfils `until`. A connection that ends before that is taken up again where it broke.
   * Ends early when `signal` aborts.
   */
  events(following: Following): AsyncGenerator<WireEvent, void, void>;
  /** Ids of events are counted per thread: with a new thread, what was seen is forgotten. */
  newThread(): void;
}

// deskhand-transcript.js

type Child = Node | string;

type Attributes = Record<string, string | boolean | ((event: any) => void) | undefined>;

/** The mark for footnote n, or null where there is no such source. */
type Cite = (n: number) => Node | null;

/** What a visitor says: text, or a press on a card, whose words (`echo`) then stand in its place. */
/** `id`: the message's, kept for another try after a lost connection: the backend then gives the same turn. */
interface Input { id?: string; text?: string; echo?: string; confirm?: Message['confirm']; contact?: Message['contact'] }

/** What parts of the transcript may use of the widget. */
interface Desk {
  t: Strings;
  lang: string;
  say(input: Input): void;
  rate(feedback: Feedback): Promise<unknown>;
}

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
  log: HTMLElement;
  draft: HTMLElement;
  /** Says what is being done; `passing` words are for so many ms (negative: until the next) and not the turn's progress. */
  work(text: string, passing?: number): void;
  /** Says a plain word, or nothing. */
  tell(text: string): void;
  /** Goes back to the turn's progress after a passing word. */
  resume(): void;
  /** Something was added: keep the newest in view, `always` or only for who reads at the end. */
  grown(always?: boolean): void;
  /** The turn began or ended, or the transcript is empty or no longer is. */
  changed(): void;
  /** Something came that a visitor with a closed panel doesn't see. */
  news(): void;
  refocus(): void;
}

interface Conversation {
  readonly busy: boolean;
  /** `again`: the words stand there already. */
  say(input: Input, again?: boolean): Promise<void>;
  rate: Desk['rate'];
  /** Takes up the conversation of an earlier page. */
  restore(): Promise<void>;
  stop(): void;
  startAnew(): void;
  /** While staff hold the thread their words may come at any time. */
  listen(): void;
  unlisten(): void;
  leave(): void;
}

/** Named one by one, so that no language misses any; and by name, for the words of an error's code. */
type Strings = typeof import('./deskhand-en.js').default & Record<string, string>;
