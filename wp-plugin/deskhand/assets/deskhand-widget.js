/**
 * <deskhand-chat>: the chat that visitors see. A plain custom element without dependencies or build step.
 *
 *   <script type="module" src="…/deskhand-widget.js"></script>
 *   <deskhand-chat backend="https://desk.example" token-url="/token" greeting="Hello!"></deskhand-chat>
 *
 * backend      origin of the backend; when missing, what the token's answer says, else the page's own
 * token-url    same-origin address: POST {} gives {token, expires_at, backend?}
 * mode         `inline` (default, fills its container) or `launcher` (floating button and panel)
 * heading      name in the head of the panel          greeting     first words of an empty conversation
 * suggestions  JSON array of suggested questions      consent      line below the input (Markdown links allowed)
 * accent       colour as #rgb or #rrggbb              theme        `auto` (default), `light` or `dark`
 * lang, dir    else those of the page around it
 *
 * Property `strings` replaces single strings (deskhand-strings.js); methods `open()` and `close()` serve the launcher.
 * @import {Input, Link, Snapshot, WireEvent} from './deskhand-types.js'
 */
import { Client, Problem } from './deskhand-client.js';
import { h, icon } from './deskhand-dom.js';
import { markdown } from './deskhand-markdown.js';
import { fill, localeOf, stringsFor } from './deskhand-strings.js';
import { sheetsFor } from './deskhand-style.js';
import { Answer, failure, line, staffMessage, visitorMessage } from './deskhand-transcript.js';

const MAX_LENGTH = 4000;
const COUNT_FROM = 3600;
/** A second press of a button that has just turned from Send into Stop was not meant to stop. */
const DOUBLE_CLICK = 400;
const CANCEL_PATIENCE = 4000;
/** So many events are read again after a reload, for an answer under way or a card that still waits. */
const REPLAY = 200;

export class DeskhandChat extends HTMLElement {
  static observedAttributes = ['lang', 'dir', 'heading', 'greeting', 'suggestions', 'consent', 'accent', 'mode'];

  #client = new Client('', '');
  #desk = {
    t: stringsFor('en'),
    lang: 'en',
    say: (/** @type {Input} */ input) => { this.#say(input); },
    rate: (/** @type {Parameters<Client['feedback']>[0]} */ feedback) => this.#client.feedback(feedback),
  };
  /** @type {Partial<import('./deskhand-strings.js').Strings>} */
  #own = {};
  /** @type {string | undefined} */
  #threadId;
  /** The turn under way. @type {AbortController | null} */
  #turn = null;
  /** The live stream while staff hold the thread. @type {AbortController | null} */
  #listening = null;
  /** The answer that events are about. @type {Answer | null} */
  #answer = null;
  /** @type {Map<string, Answer>} */
  #answers = new Map();
  #held = false;
  #stopping = false;
  #sentAt = 0;
  /** All events up to here have been seen; the stream of a single turn may leave out what staff said meanwhile. */
  #solid = 0;
  /** What a loaded transcript already holds. */
  #loaded = 0;
  #progress = '';
  #restored = false;
  #follow = true;

