/**
 * Makes elements, icons, and from the wire's Markdown: paragraphs, lists, bold, italic, code, links, footnote marks.
 * Whatever else a text holds, HTML above all, is shown as the text that it is: nothing here parses HTML,
 * so there is nothing to clean. Nor are there inline styles: a strict content security policy needs no exception.
 * @import {Attributes, Cite} from './deskhand-types.js'
 */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Attributes} [attributes] functions are listeners: `onclick` @param {...(Node | string)} children
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const ICONS = {
  arrow: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  fresh: 'M12 20h8M4 20l1-4L16.5 4.5a2 2 0 0 1 3 3L8 19z',
  close: 'M6 6l12 12M18 6L6 18',
  chat: 'M4 5h16v11h-9l-4 4v-4H4zM8 9h8M8 12h5',
  thumb: 'M7 11v9H4v-9zl4-7c1.6 0 2.6 1.2 2.3 2.8L12.8 10h5.4a2 2 0 0 1 2 2.4l-1.3 6a2 2 0 0 1-2 1.6H7',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0',
  alert: 'M12 9v4M12 16.5v.1M12 3.5l9 16H3z',
};

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const [svg, path] = ['svg', 'path'].map((tag) => document.createElementNS('http://www.w3.org/2000/svg', tag));
  path.setAttribute('d', ICONS[name]);
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon ${name}`);
  svg.append(path);
  return svg;
}

/**
 * An address that may become a link, or null.
 * @param {unknown} url @param {RegExp} [also] what may stand for `http(s)://` at its beginning
 */
export function safeUrl(url, also) {
  const text = String(url).trim();
  if (!/^https?:\/\//i.test(text) && !also?.test(text)) return null;
  try {
    const { href, origin } = new URL(text, location.origin);
    // "//elsewhere", "/\elsewhere" and "/<tab>/elsewhere" look like paths of this host and are none.
    return text[0] === '/' && origin !== location.origin ? null : href;
  } catch {
    return null;
  }
}

/** @param {string} href @param {...(Node | string)} children */
export const outLink = (href, ...children) => h('a', { href, target: '_blank', rel: 'noopener' }, ...children);

const ITEM = /^(\s*)(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;

/** @param {string} text @param {Cite} [cite] */
export function markdown(text, cite = () => null) {
  const out = document.createDocumentFragment();
  /** @type {string[]} */
  let lines = [];
  const flush = () => {
    if (ITEM.test(lines[0])) out.append(...lists(lines, cite));
    else if (lines.length) out.append(h('p', { dir: 'auto' }, inline(lines.join('\n'), cite)));
    lines = [];
  };
  /** @type {HTMLElement | null} */
  let code = null;
  let blank = false;
  for (const line of text.split(/\r\n?|\n/)) {
    const inList = ITEM.test(lines[0]);
    const heading = /^ {0,3}#{1,6} +(.*?)[ #]*$/.exec(line);
    if (/^\s*(```|~~~)/.test(line)) {
      flush();
      if (!code) out.append(h('pre', { dir: 'ltr', tabindex: '0' }, (code = h('code'))));
      else code = null;
    } else if (code) code.append(`${line}\n`);
    else if (!line.trim()) {
      // A list goes on after an empty line if what follows belongs to it.
      if (!inList) flush();
    } else if (heading) {
      flush();
      // No <h1>: an answer must not disturb the outline of the page that it stands in.
      out.append(h('p', { dir: 'auto' }, h('strong', {}, inline(heading[1], cite))));
    } else {
      if (ITEM.test(line) ? !inList : inList && blank && !/^\s\s/.test(line)) flush();
      lines.push(line.replace(/^\s*(>\s?)+/, ''));
    }
    blank = !line.trim();
  }
  flush();
  return out;
}

/** @param {string[]} lines items, and lines that continue one @param {Cite} cite */
function lists(lines, cite) {
  /** @type {HTMLElement[]} */
  const roots = [];
  /** @type {{indent: number, tag: string, list: HTMLElement}[]} */
  const open = [];
  for (const source of lines.join('\n').split(/\n(?=\s*(?:[-*+]|\d{1,9}[.)])\s)/)) {
    const [, { length: indent }, number, text] = /** @type {RegExpExecArray} */ (/^(\s*)(?:[-*+]|(\d+)[.)])\s+([^]*)$/.exec(source));
    const tag = number ? 'ol' : 'ul';
    while (open.length && (indent < open[0].indent || (indent < open[0].indent + 2 && tag !== open[0].tag))) open.shift();
    if (!open.length || indent > open[0].indent + 1) {
      const list = h(tag, { start: number });
      if (open.length) open[0].list.lastElementChild?.append(list);
      else roots.push(list);
      open.unshift({ indent, tag, list });
    }
    open[0].list.append(h('li', { dir: 'auto' }, inline(text.replace(/\n\s*/g, '\n'), cite)));
  }
  return roots;
}

const INLINE = new RegExp([
  /\\(?<escaped>[\\`*_{}[\]()<>#+\-.!|~])/,
  /(?<ticks>`+)(?<code>[^]*?[^`])\k<ticks>(?!`)/,
  /!?\[(?<label>[^[\]]*)\]\(\s*<?(?<url>[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"]*")?\s*\)/,
  /\s*\[(?<marks>\d{1,3}(?:\s*,\s*\d{1,3})*)\]/,
  /<?(?<bare>https?:\/\/[^\s<>[\]"]*[^\s<>[\]".,;:!?')*_])>?/,
  /(?<mail>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)/,
  /(?<b>\*\*|(?<!\w)__)(?=\S)(?<strong>[^]*?\S)\k<b>(?!\w)/,
  /\*(?=[^\s*])(?<em>[^*]*?[^\s*])\*/,
  /(?<!\w)_(?=[^\s_])(?<em_>[^_]*?[^\s_])_(?!\w)/,
  /(?<br> {2,}|\\)\n/,
].map(({ source }) => source).join('|'), 'g');

/** @param {string} text @param {Cite} cite @param {boolean} [inLink] links don't nest */
function inline(text, cite, inLink) {
  const out = document.createDocumentFragment();
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    out.append(text.slice(from, match.index));
    from = match.index + match[0].length;
    const g = /** @type {Record<string, string | undefined>} */ (match.groups);
    const em = g.em ?? g.em_;
    if (g.escaped) out.append(g.escaped);
    else if (g.code) out.append(h('code', {}, g.code.trim()));
    else if (g.strong) out.append(h('strong', {}, inline(g.strong, cite, inLink)));
    else if (em) out.append(h('em', {}, inline(em, cite, inLink)));
    else if (g.br) out.append(h('br'));
    else if (g.marks) {
      const marks = g.marks.split(',').flatMap((n) => cite(Number(n)) ?? []);
      // A narrow space that doesn't break: a mark stays with what it proves.
      for (const mark of marks) out.append('\u202F', mark);
      if (!marks.length) out.append(match[0]);
    } else {
      const words = g.label === undefined ? String(g.bare ?? g.mail) : inline(g.label, () => null, true);
      // A picture would tell its host who reads the answer: only its words are shown.
      const href = inLink || match[0][0] === '!' ? null : safeUrl(g.mail ? `mailto:${g.mail}` : g.url ?? g.bare, /^mailto:/i);
      out.append(href ? outLink(href, words) : words);
    }
  }
  out.append(text.slice(from));
  return out;
}
