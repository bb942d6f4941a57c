/**
 * How the widget looks: one constructable style sheet for all widgets of a page, and one per accent colour.
 * Constructable sheets need no inline style, so a strict content security policy needs no exception.
 * Logical properties throughout: the same rules serve both writing directions.
 */

const LIGHT = `
  color-scheme: light; --bg: #fff; --soft: #f6f4f1; --line: #e5e1db; --edge: #8b857c; --ink: #23201c; --muted: #655f57;
  --fill: var(--fill-l); --on: var(--on-l); --accent: var(--text-l); --bad: #a3281b; --tint: 11%;
  --shadow: 0 1px 2px rgb(35 28 20 / .05), 0 18px 44px -18px rgb(35 28 20 / .28);`;
const DARK = `
  color-scheme: dark; --bg: #1d1b19; --soft: #282522; --line: #3b3733; --edge: #8d857b; --ink: #f1ede7; --muted: #b0a89e;
  --fill: var(--fill-d); --on: var(--on-d); --accent: var(--text-d); --bad: #f2978b; --tint: 20%;
  --shadow: 0 1px 2px rgb(0 0 0 / .3), 0 18px 44px -18px rgb(0 0 0 / .7);`;

const CSS = `
:host {
  ${LIGHT}
  display: block; height: 100%; min-height: 22rem; color: var(--ink);
  font: 400 15px/1.55 -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif;
  font-synthesis: none; text-align: start; letter-spacing: normal; -webkit-text-size-adjust: 100%;
}
@media (prefers-color-scheme: dark) { :host { ${DARK} } }
:host([theme="light"]) { ${LIGHT} }
:host([theme="dark"]) { ${DARK} }
:host([hidden]) { display: none }
:host([mode="launcher"]) {
  position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 2147483000; height: auto; min-height: 0;
}
*, ::before, ::after { box-sizing: border-box }
[hidden] { display: none !important }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
button, textarea, input { font: inherit; color: inherit; letter-spacing: inherit }
button { cursor: pointer; border: 1px solid transparent; background: none; padding: 0; touch-action: manipulation }
a { color: var(--accent); text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 2px }
:focus { outline: none }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.icon { width: 20px; height: 20px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round }
.icon-stop { fill: currentColor }
[dir="rtl"] :is(.icon-arrow, .icon-out) { transform: scaleX(-1) }

.root { height: 100% }
.panel {
  container-type: inline-size; position: relative; display: flex; flex-direction: column; height: 100%; overflow: hidden;
  background: var(--bg); border: 1px solid var(--line); border-radius: var(--deskhand-radius, 18px); box-shadow: var(--shadow);
}
header { display: flex; align-items: center; gap: 12px; padding: 14px 14px 14px 18px; border-block-end: 1px solid var(--line) }
[dir="rtl"] header { padding: 14px 18px 14px 14px }
.mark { display: grid; place-items: center; width: 38px; height: 38px; border-radius: 12px; background: var(--fill); color: var(--on); flex: none }
.names { flex: 1; min-width: 0 }
h2 { margin: 0; font-size: 16px; line-height: 1.3; font-weight: 650; overflow-wrap: anywhere }
.subtitle { margin: 0; font-size: 13px; line-height: 1.35; color: var(--muted) }
.tool { display: grid; place-items: center; width: 36px; height: 36px; border-radius: 10px; color: var(--muted); flex: none }
.tool:hover { background: var(--soft); color: var(--ink) }

.scroll { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; display: flex; flex-direction: column; padding: 20px 18px 8px; gap: 18px; scrollbar-width: thin; scrollbar-color: var(--line) transparent }
.scroll:focus-visible { outline-offset: -3px }
.scroll > :empty { display: none }
.log, .draft { display: flex; flex-direction: column; gap: 18px }
.welcome { display: flex; flex-direction: column; gap: 18px }
.blank .welcome { flex: 1 0 auto; justify-content: space-between }
.greeting { margin: 0; overflow-wrap: anywhere }
.blank .greeting { font-size: 21px; line-height: 1.35; font-weight: 600; letter-spacing: -.01em; text-wrap: balance; padding-block-start: 6px }
.suggestions { display: flex; flex-direction: column; gap: 8px; margin: 0; padding: 0; list-style: none }
.suggestions button {
  display: flex; align-items: center; gap: 12px; width: 100%; padding: 11px 14px; text-align: start; line-height: 1.4;
  border-color: var(--line); border-radius: 12px; background: var(--bg); transition: background-color .15s, border-color .15s;
}
.suggestions button span { flex: 1 }
.suggestions .icon { width: 17px; height: 17px; color: var(--muted) }
.suggestions button:hover { background: var(--soft); border-color: var(--edge) }
.suggestions button:hover .icon { color: var(--accent) }

.visitor { align-self: flex-end; max-width: min(86%, 34em); padding: 9px 14px; border: 1px solid transparent; border-radius: 16px 16px 4px 16px; background: color-mix(in srgb, var(--fill) var(--tint), var(--bg)); white-space: pre-wrap; overflow-wrap: anywhere }
[dir="rtl"] .visitor { border-radius: 16px 16px 16px 4px }
.visitor a, .staff a { color: inherit }
.text { overflow-wrap: anywhere; max-width: 40em }
.text > * { margin: 0 }
.text > * + * { margin-block-start: .7em }
.text :is(ul, ol) { padding-inline-start: 1.4em }
.text li { margin-block: .25em; padding-inline-start: .15em }
.text li > :is(ul, ol) { margin: .25em 0 }
.text li::marker { color: var(--muted) }
code { font: .9em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; background: var(--soft); border-radius: 5px; padding: .12em .35em }
pre { overflow-x: auto; background: var(--soft); border-radius: 10px; padding: 10px 12px }
pre code { padding: 0; background: none }
.cite {
  position: relative; display: inline-block; min-width: 1.55em; padding: 0 .35em; border-radius: 6px; background: color-mix(in srgb, var(--fill) var(--tint), var(--bg)); color: var(--accent);
  font-size: .72em; font-weight: 650; line-height: 1.6; text-align: center; vertical-align: .35em;
}
.cite::after { content: ""; position: absolute; inset: -6px -3px }
.cite:hover { background: var(--fill); color: var(--on) }

.sources { margin-block-start: 14px; padding-block-start: 10px; border-block-start: 1px solid var(--line) }
.sources h3 { margin: 0 0 4px; font-size: 12.5px; font-weight: 600; color: var(--muted) }
.sources ol { list-style: none; margin: 0 -8px; padding: 0 }
.source { display: flex; gap: 10px; padding: 7px 8px; border-radius: 10px; color: inherit; text-decoration: none }
a.source:hover { background: var(--soft) }
a.source:hover .name { color: var(--accent); text-decoration: underline }
.source.lit { background: color-mix(in srgb, var(--fill) var(--tint), var(--bg)) }
.source .n { flex: none; min-width: 20px; height: 20px; margin-block-start: 1px; padding: 0 5px; border: 1px solid var(--line); border-radius: 6px; font-size: 11.5px; line-height: 18px; font-weight: 650; text-align: center; color: var(--accent) }
.source .what { flex: 1; min-width: 0; font-size: 13.5px; line-height: 1.45 }
.source .name { font-weight: 600; overflow-wrap: anywhere }
.source .section { color: var(--muted) }
.source .snippet { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; margin: 1px 0 0; font-size: 13px; color: var(--muted); overflow-wrap: anywhere }
.source .icon { width: 15px; height: 15px; margin-block-start: 3px; color: var(--muted) }

.after { display: flex; flex-wrap: wrap; align-items: center; gap: 4px; margin-block-start: 8px; margin-inline-start: -7px; color: var(--muted); font-size: 13px }
.thumb { display: grid; place-items: center; width: 32px; height: 32px; border-radius: 9px; color: var(--muted) }
.thumb .icon { width: 17px; height: 17px }
.thumb:hover { background: var(--soft); color: var(--ink) }
.thumb[aria-pressed="true"] { color: var(--accent); background: color-mix(in srgb, var(--fill) var(--tint), var(--bg)) }
.thumb[aria-pressed="true"] .icon { stroke-width: 2.4 }
.after .word { margin-inline-start: 4px }
.tags { display: flex; flex-wrap: wrap; gap: 6px; width: 100%; padding-inline-start: 7px; margin: 4px 0 2px; border: 0; padding-block: 0 }
.tags legend { padding: 0; margin-block-end: 6px }
.tags button { padding: 4px 11px; border-color: var(--edge); border-radius: 99px; color: var(--ink) }
.tags button[aria-pressed="true"] { background: var(--fill); border-color: var(--fill); color: var(--on) }

.note { margin: 8px 0 0; font-size: 13.5px; color: var(--muted) }
.line { align-self: center; margin: 0; font-size: 13px; color: var(--muted); text-align: center }
.card { padding: 14px 16px; border: 1px solid var(--line); border-radius: 14px; background: var(--soft) }
.text + .card, .card + .card { margin-block-start: 14px }
.card > * { margin: 0 }
.card > * + * { margin-block-start: 8px }
.card .head { display: flex; align-items: center; gap: 8px; font-weight: 600 }
.card .head .icon { width: 18px; height: 18px; color: var(--accent) }
.card .amount { font-size: 22px; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums }
.row { display: flex; flex-wrap: wrap; gap: 8px; padding-block-start: 4px }
.button { min-height: 38px; padding: 7px 16px; border-color: var(--edge); border-radius: 10px; background: var(--bg); font-weight: 600 }
.button:hover { border-color: var(--ink) }
.button.main { background: var(--fill); border-color: var(--fill); color: var(--on) }
.button.main:hover { background: color-mix(in srgb, var(--fill) 88%, var(--ink)) }
.button:disabled { opacity: .55; cursor: default }
.card label { display: block; font-size: 13.5px; font-weight: 600 }
.card input { flex: 1 1 12em; min-width: 0; min-height: 38px; padding: 6px 12px; border: 1px solid var(--edge); border-radius: 10px; background: var(--bg) }
.bad { color: var(--bad); font-size: 13.5px; margin: 0 }
.failed { display: flex; gap: 10px; padding: 12px 14px; border: 1px solid color-mix(in srgb, var(--bad) 45%, var(--line)); border-radius: 12px; background: color-mix(in srgb, var(--bad) 6%, var(--bg)) }
.failed .icon { margin-block-start: 2px; color: var(--bad) }
.failed p { margin: 0 }
.failed .button { margin-block-start: 10px }
.staff { max-width: min(92%, 36em); padding: 10px 14px; border: 1px solid var(--line); border-radius: 4px 16px 16px 16px; background: var(--soft) }
[dir="rtl"] .staff { border-radius: 16px 4px 16px 16px }
.staff .who { display: flex; align-items: center; gap: 6px; margin: 0 0 2px; font-size: 13px; font-weight: 650; color: var(--accent) }
.staff .who .icon { width: 15px; height: 15px }

.status { display: flex; align-items: center; gap: 10px; min-height: 24px; color: var(--muted); font-size: 14px }
.dots { display: flex; gap: 4px }
.dots i { width: 6px; height: 6px; border-radius: 50%; background: var(--accent); animation: breathe 1.3s ease-in-out infinite }
.dots i:nth-child(2) { animation-delay: .18s }
.dots i:nth-child(3) { animation-delay: .36s }
@keyframes breathe { 0%, 60%, 100% { opacity: .25; transform: none } 30% { opacity: 1; transform: translateY(-2px) } }

.composer { margin: 0; padding: 10px 14px calc(12px + env(safe-area-inset-bottom, 0px)) }
.box { display: flex; align-items: flex-end; gap: 8px; padding: 5px 5px 5px 15px; border: 1px solid var(--edge); border-radius: 16px; background: var(--bg); transition: border-color .15s, box-shadow .15s }
[dir="rtl"] .box { padding: 5px 15px 5px 5px }
.box:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent) }
.box.over { border-color: var(--bad); box-shadow: 0 0 0 1px var(--bad) }
textarea { flex: 1; min-width: 0; min-height: 38px; max-height: 9.5em; padding: 7px 0; border: 0; background: none; resize: none; line-height: 1.5; field-sizing: content; scrollbar-width: thin }
textarea:focus-visible { outline: none }
textarea::placeholder { color: var(--muted); opacity: 1 }
.send { display: grid; place-items: center; width: 38px; height: 38px; border-radius: 12px; background: var(--fill); color: var(--on); flex: none; transition: background-color .15s }
.send:hover { background: color-mix(in srgb, var(--fill) 86%, var(--ink)) }
.send.idle { background: var(--soft); color: var(--muted) }
.counter, .consent { margin: 6px 4px 0; font-size: 12.5px; line-height: 1.45; color: var(--muted) }
.counter { text-align: end; font-variant-numeric: tabular-nums }
.counter.over { color: var(--bad); font-weight: 600 }
.consent { text-align: center; text-wrap: balance }
.consent p { margin: 0 }

.launcher { display: none }
:host([mode="launcher"]) .launcher {
  position: relative; display: grid; place-items: center; width: 60px; height: 60px; border-radius: 20px; background: var(--fill); color: var(--on); box-shadow: var(--shadow); transition: transform .15s;
}
.launcher:hover { transform: translateY(-2px) }
.launcher .icon { width: 27px; height: 27px }
.launcher[aria-expanded="true"] .icon-chat, .launcher[aria-expanded="false"] .icon-close { display: none }
.dot { position: absolute; inset-block-start: -3px; inset-inline-end: -3px; width: 16px; height: 16px; border: 3px solid var(--bg); border-radius: 50%; background: var(--bad) }
:host([mode="launcher"]) .panel { position: absolute; inset-block-end: 74px; inset-inline-end: 0; width: 400px; height: min(680px, calc(100vh - 120px)); height: min(680px, calc(100dvh - 120px)) }
:host([mode="launcher"]) .panel:not([hidden]) { animation: rise .18s ease-out }
@keyframes rise { from { opacity: 0; transform: translateY(10px) } }
@media (max-width: 520px), (max-height: 420px) {
  :host([mode="launcher"]) .panel { position: fixed; inset: 0; width: auto; height: auto; border: 0; border-radius: 0 }
  textarea, .card input { font-size: 16px }
}
@container (min-width: 560px) { .scroll { padding-inline: 26px } .composer { padding-inline: 22px } }
@media (forced-colors: active) {
  .visitor, .cite, .mark, .send, .launcher { border: 1px solid currentColor }
  .thumb[aria-pressed="true"], .tags button[aria-pressed="true"] { border: 2px solid Highlight }
  .dots i { background: CanvasText }
  :focus-visible { outline-color: Highlight }
}
@media (prefers-contrast: more) { :host { --line: var(--edge); --muted: var(--ink) } }
@media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation: none !important; transition: none !important } }
`;

