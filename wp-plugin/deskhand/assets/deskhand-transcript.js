// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What stands in a conversation: messages, answers as they grow, sources, cards that ask for something, Markdown.
 * Nothing here parses HTML: what isn't Markdown is shown as the text that it is, so there is nothing to clean.
 */

/** @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {Attributes} [attributes] @param {...Child} children */
export function h(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === 'function') element.addEventListener(name.slice(2), value);
		else if (value) element.setAttribute(name, value === true ? '' : value);
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

/** @param {unknown} url @param {RegExp} also besides http(s) */
function safeUrl(url, also) {
	const text = String(url).trim();
	if (!/^https?:\/\//i.test(text) && !also.test(text)) return null;
	try {
		const { href, origin } = new URL(text, location.origin);
		// "//elsewhere", "/\elsewhere", "/<tab>/elsewhere" are no paths of this host
		return text[0] === '/' && origin !== location.origin ? null : href;
	} catch {
		return null;
	}
}

/** @param {string} href @param {...Child} children */
const outLink = (href, ...children) => h('a', { href, target: '_blank', rel: 'noopener' }, ...children);

const ITEM = /^(\s*)(?:[-*+]|(\d{1,9})[.)])\s+([^]*)$/;

/** @param {string} text @param {Cite} [cite] */
export function markdown(text, cite = () => null) {
	const out = document.createDocumentFragment();
	/** @type {string[]} */
	let lines = [];
	/** @param {Node} content */
	const paragraph = (content) => out.append(h('p', { dir: 'auto' }, content));
	const flush = () => {
		if (ITEM.test(lines[0])) out.append(...lists(lines, cite));
		else if (lines.length) paragraph(inline(lines.join('\n'), cite));
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
			if (!inList) flush();
		} else if (heading) {
			flush();
			// No <h1>: the outline is the page's own
			paragraph(h('strong', {}, inline(heading[1], cite)));
		} else {
			if (ITEM.test(line) ? !inList : inList && blank && !/^\s\s/.test(line)) flush();
			lines.push(line.replace(/^\s*(>\s?)+/, ''));
		}
		blank = !line.trim();
	}
	flush();
	return out;
}

/** @param {string[]} lines @param {Cite} cite */
function lists(lines, cite) {
	/** @type {HTMLElement[]} */
	const roots = [];
	/** @type {{indent: number, tag: string, list: HTMLElement}[]} */
	const open = [];
	for (const source of lines.join('\n').split(/\n(?=\s*(?:[-*+]|\d{1,9}[.)])\s)/)) {
		const [, { length: indent }, start, text] = /** @type {any} */ (ITEM.exec(source));
		const tag = start ? 'ol' : 'ul';
		while (open.length && (indent < open[0].indent || (indent < open[0].indent + 2 && tag !== open[0].tag))) open.shift();
		if (!open.length || indent > open[0].indent + 1) {
			const list = h(tag, { start, dir: 'auto' });
			if (open.length) open[0].list.lastElementChild?.append(list);
			else roots.push(list);
			open.unshift({ indent, tag, list });
		}
		open[0].list.append(h('li', {}, inline(text.replace(/\n\s*/g, '\n'), cite)));
	}
	return roots;
}