  #launcher = h('button', { type: 'button', class: 'launcher', 'aria-expanded': 'false', 'aria-controls': 'panel', onclick: () => (this.#panel.hidden ? this.open() : this.close()) }, icon('chat'), icon('close'));
  #dot = h('span', { class: 'dot', hidden: true });
  #title = h('h2', { id: 'title' });
  #subtitle = h('p', { class: 'subtitle' });
  #fresh = h('button', { type: 'button', class: 'tool', onclick: () => this.#startAnew() }, icon('fresh'));
  #close = h('button', { type: 'button', class: 'tool', onclick: () => this.close() }, icon('close'));
  #greeting = h('div', { class: 'greeting', dir: 'auto' });
  #suggestions = h('ul', { class: 'suggestions' });
  #log = h('div', { class: 'log', role: 'log', 'aria-live': 'polite' });
  // Beside the log, not in it: a growing answer would be read out again with each sentence. Finished, it moves over and is read once.
  #draft = h('div', { class: 'draft' });
  #status = h('div', { class: 'status', role: 'status' });
  #scroll = h('div', { class: 'scroll', tabindex: '0', role: 'group' }, h('div', { class: 'welcome' }, this.#greeting, this.#suggestions), this.#log, this.#draft, this.#status);
  #label = h('label', { class: 'sr', for: 'input' });
  #input = h('textarea', { id: 'input', rows: '1', enterkeyhint: 'send', dir: 'auto', 'aria-describedby': 'counter' });
  #send = h('button', { class: 'send idle' });
  #box = h('div', { class: 'box' }, this.#input, this.#send);
  #counter = h('p', { class: 'counter', id: 'counter', hidden: true });
  #consent = h('div', { class: 'consent' });
  #form = h('form', { class: 'composer', novalidate: true }, this.#label, this.#box, this.#counter, this.#consent);
  #panel = h('section', { class: 'panel blank', id: 'panel', 'aria-labelledby': 'title' },
    h('header', {}, h('span', { class: 'mark' }, icon('chat')), h('div', { class: 'names' }, this.#title, this.#subtitle), this.#fresh, this.#close),
    this.#scroll, this.#form);
  #root = h('div', { class: 'root' }, this.#panel, this.#launcher);

  constructor() {
    super();
    this.attachShadow({ mode: 'open' }).append(this.#root);
    this.#launcher.append(this.#dot);
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#turn) this.#submit();
      else if (Date.now() - this.#sentAt > DOUBLE_CLICK) this.#stop();
    });
    this.#input.addEventListener('input', () => this.#measure());
    this.#input.addEventListener('keydown', (event) => {
      // An Enter that ends an input method's composition belongs to that; Safari tells it by keyCode alone.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      if (this.#turn) this.#tell(this.#desk.t.stillAnswering);
      else this.#submit();
    });
    this.#scroll.addEventListener('scroll', () => {
      const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
      this.#follow = scrollHeight - scrollTop - clientHeight < 60;
    }, { passive: true });
    this.#panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !event.isComposing && this.#floating) this.close();
    });
  }

  connectedCallback() {
    this.#client = new Client(this.getAttribute('backend') ?? '', this.getAttribute('token-url') ?? '');
    this.#panel.hidden = this.#floating;
    this.#dress();
    document.addEventListener('visibilitychange', this.#onVisibility);
    // A closed launcher costs the site nothing: it asks for token and thread when it is opened.
    if (!this.#floating) this.#restore();
  }

  disconnectedCallback() {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#turn?.abort();
    this.#listening?.abort();
    this.#restored = false;
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#dress();
  }

  /** @param {Partial<import('./deskhand-strings.js').Strings>} own */
  set strings(own) {
    this.#own = own;
    this.attributeChangedCallback();
  }

  get strings() {
    return this.#own;
  }

  open() {
    if (!this.#floating) return;
    this.#panel.hidden = false;
    this.#launcher.setAttribute('aria-expanded', 'true');
    this.#unread(false);
    this.#restore();
    this.#input.focus();
  }

  close() {
    if (!this.#floating) return;
    this.#panel.hidden = true;
    this.#launcher.setAttribute('aria-expanded', 'false');
    this.#launcher.focus();
  }

  get #floating() {
    return this.getAttribute('mode') === 'launcher';
  }

  /** Puts words, colours and roles on, from attributes, language and strings. */
  #dress() {
    const { lang, dir } = localeOf(this);
    const t = (this.#desk.t = stringsFor(lang, this.#own));
    this.#desk.lang = lang;
    if (this.shadowRoot) this.shadowRoot.adoptedStyleSheets = sheetsFor(this.getAttribute('accent'));
    this.#root.dir = dir;
    this.#root.lang = lang;
    this.#panel.setAttribute('role', this.#floating ? 'dialog' : 'region');
    this.#close.hidden = !this.#floating;
    this.#title.textContent = this.getAttribute('heading') || t.title;
    this.#subtitle.textContent = t.subtitle;
    this.#greeting.textContent = this.getAttribute('greeting') || t.greeting;
    this.#consent.replaceChildren(markdown(this.getAttribute('consent') ?? ''));
    this.#consent.hidden = !this.#consent.hasChildNodes();
    this.#label.textContent = t.label;
    this.#input.placeholder = t.placeholder;
    for (const element of [this.#log, this.#scroll]) element.setAttribute('aria-label', t.log);
    name(this.#fresh, t.fresh);
    name(this.#close, t.close);
    this.#suggestions.setAttribute('aria-label', t.suggestions);
    this.#suggestions.replaceChildren(...this.#suggested().map((text) => h('li', {},
      h('button', { type: 'button', onclick: () => this.#say({ text }) }, h('span', { dir: 'auto' }, text), icon('arrow')))));
    this.#unread(!this.#dot.hidden);
    this.#refresh();
  }

  #suggested() {
    try {
      const list = JSON.parse(this.getAttribute('suggestions') || '[]');
      return Array.isArray(list) ? list.map(String) : [];
    } catch {
      return [];
    }
  }

  /** What depends on whether there is a conversation, and whether an answer is under way. */
  #refresh() {
    const { t } = this.#desk;
    const blank = !this.#log.hasChildNodes() && !this.#draft.hasChildNodes();
    this.#panel.classList.toggle('blank', blank);
    this.#suggestions.hidden = !blank || !this.#suggestions.hasChildNodes();
    this.#fresh.hidden = blank;
    name(this.#send, this.#turn ? t.stop : t.send);
    this.#send.replaceChildren(icon(this.#turn ? 'stop' : 'send'));
    this.#measure();
  }

  /** @returns {boolean} whether what stands in the input can be sent */
  #measure() {
    const { t } = this.#desk;
    const length = [...this.#input.value].length;
    const over = length > MAX_LENGTH;
    const text = fill(t.counter, { n: length, max: MAX_LENGTH });
    this.#counter.hidden = length < COUNT_FROM;
    this.#counter.textContent = over ? `${text}. ${fill(t.tooLong, { max: MAX_LENGTH })}` : text;
    for (const element of [this.#counter, this.#box]) element.classList.toggle('over', over);
    this.#input.setAttribute('aria-invalid', String(over));
    const ready = this.#input.value.trim() !== '' && !over;
    this.#send.classList.toggle('idle', !ready && !this.#turn);
    // Where a browser doesn't know `field-sizing`.
    this.#input.style.height = 'auto';
    this.#input.style.height = `${this.#input.scrollHeight}px`;
    return ready;
  }

  #submit() {
    if (!this.#measure()) return this.#input.focus();
    const text = this.#input.value.trim();
    this.#input.value = '';
    this.#say({ text });
  }

  /**
   * Sends what the visitor said and follows the turn to its end.
   * @param {Input} input
   * @param {boolean} [again] then the words stand there already
   */
  async #say(input, again = false) {
    const { t, lang } = this.#desk;
    if (this.#turn) return this.#tell(t.stillAnswering);
    const words = visitorMessage(this.#desk, input.echo ?? input.text ?? '');
    if (!again) this.#log.append(words);
    const signal = this.#begin();
    this.#sentAt = Date.now();
    this.#refocus();
    const message = {
      message_id: uuid(), thread_id: this.#threadId, user_msg: input.text ?? '', confirm: input.confirm, contact: input.contact,
      // Neither query nor fragment: they may hold what is nobody's business.
      page: location.origin + location.pathname, locale: lang,
    };
    const until = (/** @type {WireEvent} */ event) => event.type === 'done';
    for (let tries = 0; ; tries += 1) {
      try {
        for await (const event of this.#client.events({ message, until, signal, onLink: this.#onLink })) this.#apply(event, input);
        break;
      } catch (error) {
        const problem = asProblem(error);
        if (tries < 3 && problem.code === 'turn_in_progress' && this.#threadId) {
          this.#work(t.waiting);
          // Perhaps in another tab: what was said there belongs here too.
          const found = await this.#client.settled(this.#threadId, signal).catch(() => null);
          if (found) this.#show(found);
          this.#log.append(words);
          this.#scrollOn(true);
        } else if (isGone(problem) && message.thread_id) {
          this.#forget();
          message.thread_id = undefined;
          message.message_id = uuid();
        } else {
          if (!signal.aborted) this.#answer?.fail(this.#explain(problem), () => this.#again(input));
          break;
        }
      }
    }
    this.#end(signal);
  }

  /** @param {Input} input */
  #again(input) {
    if (this.#turn) return;
    this.#log.lastElementChild?.remove();
    this.#say(input, true);
  }

  /** An answer begins. */
  #begin() {
    this.#turn = new AbortController();
    this.#stopping = false;
    this.#answer = new Answer(this.#desk);
    this.#draft.replaceChildren(this.#answer.element);
    this.#work(this.#desk.t.working);
    this.#refresh();
    this.#scrollOn(true);
    return this.#turn.signal;
  }

  /** @param {AbortSignal} signal of the turn that has ended */
  #end(signal) {
    if (this.#turn?.signal !== signal) return; // overtaken by a new conversation
    this.#turn = null;
    if (this.#answer && !this.#answer.finished && !this.#held) {
      if (signal.aborted) this.#answer.note(this.#desk.t.stopped);
      else this.#answer.fail(this.#desk.t.error);
    }
    this.#commit();
    this.#tell(this.#held ? this.#desk.t.held : '');
    this.#refresh();
    this.#listen();
  }

  /** The finished answer moves into the log, and is announced by that. */
  #commit() {
    const element = this.#draft.firstElementChild;
    if (!element) return;
    const focused = /** @type {HTMLElement | null} */ (this.shadowRoot?.activeElement);
    if (element.textContent === this.#desk.t.agent + ' ') element.remove();
    else this.#log.append(element);
    if (focused && element.contains(focused)) focused.focus();
    if (this.#panel.hidden) this.#unread(true);
    this.#scrollOn();
  }

  /**
   * @param {WireEvent} event
   * @param {Input} [input] what it answers, if it was said here
   */
  #apply(event, input) {
    const { t } = this.#desk;
    let answer = this.#answer;
    const open = answer !== null && !answer.finished;
    switch (event.type) {
      case 'turn': {
        const { turn_id, thread_id, by } = event.data;
        if (thread_id) this.#remember(thread_id);
        if (by === 'staff') {
          this.#held = true;
          this.#answer = null;
          this.#draft.replaceChildren();
          break;
        }
        answer = this.#answers.get(turn_id) ?? (open ? answer : null) ?? new Answer(this.#desk);
        answer.turnId = turn_id;
        this.#answer = answer;
        this.#answers.set(turn_id, answer);
        if (!answer.finished) this.#draft.replaceChildren(answer.element);
        if (this.#stopping) this.#cancel();
        break;
      }
      case 'step':
        if (open && event.data.status === 'start') this.#work(event.data.label || t.working);
        break;
      case 'citation':
        if (open) answer?.cite(event.data);
        break;
      case 'delta':
        if (!open) break;
        answer?.delta(event.data.i, event.data.md);
        this.#work(t.writing);
        break;
      case 'replace':
        if (!open) break;
        answer?.replace(event.data.from, event.data.md);
        this.#work(t.rephrasing);
        break;
      case 'ask':
      case 'handoff':
        if (event.type === 'handoff') this.#held = true;
        // In a replay only the last answer's card still stands.
        if (open || (answer && !answer.asks && this.#log.lastElementChild === answer.element)) {
          if (event.type === 'ask') answer?.ask(event.data);
          else answer?.handoff(event.data);
        }
        break;
      case 'final':
        if (open) answer?.final(event.data);
        break;
      case 'error':
        if (open) answer?.fail(event.data.detail || t.error, event.data.retryable && input ? () => this.#again(input) : undefined);
        break;
      case 'done':
        this.#commit();
        break;
      case 'staff':
        this.#staff(event);
        break;
      case 'typing':
        if (!this.#turn) this.#work(fill(t.typing, { who: event.data.who || t.staff }), 5000);
        break;
      case 'snapshot':
        this.#show(event.data);
    }
    this.#scrollOn();
  }

  /** @param {WireEvent & {type: 'staff'}} event */
  #staff({ id, data: { kind, name: who, md } }) {
    const { t } = this.#desk;
    this.#held = kind !== 'left' && (this.#held || kind !== 'system');
    if (id !== null && id <= this.#loaded) return;
    if (kind === 'message') this.#log.append(staffMessage(this.#desk, who, md ?? ''));
    else this.#log.append(line(kind === 'system' ? md ?? '' : fill(t[kind], { who: who || t.staff })));
    if (!this.#turn) this.#tell('');
    if (this.#panel.hidden) this.#unread(true);
    this.#refresh();
  }

  /** While staff hold the thread their words may come at any time; a hidden page gives its connection back. */
  async #listen() {
    if (!this.#held || !this.#threadId || this.#listening || document.hidden) return;
    const { signal } = (this.#listening = new AbortController());
    const onLink = (/** @type {Link} */ link) => { if (!this.#turn) this.#onLink(link); };
    try {
      const events = this.#client.events({
        threadId: this.#threadId, after: this.#solid, until: () => !this.#held, signal, onLink, forever: true,
      });
      for await (const event of events) {
        this.#solid = event.id ?? this.#solid;
        this.#apply(event);
      }
    } catch {
      // Told when the visitor next says something; a passive page needs no error.
    }
    if (this.#listening?.signal === signal) this.#listening = null;
  }

  #onVisibility = () => {
    if (!document.hidden) return void this.#listen();
    this.#listening?.abort();
    this.#listening = null;
  };

  /** Takes up the conversation of an earlier page. */
  async #restore() {
    if (this.#restored) return;
    this.#restored = true;
    const id = storage(this.#key);
    if (!id) return;
    const { t } = this.#desk;
    this.#work(t.loading);
    try {
      const found = await this.#client.snapshot(id);
      this.#threadId = id;
      this.#client.newThread();
      this.#show(found);
      this.#tell('');
      await this.#catchUp(found);
    } catch (error) {
      this.#tell('');
      if (isGone(asProblem(error))) return this.#forget();
      const failed = failure(this.#desk, t.error_load, () => {
        failed.remove();
        this.#restored = false;
        this.#refocus();
        this.#restore();
      });
      this.#log.append(failed);
      this.#refresh();
    }
  }

  /** @param {Snapshot} found */
  #show({ messages, last_seq, status }) {
    // History is not news: it must not be read out.
    this.#log.setAttribute('aria-live', 'off');
    setTimeout(() => this.#log.setAttribute('aria-live', 'polite'), 500);
    this.#answers.clear();
    this.#draft.replaceChildren(...(this.#turn && this.#answer && !this.#answer.turnId ? [this.#answer.element] : []));
    this.#log.replaceChildren(...messages.map(({ author, text, citations = [], turn_id, outcome }) => {
      if (author === 'visitor') return visitorMessage(this.#desk, text);
      if (author === 'staff') return staffMessage(this.#desk, null, text);
      if (author === 'system') return line(text);
      const answer = new Answer(this.#desk);
      answer.turnId = turn_id ?? '';
      for (const source of citations) answer.cite(source);
      answer.final({ outcome: outcome ?? '', text });
      if (turn_id) this.#answers.set(turn_id, answer);
      return answer.element;
    }));
    this.#solid = this.#loaded = last_seq;
    this.#held = /staff|hand/i.test(status);
    this.#refresh();
    this.#scrollOn(true);
  }

  /**
   * After a reload: follows an answer that is under way, or reads again what the last one asked for.
   * @param {Snapshot} found
   */
  async #catchUp({ thread_id, last_seq, turn_in_progress, messages }) {
    const asked = /asked|handoff/.test(messages.at(-1)?.outcome ?? '');
    if (!turn_in_progress && !asked) return this.#listen();
    const signal = turn_in_progress ? this.#begin() : new AbortController().signal;
    this.#answer = turn_in_progress ? this.#answer : null;
    const until = (/** @type {WireEvent} */ event) => {
      const id = event.id ?? 0;
      return turn_in_progress ? event.type === 'done' && id > last_seq : id >= last_seq;
    };
    try {
      const after = Math.max(0, last_seq - REPLAY);
      const events = this.#client.events({ threadId: thread_id, after, until, signal, onLink: this.#onLink });
      for await (const event of events) this.#apply(event);
    } catch (error) {
      if (turn_in_progress && !signal.aborted) this.#answer?.fail(this.#explain(asProblem(error)));
    }
    if (turn_in_progress) this.#end(signal);
    else this.#listen();
  }

  /** The visitor stops the answer. */
  #stop() {
    const turn = this.#turn;
    if (!turn || this.#stopping) return;
    this.#stopping = true;
    this.#work(this.#desk.t.stopping);
    if (this.#answer?.turnId) this.#cancel();
    // The backend closes the turn with what was said so far. If it doesn't, the visitor's wish still counts.
    setTimeout(() => turn.abort(), CANCEL_PATIENCE);
  }

  #cancel() {
    const turn = this.#turn;
    if (this.#threadId) this.#client.cancel(this.#threadId).catch(() => turn?.abort());
  }

  #startAnew() {
    if (this.#turn && this.#answer?.turnId) this.#cancel();
    this.#turn?.abort();
    this.#turn = null;
    this.#forget();
    this.#log.replaceChildren();
    this.#draft.replaceChildren();
    this.#tell('');
    this.#refresh();
    this.#input.focus();
  }

  /** @type {(link: Link) => void} */
  #onLink = (link) => {
    const { t } = this.#desk;
    if (link.state === 'busy') this.#work(fill(link.code === 'rate_limited' ? t.tooFast : t.busy, { n: link.seconds }), -1);
    else if (link.state === 'lost') this.#work(t.reconnecting, -1);
    else if (this.#turn) this.#work(this.#progress);
    else this.#tell('');
  };

  /**
   * Says what is being done, with moving dots.
   * @param {string} text
   * @param {number} [passing] a word that is not the turn's progress: for so many ms, or until the next
   */
  #work(text, passing = 0) {
    if (!passing) this.#progress = text;
    this.#tell(text, h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')));
    if (passing > 0) setTimeout(() => { if (this.#status.textContent === text) this.#tell(''); }, passing);
  }

  /** @param {string} text @param {...Node} before */
  #tell(text, ...before) {
    if (this.#status.textContent !== text) this.#status.replaceChildren(...(text ? [...before, h('span', { dir: 'auto' }, text)] : []));
    this.#scrollOn();
  }

  /** @param {Problem} problem */
  #explain({ code, detail, retryAfter }) {
    const { t } = this.#desk;
    const wait = !retryAfter ? t.aMoment : retryAfter < 100 ? fill(t.seconds, { n: retryAfter }) : fill(t.minutes, { n: Math.ceil(retryAfter / 60) });
    const known = /** @type {Record<string, string | undefined>} */ (t)[`error_${code}`];
    return known ? fill(known, { wait }) : code === 'proposal_expired' ? t.expired : detail || t.error;
  }

  /**
   * Keeps the newest in view, but a visitor who has scrolled up is left there,
   * and a long answer doesn't push its own beginning out of sight.
   * @param {boolean} [always]
   */
  #scrollOn(always = false) {
    if (always) this.#follow = true;
    if (!this.#follow) return;
    const asked = [...this.#log.querySelectorAll('.visitor')].at(-1);
    const bottom = this.#scroll.scrollHeight - this.#scroll.clientHeight;
    const top = asked ? asked.getBoundingClientRect().top - this.#scroll.getBoundingClientRect().top + this.#scroll.scrollTop - 16 : bottom;
    this.#scroll.scrollTop = Math.max(this.#scroll.scrollTop, Math.min(bottom, top));
  }

  /** What had the focus is gone. On a touch screen the input would bring up the keyboard over the answer. */
  #refocus() {
    (matchMedia('(pointer: coarse)').matches ? this.#scroll : this.#input).focus({ preventScroll: true });
  }

  /** @param {boolean} is */
  #unread(is) {
    this.#dot.hidden = !is;
    name(this.#launcher, this.#panel.hidden ? (is ? this.#desk.t.openUnread : this.#desk.t.open) : this.#desk.t.close);
  }

  get #key() {
    return `deskhand:thread:${this.getAttribute('backend') || location.origin}`;
  }

  /** @param {string} threadId */
  #remember(threadId) {
    this.#threadId = threadId;
    storage(this.#key, threadId);
  }

  #forget() {
    this.#listening?.abort();
    this.#listening = null;
    this.#threadId = undefined;
    this.#held = false;
    this.#solid = this.#loaded = 0;
    this.#answers.clear();
    this.#client.newThread();
    storage(this.#key, null);
  }
}

/** @param {HTMLElement} button @param {string} text */
function name(button, text) {
  button.setAttribute('aria-label', text);
  button.title = text;
}

/** @param {unknown} error */
const asProblem = (error) => (error instanceof Problem ? error : new Problem('unknown'));

/** @param {Problem} problem */
const isGone = ({ code }) => code === 'thread_not_found' || code === 'thread_erased';

/**
 * Reads, or with a value writes or removes. Storage may be forbidden: then a conversation lasts as long as its page.
 * @param {string} key
 * @param {string | null} [value]
 */
function storage(key, value) {
  try {
    if (value === undefined) return localStorage.getItem(key);
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // as above
  }
  return null;
}

/** `crypto.randomUUID` is missing on plain http, where many a site is built. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

if (!customElements.get('deskhand-chat')) customElements.define('deskhand-chat', DeskhandChat);
