/**
 * What stands in a conversation: messages, answers as they grow, their sources, and cards that ask for something.
 * An answer is told what happened and knows nothing of the wire; what a visitor does in it goes back through the `Desk`.
 * @import {Answer, Desk, Source} from './deskhand-types.js'
 */
import { h, icon, markdown, outLink, safeUrl } from './deskhand-render.js';

/** @param {string} template @param {Record<string, unknown>} values for `{name}` */
export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));

/** @param {string} text */
const sr = (text) => h('span', { class: 'sr' }, `${text} `);

/** @param {string} className @param {...(Node | string)} children */
const p = (className, ...children) => h('p', { class: className, dir: 'auto' }, ...children);

/** @param {string} text */
const prose = (text) => h('div', { class: 'text' }, markdown(text));

/** @param {Desk} desk @param {string} text */
export const visitorMessage = ({ t }, text) => h('div', { class: 'visitor', dir: 'auto' }, sr(t.you), text);

/** @param {Desk} desk @param {string} text @param {string | null} [name] */
export const staffMessage = ({ t }, text, name) => h('div', { class: 'staff' }, p('head', icon('person'), name || t.staff), prose(text));

/** @param {string} text */
export const line = (text) => p('line', text);

/** @param {Desk} desk @param {string} text in plain words @param {() => void} [again] */
export const failure = ({ t }, text, again) => h('div', { class: 'failed' }, icon('alert'),
  h('div', {}, p('', text), again ? h('button', { type: 'button', class: 'button', onclick: again }, t.retry) : ''));

/** @type {(desk: Desk) => Answer} */
export const createAnswer = (desk) => {
  const { t, lang, say, rate } = desk;
  /** @type {string[]} */
  let deltas = [];
  /** @type {Map<number, Source>} */
  const sources = new Map();
  /** @type {Map<number, HTMLElement>} */
  const footnotes = new Map();
  const body = h('div', { class: 'text' });
  const element = h('div', { class: 'answer' }, sr(t.agent), body);

  /** @param {string} text @returns {Set<number>} the footnotes that it uses */
  const write = (text) => {
    const used = new Set();
    body.replaceChildren(markdown(text, (n) => {
      const source = sources.get(n);
      if (!source) return null;
      used.add(n);
      const label = fill(t.source, { n, title: source.title });
      return h('button', { type: 'button', class: 'cite', 'aria-label': label, title: label, onclick: () => footnotes.get(n)?.focus() }, String(n));
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
    const button = h('button', { class: 'button main' }, t.send);
    const bad = h('p', { class: 'bad', role: 'alert' });
    return h('form', {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        const { validity: { valid }, value } = input;
        input.setAttribute('aria-invalid', String(!valid));
        bad.textContent = valid ? '' : t.invalid;
        if (!valid) return input.focus();
        input.disabled = button.disabled = true;
        say({ contact: { email: value }, echo: value });
      },
    }, h('div', { class: 'row' }, input, button), bad);
  };

  const feedback = () => {
    const word = h('span', { role: 'status' });
    /** @type {Set<string>} */
    const tags = new Set();
    /** @param {'up' | 'down'} value */
    const send = (value) => rate({ turn_id: answer.turnId, value, tags: [...tags] }).then(() => { word.textContent = t.thanks; }, () => {
      word.textContent = t.error_feedback;
      for (const thumb of thumbs) press(thumb, false);
    });
    const why = h('fieldset', { class: 'tags', hidden: true }, h('legend', {}, t.why),
      ...(/** @type {const} */ (['incorrect', 'missing', 'unclear', 'off_topic'])).map((tag) => h('button', {
        type: 'button', class: 'tag', 'aria-pressed': 'false',
        onclick: ({ currentTarget }) => {
          if (!tags.delete(tag)) tags.add(tag);
          press(currentTarget, tags.has(tag));
          send('down');
        },
      }, t[tag])));
    const thumbs = (/** @type {const} */ (['up', 'down'])).map((value) => h('button', {
      type: 'button', class: `thumb ${value}`, 'aria-pressed': 'false', 'aria-label': t[value], title: t[value],
      onclick: ({ currentTarget }) => {
        for (const thumb of thumbs) press(thumb, thumb === currentTarget);
        why.hidden = value === 'up';
        if (value === 'up') tags.clear();
        send(value);
      },
    }, icon('thumb')));
    return h('div', { class: 'after' }, ...thumbs, word, why);
  };

  /** @param {...(Node | string)} children */
  const card = (...children) => {
    answer.carded = true;
    element.append(h('div', { class: 'card' }, ...children));
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
      const buttons = [true, false].map((accept) => h('button', {
        type: 'button', class: accept ? 'button main' : 'button',
        onclick: () => {
          for (const button of buttons) button.disabled = true;
          say({ confirm: { proposal_id, accept }, echo: accept ? t.confirm : t.decline });
        },
      }, accept ? t.confirm : t.decline));
      card(prose(summary ?? ''),
        kind === 'confirm' && amount_minor && currency ? p('amount', money(amount_minor, currency, lang)) : '',
        kind === 'confirm' ? h('div', { class: 'row' }, ...buttons) : kind === 'contact' ? contact() : p('note', t.identity));
    },
    handoff({ next, ticket_id, needs_contact }) {
      card(p('head', icon('person'), t.handoff), prose(next ?? ''), ticket_id ? p('note', fill(t.ticket, { id: ticket_id })) : '',
        ...(needs_contact ? [p('', t.contact), contact()] : []));
    },
  };
  return answer;
};

/** @param {HTMLElement} button @param {boolean} on */
const press = (button, on) => button.setAttribute('aria-pressed', String(on));

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
