// SPDX-License-Identifier: GPL-2.0-or-later
/** One constructable sheet for all widgets of a page, one for a widget's accent: a strict policy forbids inline styles. */

const DARK = `color-scheme: dark; --bg: #1d1b19; --soft: #282522; --line: #3b3733; --edge: #8d857b; --ink: #f1ede7; --muted: #b0a89e;
--bad: #f2978b; --tint: 20%; --fill: oklch(from var(--a) max(l, .78) c h); --accent: var(--fill)`;

// The accent's lightness is bounded, and away from the middle, so that text in it and on it stays readable
const RULES = `
:host {
color-scheme: light; --bg: #fff; --soft: #f6f4f1; --line: #e5e1db; --edge: #8b857c; --ink: #23201c; --muted: #655f57;
--bad: #a3281b; --tint: 13%; --fill: oklch(from var(--a) max(min(l, .52), min(max(l, .66), (l - .6) * 999)) c h); --on: oklch(from var(--fill) clamp(0, (.6 - l) * 999, 1) 0 0); --accent: oklch(from var(--a) min(l, .46) c h);
display: block; height: 100%; min-height: 22rem; color: var(--ink); text-align: start;
font: 15px/1.55 -apple-system, "Segoe UI", Roboto, Arial, sans-serif;
}
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) { ${DARK} } }
:host([theme="dark"]) { ${DARK} }
:host([mode="launcher"]) { position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 99999; height: auto; min-height: 0 }
* { box-sizing: border-box; margin: 0 }
[hidden], :host([hidden]), :empty:is(div:not([role]), p, ul) { display: none !important }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
button, textarea, input { font: inherit; color: inherit }
button { cursor: pointer; border: 1px solid transparent; border-radius: 12px; background: none; padding: 0 }
a { color: var(--accent); text-underline-offset: 2px }
:focus { outline: none }
:focus-visible:not(textarea) { outline: 2px solid var(--accent); outline-offset: 2px }
.icon { width: 20px; height: 20px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round }
.stop { fill: currentColor }
.root { height: 100% }
.panel {
display: flex; flex-direction: column; height: 100%; overflow: hidden; overflow-wrap: anywhere; background: var(--bg);
border: 1px solid var(--line); border-radius: var(--deskhand-radius, 18px); box-shadow: 0 18px 44px -18px rgb(35 28 20 / .3);
}
.bar, .row, .head, .after, .status, .tags, .suggestions button { display: flex; align-items: center; gap: 8px }
.bar { gap: 12px; padding: 14px 16px; border-block-end: 1px solid var(--line) }
.bar div { flex: 1; line-height: 1.35 }
h2 { font-size: 16px; font-weight: 600 }
.bar p, .after, .consent, #counter, h3 { font-size: 13px; color: var(--muted) }
.mark, .tool, .send, .thumb, .launcher { display: grid; place-items: center; flex: none; width: 38px; height: 38px; border-radius: 12px }
.mark, .send, .launcher, .main, .tag[aria-pressed="true"] { background: var(--fill); color: var(--on) }
:is(.tool, .thumb, .suggestions button, a.source):hover, .idle, .card, .failed, .staff, code, pre { background: var(--soft) }
.tool, .thumb, .idle, .status, .note, .line, .source, ::placeholder { color: var(--muted) }
.visitor, .cite, .source:focus, .thumb[aria-pressed="true"] { background: color-mix(in srgb, var(--fill) var(--tint), var(--bg)) }

.scroll { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; padding: 20px 18px 8px; scrollbar-width: thin }
.scroll, .log { position: relative; display: flex; flex-direction: column; gap: 18px; outline-offset: -3px }
.blank .greeting { flex: 1 0 auto; padding-block-start: 6px; font-size: 21px; line-height: 1.35; font-weight: 600; text-wrap: balance }
.suggestions, .sources ol { display: grid; padding: 0; list-style: none }
.suggestions { gap: 8px }
.suggestions button { width: 100%; padding: 11px 14px; border-color: var(--line); text-align: start }
.suggestions span, .what { flex: 1 }
:is(.suggestions, .source) .icon { width: 16px; color: var(--muted); rotate: 90deg }
.source .icon { rotate: 45deg }
[dir="rtl"] :is(.suggestions, .source) .icon { rotate: -90deg }
.visitor { align-self: flex-end; max-width: 86%; padding: 9px 14px; border-radius: 16px; border-end-end-radius: 4px; white-space: pre-wrap }
.text > * + *, .card > * + * { margin-block-start: .6em }
.text :is(ul, ol) { padding-inline-start: 1.4em }
.text li + li { margin-block-start: .2em }
code, pre { font: .92em/1.5 ui-monospace, monospace; border-radius: 6px; padding: 0 .3em }
pre { overflow-x: auto; padding: 10px 12px }
.cite { position: relative; min-width: 1.55em; padding: 0 .35em; border: 0; border-radius: 6px; color: var(--accent); font-size: .72em; font-weight: 600; line-height: 1.6; vertical-align: .35em }
.cite::after { content: ""; position: absolute; inset: -6px -3px }
.sources { margin-block-start: 14px; padding-block-start: 10px; border-block-start: 1px solid var(--line); font-size: 13.5px; line-height: 1.45 }
.sources ol, .after { margin: 2px -8px 0 }
.source { display: flex; gap: 10px; padding: 5px 8px; border-radius: 10px; text-decoration: none; outline-offset: -2px }
b { font-weight: 600; color: var(--ink) }
.source:hover b { text-decoration: underline }
.n { flex: none; min-width: 20px; height: 20px; border: 1px solid var(--line); border-radius: 6px; font-size: 12px; line-height: 18px; font-weight: 600; text-align: center; color: var(--accent) }
.snippet { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden }
.after, .tags, .row { flex-wrap: wrap }
.after { gap: 4px; margin-block-start: 8px }
.thumb { width: 32px; height: 32px }
.thumb .icon { width: 17px }
.down .icon { rotate: 180deg }
.thumb[aria-pressed="true"], .head .icon { color: var(--accent) }
.tags { gap: 6px; width: 100%; padding: 0 8px; border: 0 }
legend { padding: 0 0 6px }
.button, .tag, .card input { min-height: 38px; padding: 6px 16px; border: 1px solid var(--edge); border-radius: 10px; font-weight: 600 }
.tag { min-height: 30px; padding: 3px 12px; font-weight: 400; color: var(--ink) }
.main, .tag[aria-pressed="true"] { border-color: transparent; color: var(--on) }
:disabled { opacity: .6; cursor: default }
.note, .line { font-size: 13.5px }
.answer > .note, .failed .button { margin-block-start: 8px }
.line { text-align: center }
.card, .failed, .staff { padding: 13px 15px; border: 1px solid var(--line); border-radius: 14px }
.text:not(:empty) + .card, .card + .card { margin-block-start: 12px }
.head { gap: 6px; font-weight: 600 }
.amount { font-size: 22px; font-weight: 600 }
.card input { flex: 1 1 10em; min-width: 0; font-weight: 400; background: var(--bg) }
.failed .icon, .over #counter { color: var(--bad) }
.failed { display: flex; gap: 10px; border-color: var(--bad) }
.staff { max-width: 92%; border-start-start-radius: 4px }
.status { font-size: 14px }
.dots { display: flex; gap: 4px }
i { width: 6px; height: 6px; border-radius: 50%; background: var(--accent); animation: breathe 1.3s infinite }
i:nth-child(2) { animation-delay: .18s }
i:nth-child(3) { animation-delay: .36s }
@keyframes breathe { 0%, 60%, 100% { opacity: .25 } 30% { opacity: 1; translate: 0 -2px } }

.scroll + form { padding: 10px 14px calc(12px + env(safe-area-inset-bottom, 0px)) }
.box { display: flex; align-items: flex-end; gap: 8px; padding: 5px; border: 1px solid var(--edge); border-radius: 16px }
.box:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent) }
.over .box { border-color: var(--bad) }
textarea { flex: 1; min-width: 0; max-height: 9.5em; padding: 7px 10px; border: 0; background: none; resize: none; line-height: 1.6 }
::placeholder { opacity: 1 }
.send:not(.idle):hover, .main:hover { opacity: .88 }
#counter { text-align: end }
.consent { padding-block-start: 8px; text-align: center }

.root > .launcher { position: relative; width: 60px; height: 60px; border-radius: 20px; box-shadow: 0 8px 24px -6px rgb(35 28 20 / .5) }
:host(:not([mode="launcher"])) .launcher, [aria-expanded="true"] .chat, [aria-expanded="false"] .close { display: none }
.launcher .icon { width: 28px; height: 28px }
.dot { position: absolute; inset-block-start: -3px; inset-inline-end: -3px; width: 16px; height: 16px; border: 3px solid var(--bg); border-radius: 50%; background: var(--bad) }
:host([mode="launcher"]) .panel { position: absolute; inset-block-end: 74px; inset-inline-end: 0; width: 400px; height: min(680px, 100dvh - 120px) }
@media (max-width: 520px), (max-height: 420px) {
:host([mode="launcher"]) .panel { position: fixed; inset: 0; width: auto; height: auto; border: 0; border-radius: 0 }
.panel:not([hidden]) + .launcher { display: none !important }
textarea, .card input { font-size: 16px }
}
@media (forced-colors: active) { .visitor, .mark, button { border: 1px solid } [aria-pressed="true"] { border: 2px solid Highlight } i { background: CanvasText } }
@media (prefers-reduced-motion: reduce) { i { animation: none } }
`;

const shared = new CSSStyleSheet();
shared.replaceSync(RULES);

export function sheets(accent = '') {
	const own = new CSSStyleSheet();
	own.replaceSync(`:host { --a: ${CSS.supports('color', accent) ? accent : '#1f5f5b'} }`);
	return [shared, own];
}
