/**
 * What stands in a conversation: messages, answers as they grow, their sources, and cards that ask for something.
 * An answer is told what happened and knows nothing of the wire; what a visitor does in it goes back through the `Desk`.
 * @import {Answer, Desk, Source} from './deskhand-types.js'
 */
import { h, icon, markdown, outLink, safeUrl } from './deskhand-render.js';

/** @param {string} template @param {Record<string, unknown>} values for `{name}` */
export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));

/** @param {string} className @param {...(Node | string)} children */
const p = (className, ...children) => h('p', { class: className, dir: 'auto' }, ...children);

/** @param {string} className @param {...(Node | string)} children */
const div = (className, ...children) => h('div', { class: className }, ...children);

/** @param {string} text */
const sr = (text) => h('span', { class: 'sr' }, `${text} `);

/** @param {string} text */
const prose = (text) => div('text', markdown(text));

/** @param {string} className @param {(event: any) => void} onclick @param {...(Node | string)} children */
export const button = (className, onclick, ...children) => h('button', { type: 'button', class: className, onclick }, ...children);

/** @param {HTMLElement} element @param {string} text for the eye and the ear */
export const name = (element, text) => {
  element.ariaLabel = element.title = text;
  return element;
};

/** @param {Desk} desk @param {string} text */
export const visitorMessage = ({ t }, text) => h('div', { class: 'visitor', dir: 'auto' }, sr(t.you), text);

/** @param {Desk} desk @param {string} text @param {string | null} [who] */
export const staffMessage = ({ t }, text, who) => div('staff', p('head', icon('person'), who || t.staff), prose(text));

/** @param {string} text */
export const line = (text) => p('line', text);

/** @param {Desk} desk @param {string} text in plain words @param {() => void} [again] */
export const failure = ({ t }, text, again) => div('failed', icon('alert'), div('', p('', text), again ? button('button', again, t.retry) : ''));

