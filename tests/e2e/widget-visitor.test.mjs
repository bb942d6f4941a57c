/**
 * The widget and its visitor: stop, begin anew, reload, rate, confirm, leave an address, talk to staff.
 */
import assert from 'node:assert/strict';
import { resolvers } from './support/fake-server.mjs';
import { check, RETURNS, saying, until } from './support/harness.mjs';

// What visitors do

check('the stop button stops the answer and keeps what was said', {}, async ({ server, chat }) => {
  server.script = async (turn) => {
    turn.delta(0, 'One.');
    await turn.stopped;
    turn.final('One.', { outcome: 'cancelled' });
  };
  await chat.ask('Count');
  await chat.last.getByText('One.').waitFor();
  await chat.input.fill('next');
  await chat.input.press('Enter');
  await chat.status.getByText('Still answering').waitFor();
  assert.equal(server.asked('POST', /messages$/).length, 1);
  await new Promise((resolve) => { setTimeout(resolve, 400); }); // a second press sooner than this is a double click
  await chat.stop.click();
  await chat.log.getByText('You stopped this answer.').waitFor();
  assert.equal(server.asked('POST', /\/cancel$/).length, 1);
  assert.match(await chat.last.innerText(), /One\./);
  assert.equal(await chat.send.count(), 1);
  assert.equal(await chat.input.inputValue(), 'next');
});

check('a double click on Send does not stop what it sent', {}, async ({ server, chat }) => {
  const gate = resolvers();
  server.script = async (turn) => {
    await gate.promise;
    turn.final('Done.');
  };
  await chat.input.fill('Go');
  await chat.send.dblclick();
  gate.resolve();
  await chat.log.getByText('Done.').waitFor();
  assert.equal(server.asked('POST', /\/cancel$/).length, 0);
});

check('a new conversation stops what runs and forgets the thread', { attributes: { suggestions: '["Suggested?"]' } }, async ({ server, chat, page }) => {
  server.script = async (turn) => {
    turn.delta(0, 'Old.');
    await turn.stopped;
  };
  await chat.ask('One');
  await chat.last.getByText('Old.').waitFor();
  await chat.fresh.click();
  await until(() => server.asked('POST', /\/cancel$/).length === 1, 'the cancellation');
  assert.equal(await chat.answers.count(), 0);
  assert.equal(await chat.fresh.isVisible(), false);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.equal(await chat.input.evaluate((element) => element.getRootNode().activeElement === element), true);
  server.script = saying('New.');
  await chat.root.getByRole('button', { name: 'Suggested?' }).click();
  await chat.log.getByText('New.').waitFor();
  assert.equal(server.asked('POST', /messages$/)[1].body.thread_id, undefined);
  assert.equal(server.threads.size, 2);
});

check('a reload keeps the conversation', {}, async ({ server, chat, open }) => {
  server.script = async (turn) => {
    turn.citation(RETURNS);
    turn.final('30 days. [1]');
  };
  await chat.ask('How long?');
  await chat.last.locator('.sources').waitFor();
  await open();
  await chat.last.locator('.sources').getByText('Returns').waitFor();
  assert.deepEqual(await chat.said(), ['You: How long?']);
  server.script = saying('More.');
  await chat.ask('And?');
  await chat.log.getByText('More.').waitFor();
  assert.equal(server.threads.size, 1);
});

check('a reload in the middle of an answer goes on with it', {}, async ({ server, chat, open }) => {
  const gate = resolvers();
  server.script = saying('Before.');
  await chat.ask('First');
  await chat.log.getByText('Before.').waitFor();
  server.script = async (turn) => {
    turn.delta(0, 'One.');
    await gate.promise;
    turn.delta(1, 'Two.');
    turn.final('One. Two.');
  };
  await chat.ask('Count');
  await chat.last.getByText('One.').waitFor();
  await open();
  await chat.last.getByText('One.').waitFor();
  assert.equal(await chat.stop.count(), 1);
  gate.resolve();
  await chat.log.getByText('One. Two.').waitFor();
  const told = await chat.log.locator('.visitor, .answer > .text').allTextContents();
  assert.deepEqual(told, ['You: First', 'Before.', 'You: Count', 'One. Two.']);
  assert.equal(await chat.send.count(), 1);
});

check('an earlier conversation that cannot be loaded is not lost', {}, async ({ server, chat, open }) => {
  server.script = saying('First.');
  await chat.ask('One');
  await chat.log.getByText('First.').waitFor();
  server.fault = ({ path }) => (/thread/.test(path) ? { status: 500 } : undefined);
  await open();
  await chat.log.getByText('couldn’t be loaded').waitFor();
  server.fault = () => undefined;
  await chat.root.getByRole('button', { name: 'Try again' }).click();
  await chat.log.getByText('First.').waitFor();
});