const sheet = new CSSStyleSheet();
sheet.replaceSync(CSS);

/** @typedef {[number, number, number]} Rgb */

/** @param {Rgb} colour WCAG's relative luminance */
const luminance = (colour) => {
  const [r, g, b] = colour.map((part) => (part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

/** @param {Rgb} a @param {Rgb} b */
const contrast = (a, b) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};

/** @type {Rgb} */
const WHITE = [255, 255, 255];
/** @type {Rgb} */
const BLACK = [0, 0, 0];

/**
 * Moves a colour towards another until it can be read on the background.
 * @param {Rgb} colour
 * @param {Rgb} towards
 * @param {Rgb} on
 * @returns {Rgb}
 */
function readable(colour, towards, on) {
  let mixed = colour;
  for (let share = 0.04; contrast(mixed, on) < 4.6 && share < 1; share += 0.04) {
    mixed = /** @type {Rgb} */ (colour.map((part, i) => Math.round(part + (towards[i] - part) * share)));
  }
  return mixed;
}

/**
 * The sheets for an accent colour. Whatever colour a site picks, text in it and on it keeps a contrast of 4.5 : 1.
 * @param {string | null} accent `#rgb` or `#rrggbb`
 */
export function sheetsFor(accent) {
  const [, short, long] = /^#(?:([\da-f]{3})|([\da-f]{6}))$/i.exec(accent?.trim() ?? '') ?? [];
  const hex = long ?? short?.replace(/./g, '$&$&') ?? '1f5f5b';
  const base = /** @type {Rgb} */ ([0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  // Measured against the tinted marks, where text in the accent colour stands closest to its ground.
  const dark = readable(base, WHITE, [66, 61, 56]);
  /** @param {Rgb} colour */
  const css = (colour) => `rgb(${colour.join(' ')})`;
  /** @param {Rgb} colour */
  const on = (colour) => (contrast(colour, WHITE) >= 4.5 ? '#fff' : '#000');
  const own = new CSSStyleSheet();
  own.replaceSync(`:host {
    --fill-l: ${css(base)}; --on-l: ${on(base)}; --text-l: ${css(readable(base, BLACK, [228, 224, 218]))};
    --fill-d: ${css(dark)}; --on-d: ${on(dark)}; --text-d: ${css(dark)};
  }`);
  return [sheet, own];
}
