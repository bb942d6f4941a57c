/**
 * Every word that the widget itself says, by language.
 * A page can replace single strings by the element's `strings` property;
 * a language that is missing here speaks English.
 */

const en = {
  title: 'Help',
  subtitle: 'Answers from our help pages',
  greeting: 'Hello! What would you like to know?',
  open: 'Open the help chat',
  openUnread: 'Open the help chat (new message)',
  close: 'Close',
  log: 'Conversation',
  suggestions: 'Suggested questions',
  label: 'Your question',
  placeholder: 'Ask a question…',
  send: 'Send',
  stop: 'Stop answering',
  fresh: 'New conversation',
  you: 'You:',
  agent: 'Answer:',
  staff: 'Our team',
  working: 'One moment…',
  writing: 'Writing…',
  rephrasing: 'Taking another look…',
  stopping: 'Stopping…',
  loading: 'Loading your conversation…',
  reconnecting: 'Reconnecting…',
  waiting: 'Another answer is still being written here. Yours comes next…',
  busy: 'Many people are asking right now. Trying again in {n} s…',
  tooFast: 'That was quick. Sending again in {n} s…',
  typing: '{who} is typing…',
  held: 'Your message is with our team. They answer here.',
  stillAnswering: 'Still answering. You can stop it, or wait a moment.',
  stopped: 'You stopped this answer.',
  incomplete: 'This answer is incomplete.',
  withheld: 'Thank you. A person looks at your question first and will get back to you.',
  sources: 'Sources',
  newTab: 'opens in a new tab',
  source: 'Source {n}: {title}',
  helpful: 'Helpful',
  unhelpful: 'Not helpful',
  thanks: 'Thank you for telling us.',
  why: 'What was wrong?',
  tag_incorrect: 'Incorrect',
  tag_incomplete: 'Incomplete',
  tag_unclear: 'Unclear',
  tag_off_topic: 'Not what I asked',
  retry: 'Try again',
  counter: '{n} of {max} characters',
  tooLong: 'Your message is too long. At most {max} characters, please.',
  confirm: 'Yes, go ahead',
  decline: 'No, don’t',
  expired: 'This offer has expired. Please ask again.',
  identityHint: 'Write your order number and the e-mail address of the order below.',
  email: 'Your e-mail address',
  emailSend: 'Send',
  emailInvalid: 'Please enter a valid e-mail address.',
  handoff: 'Passed on to our team',
  needsContact: 'Leave your e-mail address so that we can reach you if you leave this page.',
  ticket: 'Reference: {id}',
  joined: '{who} has joined the conversation.',
  left: '{who} has left the conversation.',
  error: 'Something went wrong on our side, and there is no answer yet.',
  error_offline: 'The connection is lost. Your message may not have arrived.',
  error_slow: 'This takes longer than it should. Please look again in a moment.',
  error_rate_limited: 'You’ve sent many messages in a short time. Please wait {wait} and try again.',
  error_overloaded: 'Too many people are asking right now. Please try again in {wait}.',
  error_token_refused: 'The chat couldn’t be started. Please reload the page.',
  error_origin_not_allowed: 'The chat isn’t set up for this website.',
  error_load: 'Your earlier conversation couldn’t be loaded.',
  error_feedback: 'Your feedback couldn’t be sent.',
  seconds: '{n} seconds',
  minutes: '{n} minutes',
  aMoment: 'a moment',
};

/** @typedef {typeof en} Strings */