check('Enter sends, Shift+Enter breaks the line, and an input method’s Enter does neither', {}, async ({ server, chat, page }) => {
  server.script = saying('Fine.');
  await chat.input.fill('   ');
  await chat.input.press('Enter');
  await chat.send.click();
  await chat.input.fill('one');
  await chat.input.press('Shift+Enter');
  await page.keyboard.type('two');
  const compose = (key) => chat.input.evaluate((element, init) => element.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...init })), key);
  await compose({ isComposing: true });
  await compose({ keyCode: 229 });
  assert.equal(await chat.input.inputValue(), 'one\ntwo');
  assert.deepEqual(await chat.said(), []);
  await chat.input.press('Enter');
  await chat.log.getByText('Fine.').waitFor();
  assert.deepEqual(server.asked('POST', /messages$/).map(({ body }) => body.user_msg), ['one\ntwo']);
});

check('characters are counted near the limit, as people count them', {}, async ({ server, chat }) => {
  server.script = saying('Read.');
  const counter = chat.root.locator('#counter');
  await chat.input.fill('x'.repeat(3599));
  assert.equal(await counter.isVisible(), false);
  await chat.input.fill('🙂'.repeat(4001));
  assert.equal(await counter.innerText(), '4001 of 4000 characters');
  await chat.input.press('Enter');
  assert.equal(await chat.input.getAttribute('aria-invalid'), 'true');
  assert.equal(server.asked('POST', /messages$/).length, 0);
  await chat.input.fill('🙂'.repeat(4000));
  await chat.input.press('Enter');
  await chat.log.getByText('Read.').waitFor();
});

check('thumbs up and down are sent, with what was wrong', {}, async ({ server, chat }) => {
  server.script = saying('Something.');
  await chat.ask('One');
  const up = chat.last.getByRole('button', { name: 'Helpful', exact: true });
  const down = chat.last.getByRole('button', { name: 'Not helpful' });
  await up.click();
  await chat.last.getByText('Thank you').waitFor();
  assert.equal(await up.getAttribute('aria-pressed'), 'true');
  await down.click();
  assert.equal(await up.getAttribute('aria-pressed'), 'false');
  await chat.last.getByRole('button', { name: 'Unclear' }).click();
  await until(() => server.asked('POST', /feedback$/).length === 3, 'all feedback');
  const turn_id = [...server.threads.values()][0].messages.at(-1).turn_id;
  assert.deepEqual(server.asked('POST', /feedback$/).map(({ body }) => body), [
    { turn_id, value: 'up', tags: [] }, { turn_id, value: 'down', tags: [] }, { turn_id, value: 'down', tags: ['unclear'] },
  ]);
  server.fault = ({ path }) => (path.endsWith('feedback') ? { status: 500 } : undefined);
  await up.click();
  await chat.last.getByText('couldn’t be sent').waitFor();
  assert.equal(await up.getAttribute('aria-pressed'), 'false');
});

// Questions, handoffs, staff

check('a confirmation shows its amount, sends the choice once, and survives a reload', {}, async ({ server, chat, open }) => {
  server.script = async (turn) => {
    turn.ask({ kind: 'confirm', proposal_id: 'p-1', summary: 'Refund order **1001**', amount_minor: 8900, currency: 'EUR' });
    turn.final('Shall I?', { outcome: 'asked' });
  };
  await chat.ask('Refund please');
  await chat.last.getByText('€89.00').waitFor();
  await open();
  await chat.last.getByText('€89.00').waitFor();
  server.script = saying('Refunded.');
  await chat.last.getByRole('button', { name: 'Yes, go ahead' }).click();
  await chat.log.getByText('Refunded.').waitFor();
  const { body } = server.asked('POST', /messages$/).at(-1);
  assert.equal(body.user_msg, '');
  assert.deepEqual(body.confirm, { proposal_id: 'p-1', accept: true });
  assert.equal((await chat.said()).at(-1), 'You: Yes, go ahead');
  assert.equal(await chat.root.getByRole('button', { name: 'Yes, go ahead' }).isDisabled(), true);
  assert.equal(await chat.root.getByRole('button', { name: 'No, don’t' }).isDisabled(), true);
});

