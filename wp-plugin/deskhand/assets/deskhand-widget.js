// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * <deskhand-chat>: the chat that visitors see.
 *
 *   <script type="module" src="…/deskhand-widget.js"></script>
 *   <deskhand-chat backend="https://desk.example" token-url="/token" greeting="Hello!"></deskhand-chat>
 *
 * token-url: same-origin, POST {} → {token, expires_at, backend?}; session-url: GET → {nonce}, for it; backend: else the token's, else this origin;
 * mode: inline | launcher; theme: auto | light | dark; accent: a colour; heading; greeting; suggestions: JSON array;
 * consent: Markdown; log-in, log-in-label: where to and how it is said, if only members may chat; lang, dir: else the page's; strings: JSON, or as a property, instead of deskhand-en.js. open(), close().
 */
import { converse } from './deskhand-conversation.js';
import { sheets } from './deskhand-style.js';
import { button, fill, h, icon, markdown, name } from './deskhand-transcript.js';

/** @type {Record<string, () => Promise<{default: Strings}>>} */
const LANGUAGES = { en: () => import('./deskhand-en.js'), de: () => import('./deskhand-de.js') };
const RTL = /^(ar|ckb|fa|he|ps|ur|yi)\b/i;
const MAX_LENGTH = 4000;
const COUNT_FROM = 3600;
// Send has just turned into Stop: the second press meant Send
const DOUBLE_CLICK = 400;