/** @type {(desk: Desk) => Answer} */
export const createAnswer = (desk) => {
  const { t, lang, say, rate } = desk;
  /** @type {string[]} */
  let deltas = [];
  /** @type {Map<number, Source>} */
  const sources = new Map();
  /** @type {Map<number, HTMLElement>} */
  const footnotes = new Map();
  const body = div('text');
  const element = div('answer', sr(t.agent), body);

  /** @param {string} text @returns {Set<number>} the footnotes that it uses */
  const write = (text) => {
    const used = new Set();
    body.replaceChildren(markdown(text, (n) => {
      const source = sources.get(n);
      if (!source) return null;
      used.add(n);
      return name(button('cite', () => footnotes.get(n)?.focus(), String(n)), fill(t.source, { n, title: source.title }));
    }));
    return used;
  };

  /** @param {Source} source */
  const footnote = ({ n, title, url, section, snippet }) => {
    const href = safeUrl(url, /^\//);
    const content = [
      h('span', { class: 'n' }, String(n)),
      h('span', { class: 'what', dir: 'auto' }, h('b', {}, title || href || ''), section ? ` · ${section}` : '', snippet ? h('span', { class: 'snippet' }, snippet) : ''),
    ];
    const note = href ? outLink(href, ...content, icon('arrow'), sr(`(${t.tab})`)) : h('div', { tabindex: '-1' }, ...content);
    note.classList.add('source');
    footnotes.set(n, note);
    return h('li', {}, note);
  };

  const contact = () => {
    const input = h('input', { type: 'email', autocomplete: 'email', required: true, dir: 'ltr', 'aria-label': t.email, placeholder: t.email });
    const send = h('button', { class: 'button main' }, t.send);
    const bad = h('p', { class: 'bad', role: 'alert' });
    return h('form', {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        const { validity: { valid }, value } = input;
        input.ariaInvalid = String(!valid);
        bad.textContent = valid ? '' : t.invalid;
        if (!valid) return input.focus();
        input.disabled = send.disabled = true;
        say({ contact: { email: value }, echo: value });
      },
    }, div('row', input, send), bad);
  };

  const feedback = () => {
    const word = h('span', { role: 'status' });
    /** @type {Set<string>} */
    const tags = new Set();
    /** @param {'up' | 'down'} value */
    const send = (value) => rate({ turn_id: answer.turnId, value, tags: [...tags] }).then(() => { word.textContent = t.thanks; }, () => {
      word.textContent = t.error_feedback;
      for (const thumb of thumbs) thumb.ariaPressed = 'false';
    });
    const why = h('fieldset', { class: 'tags', hidden: true }, h('legend', {}, t.why), ...(/** @type {const} */ (['incorrect', 'missing', 'unclear', 'off_topic'])).map((tag) => {
      const toggle = button('tag', () => {
        if (!tags.delete(tag)) tags.add(tag);
        toggle.ariaPressed = String(tags.has(tag));
        send('down');
      }, t[tag]);
      toggle.ariaPressed = 'false';
      return toggle;
    }));
    const thumbs = (/** @type {const} */ (['up', 'down'])).map((value) => {
      const thumb = name(button(`thumb ${value}`, () => {
        for (const each of thumbs) each.ariaPressed = String(each === thumb);
        why.hidden = value === 'up';
        if (value === 'up') tags.clear();
        send(value);
      }, icon('thumb')), t[value]);
      thumb.ariaPressed = 'false';
      return thumb;
    });
    return div('after', ...thumbs, word, why);
  };

  /** @param {...(Node | string)} children */
  const card = (...children) => {
    answer.carded = true;
    element.append(div('card', ...children));
  };

  /** @type {Answer} */
  const answer = {
    element,
    turnId: '',
    finished: false,
    carded: false,
    cite: (source) => { sources.set(source.n, source); },
    delta(i, md) {
      deltas[i] = md;
      write(deltas.reduce(join, ''));
    },
    replace(from, md) {
      deltas = deltas.slice(0, from);
      answer.delta(from, md ?? '');
    },
    final({ outcome, text, citations = [], incomplete }) {
      answer.finished = true;
      const used = write(text || (outcome === 'withheld' ? t.withheld : ''));
      const listed = [...sources.values()].filter(({ n }) => used.has(n) || citations.includes(n)).sort((a, b) => a.n - b.n);
      if (listed.length) body.after(h('section', { class: 'sources' }, h('h3', {}, t.sources), h('ol', {}, ...listed.map(footnote))));
      if (outcome === 'cancelled') answer.note(t.stopped);
      else if (incomplete) answer.note(t.incomplete);
      if (text && answer.turnId && !/asked|cancelled/.test(outcome ?? '')) element.append(feedback());
    },
    note: (text) => element.append(p('note', text)),
    fail(text, again) {
      answer.finished = true;
      element.append(failure(desk, text, again));
    },
    ask({ kind, proposal_id = '', summary, amount_minor, currency }) {
      const buttons = [true, false].map((accept) => button(accept ? 'button main' : 'button', () => {
        for (const each of buttons) each.disabled = true;
        say({ confirm: { proposal_id, accept }, echo: accept ? t.confirm : t.decline });
      }, accept ? t.confirm : t.decline));
      card(prose(summary ?? ''), ...(kind === 'contact' ? [contact()] : kind === 'identity' ? [p('note', t.identity)]
        : [amount_minor && currency ? p('amount', money(amount_minor, currency, lang)) : '', div('row', ...buttons)]));
    },
    handoff({ next, ticket_id, needs_contact }) {
      card(p('head', icon('person'), t.handoff), prose(next ?? ''), ticket_id ? p('note', fill(t.ticket, { id: ticket_id })) : '',
        ...(needs_contact ? [p('', t.contact), contact()] : []));
    },
  };
  return answer;
};

/** @param {number} minor @param {string} currency @param {string} lang */
function money(minor, currency, lang) {
  const format = new Intl.NumberFormat(lang, { style: 'currency', currency });
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/**
 * Sentences come without what stood between them: list items start lines of their own, the rest runs on.
 * @param {string} text @param {string} md
 */
function join(text, md) {
  const apart = !text || /\s$/.test(text) || /^\s/.test(md) ? '' : /^([-*+]|\d+[.)]|#+)\s|^```/.test(md) ? '\n' : ' ';
  return text + apart + md;
}
