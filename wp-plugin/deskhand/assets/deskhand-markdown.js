/**
 * Markdown from the wire as DOM nodes: paragraphs, lists, bold, italic, code, links, footnote marks.
 * Whatever else it holds, HTML above all, is shown as the text that it is:
 * no string is ever parsed as HTML here, so nothing needs to be cleaned.
 */
import { h } from './deskhand-dom.js';

/**
 * An address that may become a link, or null. Paths are for sources only, and must stay on the page's own host.
 * @param {unknown} url
 * @param {'web' | 'path' | 'mail'} also what besides http(s) is allowed
 */
export function safeUrl(url, also = 'web') {
  const text = String(url ?? '').trim();
  const path = also === 'path' && text.startsWith('/');
  if (!path && !/^https?:\/\//i.test(text) && !(also === 'mail' && /^mailto:/i.test(text))) return null;
  try {
    const parsed = new URL(text, location.origin);
    // "//elsewhere", "/\elsewhere" and "/<tab>/elsewhere" look like paths and are other hosts.
    return path && parsed.origin !== location.origin ? null : parsed.href;
  } catch {
    return null;
  }
}

/**
 * @param {string} href
 * @param {...(Node | string)} children
 */
export const outLink = (href, ...children) => h('a', { href, target: '_blank', rel: 'noopener' }, ...children);

/** @typedef {(n: number) => Node | null} Cite   the mark for footnote n, or null where there is no such source */

const ITEM = /^(\s*)(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;

/**
 * @param {string} text
 * @param {Cite} [cite]
 * @returns {DocumentFragment}
 */
export function markdown(text, cite = () => null) {
  const out = document.createDocumentFragment();
  /** @type {string[]} */
  let paragraph = [];
  /** @type {string[]} */
  let list = [];
  /** @type {string[] | null} */
  let code = null;

  const flush = () => {
    if (paragraph.length) out.append(h('p', { dir: 'auto' }, inline(paragraph.join('\n'), cite)));
    if (list.length) out.append(...buildLists(list, cite));
    paragraph = [];
    list = [];
  };
  const endCode = () => {
    out.append(h('pre', { dir: 'ltr', tabindex: '0' }, h('code', {}, /** @type {string[]} */ (code).join('\n'))));
    code = null;
  };

  let blank = false;
  for (const line of text.split(/\r\n?|\n/)) {
    if (/^\s*(```|~~~)/.test(line)) {
      if (code) endCode();
      else {
        flush();
        code = [];
      }
    } else if (code) {
      code.push(line);
    } else if (!line.trim()) {
      if (!list.length) flush();
    } else if (ITEM.test(line)) {
      if (paragraph.length) flush();
      list.push(line);
    } else if (list.length && (!blank || /^\s{2,}/.test(line))) {
      list.push(line);
    } else {
      if (list.length) flush();
      const heading = /^\s{0,3}#{1,6}\s+(.*?)\s*#*$/.exec(line);
      if (heading) {
        flush();
        // No <h1>: an answer must not disturb the outline of the page that it stands in.
        out.append(h('p', { dir: 'auto' }, h('strong', {}, inline(heading[1], cite))));
      } else {
        paragraph.push(line.replace(/^\s*(?:>\s?)+/, '').replace(/^\s+/, ''));
      }
    }
    blank = !line.trim();
  }
  if (code) endCode();
  flush();
  return out;
}

/**
 * @param {string[]} lines item lines, and the lines that continue an item
 * @param {Cite} cite
 */
function buildLists(lines, cite) {
  /** @type {HTMLElement[]} */
  const roots = [];
  /** @type {{indent: number, tag: string, list: HTMLElement, item: HTMLElement, text: string}[]} */
  const open = [];
  const close = () => {
    const level = open.pop();
    level?.item.prepend(inline(level.text, cite));
  };
  for (const line of lines) {
    const match = ITEM.exec(line);
    let top = open[open.length - 1];
    if (!match) {
      top.text += `\n${line.trim()}`;
      continue;
    }
    const [, space, number, text] = match;
    const tag = number ? 'ol' : 'ul';
    while (top && (space.length < top.indent || (space.length < top.indent + 2 && tag !== top.tag))) {
      close();
      top = open[open.length - 1];
    }
    const item = h('li', { dir: 'auto' });
    if (top && space.length < top.indent + 2) {
      top.item.prepend(inline(top.text, cite));
      top.list.append(item);
      top.item = item;
      top.text = text;
    } else {
      const list = h(tag, number && number !== '1' ? { start: number } : {}, item);
      if (top) top.item.append(list);
      else roots.push(list);
      open.push({ indent: space.length, tag, list, item, text });
    }
  }
  while (open.length) close();
  return roots;
}

const INLINE = new RegExp(
  [
    /\\(?<escaped>[\\`*_{}[\]()<>#+\-.!|~])/,
    /(?<ticks>`+)(?<code>[^]*?[^`])\k<ticks>(?!`)/,
    /!?\[(?<label>[^[\]]*)\]\(\s*<?(?<url>[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"]*")?\s*\)/,
    /\s*\[(?<marks>\d{1,3}(?:\s*,\s*\d{1,3})*)\]/,
    /<?(?<bare>https?:\/\/[^\s<>[\]"]+)>?/,
    /(?<mail>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)/,
    /\*\*(?=\S)(?<strong>[^]*?\S)\*\*(?!\*)/,
    /(?<!\w)__(?=\S)(?<strong_>[^]*?\S)__(?!\w)/,
    /\*(?=[^\s*])(?<em>[^*]*?[^\s*])\*/,
    /(?<!\w)_(?=[^\s_])(?<em_>[^_]*?[^\s_])_(?!\w)/,
    /(?<br>(?: {2,}|\\)\n)/,
  ].map((part) => part.source).join('|'),
  'g',
);

/**
 * @param {string} text
 * @param {Cite} cite
 * @param {boolean} [inLink] links don't nest
 * @returns {DocumentFragment}
 */
function inline(text, cite, inLink = false) {
  const out = document.createDocumentFragment();
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    out.append(text.slice(from, match.index));
    from = match.index + match[0].length;
    const g = /** @type {Record<string, string | undefined>} */ (match.groups);
    const strong = g.strong ?? g.strong_;
    const em = g.em ?? g.em_;
    if (g.escaped !== undefined) out.append(g.escaped);
    else if (g.code !== undefined) out.append(h('code', {}, g.code.trim()));
    else if (strong !== undefined) out.append(h('strong', {}, inline(strong, cite, inLink)));
    else if (em !== undefined) out.append(h('em', {}, inline(em, cite, inLink)));
    else if (g.br !== undefined) out.append(h('br'));
    else if (g.label !== undefined) {
      const href = match[0].startsWith('!') || inLink ? null : safeUrl(g.url, 'mail');
      const label = inline(g.label, () => null, true);
      out.append(href ? outLink(href, label) : label);
    } else if (g.bare !== undefined) {
      const [, address, rest] = /** @type {RegExpExecArray} */ (/^(.*?)([.,;:!?'")*_]*)$/.exec(g.bare));
      const href = inLink ? null : safeUrl(address);
      out.append(href ? outLink(href, address) : address, rest);
    } else if (g.mail !== undefined) {
      out.append(inLink ? g.mail : outLink(`mailto:${g.mail}`, g.mail));
    } else if (g.marks !== undefined) {
      const marks = inLink ? [] : g.marks.split(',').map((n) => cite(Number(n)));
      // A mark stays on the line of what it proves: a narrow no-break space before it.
      for (const mark of marks) out.append(mark ? '\u202F' : '', mark ?? '');
      if (!marks.some(Boolean)) out.append(match[0]);
    }
  }
  out.append(text.slice(from));
  return out;
}