/** @type {Strings} */
const de = {
  title: 'Hilfe',
  subtitle: 'Antworten aus unseren Hilfeseiten',
  greeting: 'Guten Tag! Was möchten Sie wissen?',
  open: 'Hilfe-Chat öffnen',
  openUnread: 'Hilfe-Chat öffnen (neue Nachricht)',
  close: 'Schließen',
  log: 'Unterhaltung',
  suggestions: 'Vorgeschlagene Fragen',
  label: 'Ihre Frage',
  placeholder: 'Stellen Sie eine Frage…',
  send: 'Senden',
  stop: 'Antwort anhalten',
  fresh: 'Neue Unterhaltung',
  you: 'Sie:',
  agent: 'Antwort:',
  staff: 'Unser Team',
  working: 'Einen Moment…',
  writing: 'Schreibt…',
  rephrasing: 'Prüft noch einmal…',
  stopping: 'Wird angehalten…',
  loading: 'Ihre Unterhaltung wird geladen…',
  reconnecting: 'Verbindung wird wiederhergestellt…',
  waiting: 'Hier wird noch eine andere Antwort geschrieben. Ihre kommt als nächste…',
  busy: 'Gerade fragen viele Menschen. Neuer Versuch in {n} s…',
  tooFast: 'Das ging schnell. Wird in {n} s noch einmal gesendet…',
  typing: '{who} schreibt…',
  held: 'Ihre Nachricht ist bei unserem Team. Die Antwort kommt hier.',
  stillAnswering: 'Die Antwort läuft noch. Sie können sie anhalten oder kurz warten.',
  stopped: 'Sie haben diese Antwort angehalten.',
  incomplete: 'Diese Antwort ist unvollständig.',
  withheld: 'Vielen Dank. Ein Mensch sieht sich Ihre Frage zuerst an und meldet sich.',
  sources: 'Quellen',
  newTab: 'öffnet in neuem Tab',
  source: 'Quelle {n}: {title}',
  helpful: 'Hilfreich',
  unhelpful: 'Nicht hilfreich',
  thanks: 'Danke für die Rückmeldung.',
  why: 'Was hat nicht gestimmt?',
  tag_incorrect: 'Falsch',
  tag_incomplete: 'Unvollständig',
  tag_unclear: 'Unklar',
  tag_off_topic: 'Nicht meine Frage',
  retry: 'Noch einmal versuchen',
  counter: '{n} von {max} Zeichen',
  tooLong: 'Ihre Nachricht ist zu lang. Bitte höchstens {max} Zeichen.',
  confirm: 'Ja, bitte',
  decline: 'Nein',
  expired: 'Dieses Angebot ist abgelaufen. Bitte fragen Sie noch einmal.',
  identityHint: 'Schreiben Sie unten die Bestellnummer und die E-Mail-Adresse der Bestellung.',
  email: 'Ihre E-Mail-Adresse',
  emailSend: 'Senden',
  emailInvalid: 'Bitte geben Sie eine gültige E-Mail-Adresse ein.',
  handoff: 'An unser Team weitergegeben',
  needsContact: 'Hinterlassen Sie Ihre E-Mail-Adresse, damit wir Sie auch später erreichen.',
  ticket: 'Vorgangsnummer: {id}',
  joined: '{who} ist jetzt dabei.',
  left: '{who} hat die Unterhaltung verlassen.',
  error: 'Bei uns ist etwas schiefgegangen, und es gibt noch keine Antwort.',
  error_offline: 'Die Verbindung ist unterbrochen. Ihre Nachricht ist vielleicht nicht angekommen.',
  error_slow: 'Das dauert länger, als es sollte. Bitte sehen Sie gleich noch einmal nach.',
  error_rate_limited: 'Sie haben in kurzer Zeit viele Nachrichten gesendet. Bitte warten Sie {wait}.',
  error_overloaded: 'Gerade fragen zu viele Menschen. Neuer Versuch bitte in {wait}.',
  error_token_refused: 'Der Chat konnte nicht gestartet werden. Bitte laden Sie die Seite neu.',
  error_origin_not_allowed: 'Der Chat ist für diese Website nicht eingerichtet.',
  error_load: 'Ihre frühere Unterhaltung konnte nicht geladen werden.',
  error_feedback: 'Ihre Rückmeldung konnte nicht gesendet werden.',
  seconds: '{n} Sekunden',
  minutes: '{n} Minuten',
  aMoment: 'einen Moment',
};

/** @type {Record<string, Strings>} */
const LANGUAGES = { en, de };

/**
 * @param {string} lang a BCP 47 tag: `de-AT` speaks `de`
 * @param {Partial<Strings>} [own]
 * @returns {Strings}
 */
export function stringsFor(lang, own = {}) {
  return { ...(LANGUAGES[lang.toLowerCase().split('-')[0]] ?? en), ...own };
}

/**
 * @param {string} template
 * @param {Record<string, string | number>} values for `{name}`
 */
export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/** Languages written from the right, for pages that name a language but no direction. */
const RTL = /^(ar|arc|ckb|dv|fa|he|iw|ks|ps|sd|ug|ur|yi)\b/i;

/**
 * @param {HTMLElement} element
 * @returns {{lang: string, dir: 'ltr' | 'rtl'}} its own `lang` and `dir`, else what the page around it says
 */
export function localeOf(element) {
  const lang = element.closest('[lang]')?.getAttribute('lang') || navigator.language || 'en';
  const own = element.closest('[dir]')?.getAttribute('dir')?.toLowerCase();
  const rtl = own === 'rtl' || (own !== 'ltr' && RTL.test(lang));
  return { lang, dir: rtl ? 'rtl' : 'ltr' };
}
