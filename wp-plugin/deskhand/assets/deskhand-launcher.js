// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A closed launcher is one button: what a page loads until a visitor presses it.
 *
 *   <script type="module" src="…/deskhand-launcher.js"></script>
 *   <deskhand-chat mode="launcher" label="Open the chat" token-url="/token"></deskhand-chat>
 */
const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 99999; --fill: oklch(from var(--a) max(min(l, .52), min(max(l, .66), (l - .6) * 999)) c h) }
button {
display: grid; place-items: center; width: 60px; height: 60px; padding: 0; border: 1px solid transparent; border-radius: 20px; cursor: pointer;
background: var(--fill); color: oklch(from var(--fill) clamp(0, (.6 - l) * 999, 1) 0 0); box-shadow: 0 8px 24px -6px rgb(35 28 20 / .5);
}
button:focus-visible { outline: 2px solid var(--fill); outline-offset: 2px }
button[aria-busy="true"] { opacity: .7; cursor: progress }
svg { width: 28px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round }
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) { --fill: oklch(from var(--a) max(l, .78) c h) } }
:host([theme="dark"]) { --fill: oklch(from var(--a) max(l, .78) c h) }
@media (forced-colors: active) { button { border-color: ButtonText } }
`);

/** @param {HTMLElement} host */
const draw = (host) => {
	if (host.shadowRoot || customElements.get(host.localName)) return;
	const accent = host.getAttribute('accent') ?? '';
	const colour = new CSSStyleSheet();
	colour.replaceSync(`:host { --a: ${CSS.supports('color', accent) ? accent : '#1f5f5b'} }`);
	const button = document.createElement('button');
	button.ariaLabel = host.getAttribute('label') || 'Chat';
	button.ariaExpanded = 'false';
	button.ariaHasPopup = 'dialog';
	const [svg, path] = ['svg', 'path'].map((tag) => document.createElementNS('http://www.w3.org/2000/svg', tag));
	svg.setAttribute('viewBox', '0 0 24 24');
	path.setAttribute('d', 'M4 5h16v11h-9l-4 4v-4H4zM8 9h8M8 12h5');
	svg.append(path);
	button.append(svg);
	button.onclick = async () => {
		if (button.ariaBusy === 'true') return;
		button.ariaBusy = 'true';
		try {
			await import('./deskhand-widget.js');
			/** @type {any} */ (host).open();
		} finally {
			button.ariaBusy = 'false';
		}
	};
	const shadow = host.attachShadow({ mode: 'open' });
	shadow.adoptedStyleSheets = [sheet, colour];
	shadow.append(button);
};

document.querySelectorAll('deskhand-chat[mode="launcher"]').forEach((host) => draw(/** @type {HTMLElement} */ (host)));