const INLINE = new RegExp([
	/\\(?<escaped>[!-/:-@[-`{-~])/,
	/(?<ticks>`+)(?<code>[^]*?[^`])\k<ticks>(?!`)/,
	/!?\[(?<label>[^[\]]*)\]\((?<url>[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(?:\s[^()]*)?\)/,
	/\s*\[(?<marks>\d{1,3}(?:\s*,\s*\d{1,3})*)\]/,
	/<?(?<bare>https?:\/\/[^\s<>[\]"]*[^\s<>[\]".,;:!?')*_])>?/,
	/(?<mail>[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+)/,
	/(?<b>(?<!\w)(?:\*\*|__))(?=\S)(?<strong>[^]*?\S)\k<b>(?![\w*])/,
	/(?<i>(?<!\w)[*_])(?=[^\s*_])(?<em>[^]*?[^\s*_])\k<i>(?!\w)/,
	/(?<br> {2,}|\\)\n/,
].map(({ source }) => source).join('|'), 'g');

/** @param {string} text @param {Cite} cite @param {boolean} [inLink] */
function inline(text, cite, inLink) {
	const out = document.createDocumentFragment();
	let from = 0;
	for (const match of text.matchAll(INLINE)) {
		out.append(text.slice(from, match.index));
		from = match.index + match[0].length;
		const g = /** @type {Record<string, string>} */ (match.groups);
		if (g.escaped) out.append(g.escaped);
		else if (g.code) out.append(h('code', {}, g.code.trim()));
		else if (g.strong) out.append(h('strong', {}, inline(g.strong, cite, inLink)));
		else if (g.em) out.append(h('em', {}, inline(g.em, cite, inLink)));
		else if (g.br) out.append(h('br'));
		else if (g.marks) {
			const marks = g.marks.split(',').flatMap((n) => cite(Number(n)) ?? []);
			// Narrow, and no break: a mark stays with what it proves
			for (const mark of marks) out.append('\u202F', mark);
			if (!marks.length) out.append(match[0]);
		} else {
			const words = g.label === undefined ? g.bare ?? g.mail : inline(g.label, () => null, true);
			// A picture would tell its host who reads
			const href = inLink || match[0][0] === '!' ? null : safeUrl(g.mail ? `mailto:${g.mail}` : g.url ?? g.bare, /^(mailto:|\/)/i);
			out.append(href ? outLink(href, words) : words);
		}
	}
	out.append(text.slice(from));
	return out;
}

/** @param {string} template @param {Record<string, unknown>} values */
export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));

/** @param {string} className @param {...Child} children */
const p = (className, ...children) => h('p', { class: className, dir: 'auto' }, ...children);

/** @param {string} className @param {...Child} children */
const div = (className, ...children) => h('div', { class: className }, ...children);

const sr = (text = '') => h('span', { class: 'sr' }, `${text} `);

const prose = (text = '') => div('text', markdown(text));

/** @param {string} className @param {(event: any) => void} onclick @param {...Child} children */
export const button = (className, onclick, ...children) => h('button', { type: 'button', class: className, onclick }, ...children);

/** @param {HTMLElement} element @param {string} text */
export const name = (element, text) => {
	element.ariaLabel = element.title = text;
	return element;
};

/** @param {Desk} desk @param {string} text */
export const visitorMessage = ({ t }, text) => h('div', { class: 'visitor', dir: 'auto' }, sr(t.you), text);

/** @param {Desk} desk @param {string} text @param {string | null} [who] */
export const staffMessage = ({ t }, text, who) => div('staff', p('head', icon('person'), who || t.staff), prose(text));

export const line = (text = '') => p('line', text);

/** @param {Desk} desk @param {string} text @param {() => void} [again] */
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
	/** @type {HTMLElement | undefined} */
	let next;
	const body = div('text');
	const element = div('answer', sr(t.agent), body);

	/** @param {string} text @returns {Set<number>} */
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
		const note = href ? outLink(href, icon('arrow'), sr(`(${t.tab})`)) : h('div', { tabindex: '-1' });
		note.classList.add('source');
		note.prepend(h('span', { class: 'n' }, String(n)), h('span', { class: 'what', dir: 'auto' },
			h('b', {}, title), section ? ` · ${section}` : '', h('span', { class: 'snippet' }, snippet ?? '')));
		footnotes.set(n, note);
		return h('li', {}, note);
	};

	const contact = () => {
		const input = h('input', { type: 'email', autocomplete: 'email', required: true, dir: 'ltr', 'aria-label': t.email, placeholder: t.email });
		const send = h('button', { class: 'button main' }, t.send);
		return h('form', {
			class: 'row',
			onsubmit: (event) => {
				event.preventDefault();
				input.disabled = send.disabled = true;
				say({ contact: { email: input.value }, echo: input.value });
			},
		}, input, send);
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
		const why = h('fieldset', { class: 'tags', hidden: true }, h('legend', {}, t.why), ...(/** @type {const} */ (['incorrect', 'missing', 'unclear', 'off_topic'])).map((tag) => button('tag', ({ currentTarget }) => {
			if (!tags.delete(tag)) tags.add(tag);
			currentTarget.ariaPressed = tags.has(tag);
			send('down');
		}, t[tag])));
		const thumbs = (/** @type {const} */ (['up', 'down'])).map((value) => name(button(`thumb ${value}`, ({ currentTarget }) => {
			for (const each of thumbs) each.ariaPressed = String(each === currentTarget);
			why.hidden = value === 'up';
			if (value === 'up') tags.clear();
			send(value);
		}, icon('thumb')), t[value]));
		for (const each of [...thumbs, ...why.querySelectorAll('button')]) each.ariaPressed = 'false';
		return div('after', ...thumbs, word, why);
	};

	// An answer that says what comes next has said it for its card, in whatever paragraphs
	const once = () => {
		const [said, told] = [body, next].map((part) => part?.textContent?.replace(/\s/g, ''));
		if (told && said?.includes(told)) next?.remove();
	};

	/** @param {...Child} children */
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
			once();
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
			const buttons = [t.confirm, t.decline].map((echo, i) => button(i ? 'button' : 'button main', () => {
				for (const each of buttons) each.disabled = true;
				say({ confirm: { proposal_id, accept: !i }, echo });
			}, echo));
			card(prose(summary ?? ''), ...(kind === 'contact' ? [contact()] : kind === 'identity' ? [p('note', t.identity)]
				: [amount_minor && currency ? p('amount', money(amount_minor, currency, lang)) : '', div('row', ...buttons)]));
		},
		handoff({ next: words, ticket_id, needs_contact }) {
			card(p('head', icon('person'), t.handoff), (next = prose(words ?? '')), ticket_id ? p('note', fill(t.ticket, { id: ticket_id })) : '',
				...(needs_contact ? [p('', t.contact), contact()] : []));
			once();
		},
	};
	return answer;
};

// As the backend counts minor units (ISO 4217): browsers round some currencies otherwise, and would show another amount
function money(minor = 0, currency = '', lang = '') {
	const digits = /BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|VND|VUV|XAF|XOF|XPF/.test(currency) ? 0 : /BHD|IQD|JOD|KWD|LYD|OMR|TND/.test(currency) ? 3 : 2;
	return new Intl.NumberFormat(lang, { style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(minor / 10 ** digits);
}

// Sentences come without what stood between them
function join(text = '', md = '') {
	const apart = !text || /\s$/.test(text) || /^\s/.test(md) ? '' : /^([-*+]|\d+[.)]|#+)\s|^```/.test(md) ? '\n' : ' ';
	return text + apart + md;
}