check('the card’s amount is the one that is said yes to, in whatever currency', {}, async ({ server, chat }) => {
  // Minor units as the backend counts them; browsers round some of these to whole ones.
  const amounts = [['HUF', 1_499_000, '14,990.00'], ['IDR', 1_499_000, '14,990.00'], ['JPY', 14_990, '14,990'], ['ISK', 14_990, '14,990'], ['KWD', 14_990, '14.990'], ['IQD', 14_990, '14.990'], ['EUR', 14_990, '149.90']];
  for (const [currency, amount_minor, shown] of amounts) {
    server.script = async (turn) => {
      turn.ask({ kind: 'confirm', proposal_id: 'p-1', summary: `Refund in ${currency}?`, amount_minor, currency });
      turn.final(`In ${currency}?`, { outcome: 'asked' });
    };
    await chat.ask('Refund please');
    await chat.last.getByText(`Refund in ${currency}?`).waitFor();
    const [, digits] = /^[^\d]*([\d.,]+)$/.exec(await chat.last.locator('.amount').innerText());
    assert.equal(digits, shown, currency);
  }
});

check('staff are read live whenever they write, and what the agent asked is theirs then', {}, async ({ server, chat }) => {
  server.script = async (turn) => {
    turn.ask({ kind: 'confirm', proposal_id: 'p-1', summary: 'Refund?' });
    turn.final('Shall I?', { outcome: 'asked' });
  };
  await chat.ask('Refund please');
  const yes = chat.last.getByRole('button', { name: 'Yes, go ahead' });
  await yes.waitFor();
  const [id] = [...server.threads][0];
  await until(() => server.openStreams === 1, 'the live stream');
  // Nothing was handed over: staff look in by themselves.
  server.append(id, 'staff', { kind: 'joined', name: 'Mia' });
  await chat.log.getByText('Mia has joined').waitFor();
  assert.equal(await yes.isDisabled(), true);
  server.append(id, 'staff', { kind: 'message', name: 'Mia', md: 'I look at it.' });
  server.append(id, 'staff', { kind: 'left', name: 'Mia' });
  await chat.log.getByText('Mia has left').waitFor();
  server.append(id, 'staff', { kind: 'message', name: 'Mia', md: 'One thing more.' });
  await chat.log.getByText('One thing more.').waitFor();
  // An answer comes once, by its own stream.
  server.script = saying('Two weeks.');
  await chat.ask('How long?');
  await chat.log.getByText('Two weeks.').waitFor();
  await until(() => server.openStreams === 1, 'the live stream again');
  server.append(id, 'staff', { kind: 'message', name: 'Mia', md: 'Good night.' });
  await chat.log.getByText('Good night.').waitFor();
  assert.equal(await chat.log.getByText('Two weeks.').count(), 1);
  assert.equal(await chat.log.locator('.staff').count(), 3);
});

check('a refused or expired offer is told', {}, async ({ server, chat }) => {
  server.script = async (turn) => {
    turn.ask({ kind: 'confirm', proposal_id: 'p-1', summary: 'Refund?' });
    turn.final('Shall I?', { outcome: 'asked' });
  };
  await chat.ask('Refund please');
  await chat.last.getByText('Shall I?').waitFor();
  server.fault = ({ body }) => (body?.confirm ? { status: 409, body: { code: 'proposal_expired' } } : undefined);
  await chat.last.getByRole('button', { name: 'No, don’t' }).click();
  await chat.last.getByText('This offer has expired').waitFor();
  assert.deepEqual(server.asked('POST', /messages$/).at(-1).body.confirm, { proposal_id: 'p-1', accept: false });
});

check('a request for an address takes only an address', {}, async ({ server, chat }) => {
  server.script = async (turn) => {
    turn.ask({ kind: 'contact', summary: 'Where can we reach you?' });
    turn.final('We will look into it.', { outcome: 'degraded' });
  };
  await chat.ask('Where is my parcel?');
  const field = chat.last.getByRole('textbox', { name: 'Your e-mail address' });
  await field.fill('not an address');
  await field.press('Enter');
  // The browser says why, in the visitor's language.
  assert.equal(await field.evaluate((input) => input.matches(':invalid') && input.validationMessage !== ''), true);
  assert.equal(server.asked('POST', /messages$/).length, 1);
  server.script = saying('Thank you.');
  await field.fill('anna@example.com');
  await field.press('Enter');
  await chat.log.getByText('Thank you.').waitFor();
  assert.deepEqual(server.asked('POST', /messages$/).at(-1).body.contact, { email: 'anna@example.com' });
});

