/**
 * <deskhand-chat>: the chat that visitors see. A custom element in plain JavaScript, without dependencies or build step.
 *
 *   <script type="module" src="…/deskhand-widget.js"></script>
 *   <deskhand-chat backend="https://desk.example" token-url="/token" greeting="Hello!"></deskhand-chat>
 *
 * token-url    same-origin address where POST {} gives {token, expires_at, backend?}
 * backend      the backend's origin; when missing, what the token's answer says, else the page's own
 * mode         `inline` (default: fills its container) or `launcher` (a floating button and a panel)
 * heading      the panel's title                      greeting     the first words of an empty conversation
 * suggestions  suggested questions, a JSON array      consent      a line below the input; Markdown links allowed
 * accent       a colour, best as #rrggbb              theme        `auto` (default), `light` or `dark`
 * lang, dir    when missing, those of the page around it
 *
 * Property `strings` replaces single strings of deskhand-en.js; methods `open()` and `close()` serve the launcher.
 * @import {Conversation, Desk, Stage, Strings} from './deskhand-types.js'
 */
import { connect } from './deskhand-client.js';
import { converse } from './deskhand-conversation.js';
import { h, icon, markdown } from './deskhand-render.js';
import { sheets } from './deskhand-style.js';
import { fill } from './deskhand-transcript.js';

/** @type {Record<string, () => Promise<{default: Strings}>>} */
const LANGUAGES = { en: () => import('./deskhand-en.js'), de: () => import('./deskhand-de.js') };
/** Languages written from the right, for pages that name a language but no direction. */
const RTL = /^(ar|ckb|dv|fa|he|ps|sd|ug|ur|yi)\b/i;
const MAX_LENGTH = 4000;
const COUNT_FROM = 3600;
/** A second press on the button that has just turned from Send into Stop was not meant to stop. */
const DOUBLE_CLICK = 400;

/** @param {string} className @param {() => void} onclick @param {...Node} children */
const button = (className, onclick, ...children) => h('button', { type: 'button', class: className, onclick }, ...children);

/** @param {HTMLElement} element @param {string} text */
const name = (element, text) => {
  element.ariaLabel = element.title = text;
};

export class DeskhandChat extends HTMLElement {
  static observedAttributes = ['lang', 'dir', 'heading', 'greeting', 'suggestions', 'consent', 'accent', 'mode'];