/** @param {HTMLElement} host */
const build = (host) => {
	/** @type {Conversation | undefined} */
	let conversation;
	/** @type {Record<string, string>} */
	let own = {};
	let progress = '';
	let follows = true;
	let sentAt = 0;

	const attribute = (key = '') => host.getAttribute(key) ?? '';
	const parse = (key = '') => {
		try {
			return JSON.parse(attribute(key)) ?? [];
		} catch {
			return [];
		}
	};
	const floats = () => attribute('mode') === 'launcher';

	const dot = h('span', { class: 'dot', hidden: true });
	const launcher = button('launcher', () => toggle(!panel.hidden), icon('chat'), icon('close'), dot);
	const title = h('h2', { id: 'title' });
	const subtitle = h('p');
	const fresh = button('tool', () => {
		conversation?.startAnew();
		input.focus();
	}, icon('fresh'));
	const close = button('tool', () => toggle(true), icon('close'));
	const greeting = h('p', { class: 'greeting', dir: 'auto' });
	const suggestions = h('ul', { class: 'suggestions' });
	const log = h('div', { class: 'log', role: 'log', 'aria-live': 'polite' });
	// Beside the log, which would have the whole answer read out with each sentence
	const draft = h('div', { class: 'log' });
	const status = h('div', { class: 'status', role: 'status' });
	const scroll = h('div', { class: 'scroll', tabindex: '0', role: 'group' }, greeting, suggestions, log, draft, status);
	const label = h('label', { class: 'sr', for: 'input' });
	const input = h('textarea', { id: 'input', rows: '1', enterkeyhint: 'send', dir: 'auto', 'aria-describedby': 'counter' });
	const send = h('button', { class: 'send' });
	const counter = h('p', { id: 'counter' });
	const consent = h('div', { class: 'consent' });
	const form = h('form', {}, label, h('div', { class: 'box' }, input, send), counter, consent);
	const panel = h('section', { class: 'panel', id: 'panel', 'aria-labelledby': 'title' },
		h('div', { class: 'bar' }, h('span', { class: 'mark' }, icon('chat')), h('div', {}, title, subtitle), fresh, close), scroll, form);
	const root = h('div', { class: 'root' }, panel, launcher);
	// deskhand-launcher.js may have drawn the button alone
	const shadow = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
	shadow.adoptedStyleSheets = sheets('');

	/** @type {Desk} */
	const desk = {
		t: /** @type {Strings} */ ({}),
		lang: '',
		say: (words) => conversation?.say(words),
		rate: async (feedback) => conversation?.rate(feedback),
	};

	const toggle = (hidden = false) => {
		if (!floats()) return;
		panel.hidden = hidden;
		unread(false);
		(hidden ? launcher : input).focus();
		if (!hidden) restore();
	};

	// Members only: who isn't logged in learns it before they write. Pages may lie in a cache; this doesn't
	const restore = async () => {
		const href = attribute('log-in');
		if (href && (await fetch(attribute('session-url')).then((r) => r.json()).catch(() => 0)).logged_in === false) {
			suggestions.remove();
			form.replaceChildren(h('a', { href }, attribute('log-in-label')));
		} else conversation?.restore();
	};

	const unread = (is = false) => {
		const { t } = desk;
		dot.hidden = !is;
		launcher.ariaExpanded = String(!panel.hidden);
		name(launcher, panel.hidden ? (is ? t.unread : t.open) : t.close);
	};

	/** @param {string} text @param {...Node} before */
	const tell = (text, ...before) => {
		if (status.textContent === text) return;
		status.replaceChildren(...(text ? [...before, h('span', { dir: 'auto' }, text)] : []));
		grown();
	};

	const work = (text = '', passing = 0) => {
		if (!passing) progress = text;
		tell(text, h('span', { class: 'dots' }, h('i'), h('i'), h('i')));
		if (passing > 0) setTimeout(() => { if (status.textContent === text) tell(''); }, passing);
	};

	// Leaves alone who scrolled up; a long answer doesn't push its beginning out of sight, but a card is to be seen whole
	const grown = (always = false, whole = false) => {
		follows ||= always;
		if (!follows) return;
		const last = !whole && [...log.querySelectorAll('.visitor, .staff')].at(-1);
		const top = last ? last.getBoundingClientRect().top - scroll.getBoundingClientRect().top + scroll.scrollTop - 16 : Infinity;
		scroll.scrollTop = Math.max(scroll.scrollTop, Math.min(scroll.scrollHeight - scroll.clientHeight, top));
	};

	const changed = () => {
		const busy = conversation?.busy;
		const blank = !log.hasChildNodes() && !busy;
		panel.classList.toggle('blank', blank);
		suggestions.hidden = !blank;
		fresh.hidden = blank;
		name(send, busy ? desk.t.stop : desk.t.send).replaceChildren(icon(busy ? 'stop' : 'arrow'));
		measure();
	};

	/** @returns {boolean} whether it can be sent */
	const measure = () => {
		const { value, style } = input;
		const { length } = [...value];
		const over = length > MAX_LENGTH;
		const ready = value.trim() !== '' && !over;
		counter.textContent = length < COUNT_FROM ? '' : fill(desk.t.counter, { n: length, max: MAX_LENGTH });
		form.classList.toggle('over', over);
		input.ariaInvalid = String(over);
		send.classList.toggle('idle', !ready && !conversation?.busy);
		style.height = '';
		if (input.scrollHeight) style.height = `${input.scrollHeight}px`;
		return ready;
	};

	const submit = () => {
		if (!measure()) return input.focus();
		const text = input.value.trim();
		input.value = '';
		sentAt = Date.now();
		desk.say({ text });
	};

	form.onsubmit = (event) => {
		event.preventDefault();
		if (!conversation?.busy) submit();
		else if (Date.now() - sentAt > DOUBLE_CLICK) conversation.stop();
	};
	input.oninput = measure;
	input.onkeydown = (event) => {
		// Enter may end a composition; Safari tells by keyCode alone
		if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
		event.preventDefault();
		if (conversation?.busy) tell(desk.t.answering);
		else submit();
	};
	scroll.onscroll = () => { follows = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60; };
	panel.onkeydown = ({ key, isComposing }) => {
		if (key === 'Escape' && !isComposing) toggle(true);
	};

	const onVisibility = () => {
		if (document.hidden) conversation?.unlisten();
		else conversation?.listen();
	};

	const dress = async () => {
		const near = (key = '') => host.closest(`[${key}]`)?.getAttribute(key);
		const lang = near('lang') || navigator.language;
		const { default: words } = await (LANGUAGES[lang.toLowerCase().split('-')[0]] ?? LANGUAGES.en)();
		const t = (desk.t = { ...words, ...parse('strings'), ...own });
		desk.lang = root.lang = lang;
		root.dir = near('dir') || (RTL.test(lang) ? 'rtl' : 'ltr');
		shadow.adoptedStyleSheets = sheets(attribute('accent'));
		panel.role = floats() ? 'dialog' : 'region';
		close.hidden = !floats();
		title.textContent = attribute('heading') || t.title;
		subtitle.textContent = t.subtitle;
		greeting.textContent = attribute('greeting') || t.greeting;
		consent.replaceChildren(markdown(attribute('consent')));
		label.textContent = input.placeholder = t.placeholder;
		log.ariaLabel = scroll.ariaLabel = t.log;
		name(fresh, t.fresh);
		name(close, t.close);
		suggestions.ariaLabel = t.suggestions;
		suggestions.replaceChildren(...Array.from(parse('suggestions'), String).map((text) => h('li', {},
			button('', () => desk.say({ text }), h('span', { dir: 'auto' }, text), icon('arrow')))));
		unread(!dot.hidden);
		changed();
	};

	return {
		toggle,
		async connect() {
			conversation = converse(attribute('backend'), attribute('token-url'), attribute('session-url'), {
				desk, log, draft, tell, work, grown, changed,
				resume: () => (conversation?.busy ? work(progress) : tell('')),
				news: () => unread(!!panel.hidden),
				// On touch screens the input brings up a keyboard
				refocus: () => (matchMedia('(pointer: coarse)').matches ? scroll : input).focus({ preventScroll: true }),
			});
			document.addEventListener('visibilitychange', onVisibility);
			panel.hidden = floats();
			await dress();
			shadow.replaceChildren(root);
			measure();
			// A closed launcher asks for nothing; one may have been opened meanwhile
			if (panel.hidden) return;
			restore();
			if (floats()) input.focus();
		},
		disconnect() {
			document.removeEventListener('visibilitychange', onVisibility);
			conversation?.leave();
		},
		change(strings = own) {
			own = strings;
			if (conversation) dress();
		},
	};
};

export class DeskhandChat extends HTMLElement {
	static observedAttributes = ['lang', 'dir', 'heading', 'greeting', 'suggestions', 'consent', 'accent', 'strings'];

	#chat = build(this);

	connectedCallback() {
		this.#chat.connect();
	}

	disconnectedCallback() {
		this.#chat.disconnect();
	}

	attributeChangedCallback() {
		this.#chat.change();
	}

	/** @param {Record<string, string>} strings */
	set strings(strings) {
		this.#chat.change(strings);
	}

	open() {
		this.#chat.toggle(false);
	}

	close() {
		this.#chat.toggle(true);
	}
}

if (!customElements.get('deskhand-chat')) customElements.define('deskhand-chat', DeskhandChat);