check('after a handoff staff are read live, over a broken connection and a reload', {}, async ({ server, chat, open }) => {
  server.script = async (turn) => {
    turn.handoff({ next: 'We answer within **1 working day**.', ticket_id: 'T-7' });
    turn.final('A person will look at this.', { outcome: 'handoff' });
  };
  await chat.ask('A human, please');
  await chat.last.getByText('Reference: T-7').waitFor();
  const [id, thread] = [...server.threads][0];
  await until(() => server.openStreams === 1, 'the live stream');
  server.append(id, 'staff', { kind: 'joined', name: 'Maria' });
  await chat.log.getByText('Maria has joined').waitFor();
  server.append(id, 'typing', { who: 'Maria' });
  await chat.status.getByText('Maria is typing…').waitFor();
  thread.status = 'staff';
  server.cut();
  server.append(id, 'staff', { kind: 'message', name: 'Maria', md: 'Hello, **Anna**.' });
  await chat.log.getByText('Hello, Anna.').waitFor();
  await chat.ask('Hello Maria');
  await until(() => server.asked('POST', /messages$/).length === 2, 'the message to staff');
  await chat.status.getByText('with our team').waitFor();
  assert.equal(await chat.root.locator('.failed').count(), 0);
  assert.equal(await chat.log.locator('.staff').count(), 1);

  thread.messages.push({ author: 'staff', text: 'Hello, **Anna**.' });
  await open();
  await chat.log.getByText('Hello, Anna.').waitFor();
  await until(() => server.openStreams === 1, 'the live stream after the reload');
  server.append(id, 'staff', { kind: 'message', name: 'Maria', md: 'All done.' });
  await chat.log.getByText('All done.').waitFor();
  assert.equal(await chat.log.locator('.staff').count(), 2);
  server.append(id, 'staff', { kind: 'left', name: 'Maria' });
  await chat.log.getByText('Maria has left').waitFor();

  // A reload that reads events again, for the card of the last answer, must not say twice what staff said.
  thread.status = 'open';
  await chat.ask('One more human, please');
  await chat.last.getByText('Reference: T-7').waitFor();
  await open();
  await chat.last.getByText('Reference: T-7').waitFor();
  assert.equal(await chat.log.locator('.staff').count(), 1, 'as the thread has it');
});

check('a backend that stays away is told in plain words, and the question is not lost', {}, async ({ server, chat }) => {
  server.script = saying('30 days.');
  server.fault = ({ path }) => (/messages/.test(path) ? 'drop' : undefined);
  await chat.ask('How long?');
  await chat.status.getByText('can’t be reached right now').waitFor({ timeout: 30_000 });
  assert.deepEqual(await chat.said(), ['You: How long?']);
  server.fault = () => undefined;
  await chat.log.getByText('30 days.').waitFor({ timeout: 30_000 });
  assert.equal(await chat.status.innerText(), '');
});

check('a long conversation doesn’t make its page longer', { attributes: { mode: 'inline' } }, async ({ server, chat, page }) => {
  const height = () => page.evaluate(() => document.scrollingElement.scrollHeight);
  const before = await height();
  server.script = async (turn) => {
    turn.citation(RETURNS);
    turn.final(`${'A sentence that is long enough for several lines of the log. '.repeat(6)}[1]`);
  };
  for (const text of ['one', 'two', 'three', 'four', 'five']) {
    await chat.ask(text);
    await until(async () => (await chat.said()).length === await chat.log.locator('.answer').count() && (await chat.said()).at(-1) === `You: ${text}`, text);
  }
  assert.equal(await height(), before);
});

check('the consent’s own pages are linked, and no other host by a path', {
  attributes: { consent: '[Privacy](/privacy) [elsewhere](//evil.example/x) [script](javascript:alert(1))' },
}, async ({ chat, page }) => {
  const links = chat.root.locator('.consent a');
  assert.equal(await links.count(), 1);
  assert.equal(await links.first().evaluate((a) => a.href), new URL('/privacy', page.url()).href);
});

check('a handoff says its sentence once, its field is in view, and what is answered later is not the team’s', {
  attributes: { mode: 'launcher' }, browser: { viewport: { width: 390, height: 700 } },
}, async ({ server, chat, page }) => {
  await page.getByRole('button', { name: 'Open the chat' }).click();
  server.script = saying('Something long to begin with. '.repeat(30));
  await chat.ask('First?');
  await until(async () => (await chat.log.locator('.answer').count()) === 1, 'the first answer');
  const words = `I can’t answer this reliably myself, so I’ve noted it for our team. ${'They read it in the order in which it came. '.repeat(12)}`.trim();
  server.script = async (turn) => {
    turn.handoff({ next: words, needs_contact: true });
    turn.final(words, { outcome: 'handoff' });
  };
  await chat.ask('A human, please');
  await chat.status.getByText('with our team').waitFor();
  assert.equal((await chat.last.innerText()).split('noted it for our team').length, 2);
  const inView = () => chat.root.evaluate((host) => {
    const box = (selector) => host.shadowRoot.querySelector(selector).getBoundingClientRect();
    return box('input[type=email]').bottom <= box('.scroll').bottom;
  });
  await until(inView, 'the field in view');

  server.script = saying('30 days.');
  await chat.ask('How long?');
  await chat.log.getByText('30 days.').waitFor();
  await until(async () => (await chat.status.innerText()) === '', 'no word of the team');
});