  /** @type {Desk} */
  #desk = {
    t: /** @type {Strings} */ ({}),
    lang: '',
    say: (input) => this.#conversation?.say(input),
    rate: async (feedback) => this.#conversation?.rate(feedback),
  };
  /** @type {Conversation | null} */
  #conversation = null;
  /** @type {Partial<Strings>} */
  #strings = {};
  #progress = '';
  #follows = true;
  #sentAt = 0;

  #dot = h('span', { class: 'dot', hidden: true });
  #launcher = button('launcher', () => (this.#panel.hidden ? this.open() : this.close()), icon('chat'), icon('close'), this.#dot);
  #title = h('h2', { id: 'title' });
  #subtitle = h('p');
  #fresh = button('tool', () => {
    this.#conversation?.startAnew();
    this.#input.focus();
  }, icon('fresh'));
  #close = button('tool', () => this.close(), icon('close'));
  #greeting = h('p', { class: 'greeting', dir: 'auto' });
  #suggestions = h('ul', { class: 'suggestions' });
  #log = h('div', { class: 'log', role: 'log', 'aria-live': 'polite' });
  // Beside the log, not in it: a growing answer would be read out with each sentence. Finished it moves over, and is read once.
  #draft = h('div', { class: 'log draft' });
  #status = h('div', { class: 'status', role: 'status' });
  #scroll = h('div', { class: 'scroll', tabindex: '0', role: 'group' }, this.#greeting, this.#suggestions, this.#log, this.#draft, this.#status);
  #label = h('label', { class: 'sr', for: 'input' });
  #input = h('textarea', { id: 'input', rows: '1', enterkeyhint: 'send', dir: 'auto', 'aria-describedby': 'counter' });
  #send = h('button', { class: 'send' });
  #counter = h('p', { id: 'counter' });
  #consent = h('div', { class: 'consent' });
  #form = h('form', {}, this.#label, h('div', { class: 'box' }, this.#input, this.#send), this.#counter, this.#consent);
  #panel = h('section', { class: 'panel', id: 'panel', 'aria-labelledby': 'title' },
    h('div', { class: 'bar' }, h('span', { class: 'mark' }, icon('chat')), h('div', {}, this.#title, this.#subtitle), this.#fresh, this.#close),
    this.#scroll, this.#form);
  #root = h('div', { class: 'root' }, this.#panel, this.#launcher);
  #shadow = this.attachShadow({ mode: 'open' });

  /** @type {Stage} */
  #stage = {
    desk: this.#desk,
    log: this.#log,
    draft: this.#draft,
    work: (text, passing = 0) => {
      if (!passing) this.#progress = text;
      this.#tell(text, h('span', { class: 'dots' }, h('i'), h('i'), h('i')));
      if (passing > 0) setTimeout(() => { if (this.#status.textContent === text) this.#tell(''); }, passing);
    },
    tell: (text) => this.#tell(text),
    resume: () => (this.#conversation?.busy ? this.#stage.work(this.#progress) : this.#tell('')),
    grown: (always) => this.#grown(always),
    changed: () => this.#changed(),
    news: () => this.#unread(!!this.#panel.hidden),
    // On a touch screen the input would bring up a keyboard over the answer.
    refocus: () => (matchMedia('(pointer: coarse)').matches ? this.#scroll : this.#input).focus({ preventScroll: true }),
  };

  constructor() {
    super();
    this.#shadow.adoptedStyleSheets = sheets(null);
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#conversation?.busy) this.#submit();
      else if (Date.now() - this.#sentAt > DOUBLE_CLICK) this.#conversation.stop();
    });
    this.#input.addEventListener('input', () => this.#measure());
    this.#input.addEventListener('keydown', (event) => {
      // An Enter that ends an input method's composition belongs to that; Safari tells it by keyCode alone.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      if (this.#conversation?.busy) this.#tell(this.#desk.t.answering);
      else this.#submit();
    });
    this.#scroll.addEventListener('scroll', () => {
      const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
      this.#follows = scrollHeight - scrollTop - clientHeight < 60;
    });
    this.#panel.addEventListener('keydown', ({ key, isComposing }) => {
      if (key === 'Escape' && !isComposing) this.close();
    });
  }

  async connectedCallback() {
    const backend = this.getAttribute('backend') ?? '';
    const client = connect(backend, this.getAttribute('token-url') ?? '');
    const conversation = (this.#conversation = converse(client, this.#stage, `deskhand:thread:${backend || location.origin}`));
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.#panel.hidden = this.#floating;
    await this.#dress();
    this.#shadow.append(this.#root);
    this.#measure();
    // A closed launcher costs the site nothing: it asks for token and thread when it is opened.
    if (!this.#panel.hidden) conversation.restore();
  }

  disconnectedCallback() {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#conversation?.leave();
  }

  attributeChangedCallback() {
    if (this.#conversation) this.#dress();
  }

  /** @param {Partial<Strings>} strings */
  set strings(strings) {
    this.#strings = strings;
    this.attributeChangedCallback();
  }

  get strings() {
    return this.#strings;
  }

  open() {
    if (!this.#floating) return;
    this.#panel.hidden = false;
    this.#unread(false);
    this.#conversation?.restore();
    this.#input.focus();
  }

  close() {
    if (!this.#floating) return;
    this.#panel.hidden = true;
    this.#unread(false);
    this.#launcher.focus();
  }

  get #floating() {
    return this.getAttribute('mode') === 'launcher';
  }

  #onVisibility = () => {
    if (document.hidden) this.#conversation?.unlisten();
    else this.#conversation?.listen();
  };

  /** Puts words, colours and roles on. */
  async #dress() {
    const lang = this.closest('[lang]')?.getAttribute('lang') || navigator.language;
    const { default: words } = await (LANGUAGES[lang.toLowerCase().split('-')[0]] ?? LANGUAGES.en)();
    const t = (this.#desk.t = { ...words, ...this.#strings });
    this.#desk.lang = this.#root.lang = lang;
    this.#root.dir = this.closest('[dir]')?.getAttribute('dir') || (RTL.test(lang) ? 'rtl' : 'ltr');
    this.#shadow.adoptedStyleSheets = sheets(this.getAttribute('accent'));
    this.#panel.role = this.#floating ? 'dialog' : 'region';
    this.#close.hidden = !this.#floating;
    this.#title.textContent = this.getAttribute('heading') || t.title;
    this.#subtitle.textContent = t.subtitle;
    this.#greeting.textContent = this.getAttribute('greeting') || t.greeting;
    this.#consent.replaceChildren(markdown(this.getAttribute('consent') ?? ''));
    this.#label.textContent = this.#input.placeholder = t.placeholder;
    this.#log.ariaLabel = this.#scroll.ariaLabel = t.log;
    name(this.#fresh, t.fresh);
    name(this.#close, t.close);
    this.#suggestions.ariaLabel = t.suggestions;
    this.#suggestions.replaceChildren(...list(this.getAttribute('suggestions')).map((text) => h('li', {},
      button('', () => this.#desk.say({ text }), h('span', { dir: 'auto' }, text), icon('arrow')))));
    this.#unread(!this.#dot.hidden);
    this.#changed();
  }

  #changed() {
    const { t } = this.#desk;
    const busy = this.#conversation?.busy;
    const blank = !this.#log.hasChildNodes() && !busy;
    this.#panel.classList.toggle('blank', blank);
    this.#suggestions.hidden = !blank;
    this.#fresh.hidden = blank;
    name(this.#send, busy ? t.stop : t.send);
    this.#send.replaceChildren(icon(busy ? 'stop' : 'arrow'));
    this.#measure();
  }

  /** @returns {boolean} whether what stands in the input can be sent */
  #measure() {
    const { value, style } = this.#input;
    const { length } = [...value];
    const over = length > MAX_LENGTH;
    this.#counter.textContent = length < COUNT_FROM ? '' : fill(this.#desk.t.counter, { n: length, max: MAX_LENGTH });
    this.#form.classList.toggle('over', over);
    this.#input.ariaInvalid = String(over);
    const ready = value.trim() !== '' && !over;
    this.#send.classList.toggle('idle', !ready && !this.#conversation?.busy);
    // Where a browser doesn't know `field-sizing`.
    style.height = '';
    if (this.#input.scrollHeight) style.height = `${this.#input.scrollHeight}px`;
    return ready;
  }

  #submit() {
    if (!this.#measure()) return this.#input.focus();
    this.#sentAt = Date.now();
    const text = this.#input.value.trim();
    this.#input.value = '';
    this.#desk.say({ text });
  }

  /** @param {string} text @param {...Node} before */
  #tell(text, ...before) {
    if (this.#status.textContent === text) return;
    this.#status.replaceChildren(...(text ? [...before, h('span', { dir: 'auto' }, text)] : []));
    this.#grown();
  }

  /**
   * Keeps the newest in view. A visitor who has scrolled up is left there,
   * and a long answer doesn't push its own beginning out of sight.
   * @param {boolean} [always]
   */
  #grown(always) {
    this.#follows ||= !!always;
    if (!this.#follows) return;
    const scroll = this.#scroll;
    const asked = [...this.#log.querySelectorAll('.visitor, .staff')].at(-1);
    const top = asked ? asked.getBoundingClientRect().top - scroll.getBoundingClientRect().top + scroll.scrollTop - 16 : Infinity;
    scroll.scrollTop = Math.max(scroll.scrollTop, Math.min(scroll.scrollHeight - scroll.clientHeight, top));
  }

  /** @param {boolean} is */
  #unread(is) {
    const { t } = this.#desk;
    const closed = this.#panel.hidden;
    this.#dot.hidden = !is;
    this.#launcher.ariaExpanded = String(!closed);
    name(this.#launcher, closed ? (is ? t.unread : t.open) : t.close);
  }
}

/** @param {string | null} json */
function list(json) {
  try {
    return Array.from(JSON.parse(json ?? '[]'), String);
  } catch {
    return [];
  }
}

if (!customElements.get('deskhand-chat')) customElements.define('deskhand-chat', DeskhandChat);
