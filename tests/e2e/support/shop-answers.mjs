/**
 * What the fake server answers about the demo shop, and three of its help articles:
 * realistic enough to look at, from the facts that the real demo has.
 */
import { setTimeout as pause } from 'node:timers/promises';

export const ARTICLES = {
  returns: {
    title: 'Returns', updated: '12 March 2026',
    body: `<p>Changed your mind? That is fine. Here is how sending something back works.</p>
<h2 id="how-long">How long you have</h2>
<p>You can send an item back within <strong>30 days from delivery</strong>. It must be unused and in the original box.</p>
<ul><li>Made-to-measure shades can’t be returned.</li><li>Opened bulbs can’t be returned.</li></ul>
<h2 id="label">The return label</h2>
<p>The label costs € 4.90 and is free for faulty goods. Print it from your account, or write to <a href="/kb/contact">us</a>.</p>
<h2 id="money">When the money is back</h2>
<p>Within 5 working days of arrival, to the means of payment that you used.</p>`,
  },
  shipping: {
    title: 'Shipping', updated: '2 February 2026',
    body: `<p>We ship with DHL; furniture over 20 kg comes by freight carrier with an appointment.</p>
<h2 id="costs">What it costs</h2>
<table><thead><tr><th>To</th><th>Price</th><th>Free from</th></tr></thead><tbody>
<tr><td>Austria and Germany</td><td>€ 4.90</td><td>€ 80</td></tr><tr><td>Rest of the EU</td><td>€ 9.90</td><td>€ 150</td></tr>
<tr><td>Switzerland and Norway</td><td>€ 19.90 plus customs</td><td>–</td></tr></tbody></table>
<h2 id="time">How long it takes</h2><p>Ordered before 14:00 on a working day, it leaves the same day: 2–3 working days to Austria and Germany, 4–6 to the rest of the EU.</p>`,
  },
  contact: { title: 'Contact', updated: '5 January 2026', body: '<p>Mon–Fri 9:00–17:00, +43 7612 555 010, hello@lumen-oak.example. We reply within 1 working day.</p>' },
  warranty: { title: 'Warranty', updated: '5 January 2026', body: '<p>2 years by law; 5 years on LED drivers and solid-wood frames.</p>' },
};

const KNOWN = [
  {
    asks: /send something back|return/i,
    citations: [
      { n: 1, chunk_id: '11', title: 'Returns', section: 'How long you have', url: '/kb/returns#how-long', snippet: 'You can send an item back within 30 days from delivery. It must be unused and in the original box.' },
      { n: 2, chunk_id: '12', title: 'Returns', section: 'The return label', url: '/kb/returns#label', snippet: 'The label costs € 4.90 and is free for faulty goods.' },
    ],
    sentences: [
      'You can send an item back within **30 days from delivery**, as long as it is unused and in the original box. [1]',
      'The return label costs € 4.90; for faulty goods it is free. [2]',
      'Made-to-measure shades and opened bulbs can’t be returned. [1]',
    ],
  },
  {
    asks: /shipping|germany/i,
    citations: [{ n: 1, chunk_id: '21', title: 'Shipping', section: 'What it costs', url: '/kb/shipping#costs', snippet: 'Austria and Germany € 4.90, free from € 80.' }],
    sentences: ['Shipping to Germany costs **€ 4.90**, and nothing from € 80 on. [1]', 'It takes 2–3 working days. [1]'],
  },
];

/** @param {number} pace milliseconds between events */
export const answering = (pace) => async (turn, message) => {
  const known = KNOWN.find(({ asks }) => asks.test(message.user_msg));
  turn.step('Searching the help pages…');
  await Promise.race([pause(pace * 2), turn.stopped]);
  if (!known) return turn.final('I found nothing about that in our help pages. Shall I pass your question on to our team?', { citations: [] });
  for (const citation of known.citations) turn.citation(citation);
  const said = [];
  for (const [i, sentence] of known.sentences.entries()) {
    if (turn.isStopped) return turn.final(said.join(' '), { outcome: 'cancelled' });
    turn.delta(i, sentence);
    said.push(sentence);
    await Promise.race([pause(pace), turn.stopped]);
  }
  turn.final(said.join(' '));
};

export const realistic = answering(120);
