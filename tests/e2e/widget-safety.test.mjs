/**
 * The widget is safe to put on a page and usable by everyone: hostile text, Markdown, a strict policy,
 * keyboard, screen readers, languages, writing directions, colours, small screens.
 */
import assert from 'node:assert/strict';
import { axe } from './support/browser.mjs';
import { FakeServer, resolvers } from './support/fake-server.mjs';
import { check, RETURNS, saying, until } from './support/harness.mjs';

// Safety

const HOSTILE = [
  '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>',
  '[click](javascript:window.hacked=1) [data](data:text/html,<script>1</script>) [ok](https://example.com/a_(b)) <https://example.com/c>',
  '![pixel](https://evil.example/p.png) [vb](vbscript:x) [rel](/kb/returns) [mail](mailto:a@example.com) b@example.com',
  '`<b>code</b>` **<i>bold</i>** [1] [9]',
];

check('nothing from the wire becomes anything but text and safe links', {
  attributes: { consent: '<b>x</b> [Privacy](https://example.com/privacy)', greeting: '<img src=x onerror=window.hacked=1>', suggestions: '["<b>S</b>"]' },
}, async ({ server, chat, page, open }) => {
  const evil = '<img src=x onerror="window.hacked=1">';
  server.script = async (turn, { user_msg }) => {
    turn.step(evil);
    turn.citation({ n: 1, title: evil, section: evil, snippet: evil, url: 'javascript:window.hacked=1' });
    const urls = ['//evil.example/a', '/\\evil.example/a', '/\t/evil.example', 'ftp://evil.example', 'https://example.com/page', '/kb/returns'];
    for (const [i, url] of urls.entries()) turn.citation({ n: i + 2, title: `S${i}`, url });
    const text = `${HOSTILE.join('\n\n')}\n\n${urls.map((_, i) => `[${i + 2}]`).join(' ')}`;
    turn.delta(0, text);
    if (user_msg === 'handoff') {
      turn.handoff({ next: evil, ticket_id: evil });
      turn.ask({ kind: 'confirm', summary: evil, proposal_id: evil });
    }
    turn.final(text);
  };
  await chat.ask(evil);
  await chat.last.locator('.sources').waitFor();
  await chat.ask('handoff');
  await chat.log.getByText('Passed on').waitFor();
  const [id] = server.threads.keys();
  server.append(id, 'staff', { kind: 'joined', name: evil });
  server.append(id, 'staff', { kind: 'message', name: evil, md: HOSTILE.join('\n\n') });
  server.append(id, 'staff', { kind: 'system', md: evil });
  await chat.log.locator('.line').last().waitFor();

  const look = () => page.evaluate(() => {
    const root = document.querySelector('deskhand-chat').shadowRoot;
    return {
      hacked: window.hacked,
      tags: [...new Set([...root.querySelectorAll('.scroll *')].map(({ localName }) => localName))].sort(),
      styled: root.querySelectorAll('.scroll [style], [onclick], [onerror]').length,
      links: [...new Set([...root.querySelectorAll('.scroll a, .consent a')].map(({ href, target, rel }) => `${href} ${target} ${rel}`))].sort(),
      sources: [...root.querySelector('.sources').querySelectorAll('.source')].map(({ localName }) => localName),
    };
  });
  const found = await look();
  assert.equal(found.hacked, undefined);
  assert.equal(found.styled, 0);
  for (const tag of ['img', 'script', 'i', 'iframe', 'style']) assert.equal(found.tags.includes(tag), false, tag);
  assert.deepEqual(found.links, [
    'https://example.com/a_(b)', 'https://example.com/c', 'https://example.com/page', 'https://example.com/privacy',
    `${server.url}/kb/returns`, 'mailto:a@example.com', 'mailto:b@example.com',
  ].map((href) => `${href} _blank noopener`).sort());
  assert.deepEqual(found.sources, ['div', 'div', 'div', 'div', 'div', 'a', 'a']);
  assert.match(await chat.answers.first().innerText(), /<img src=x onerror=.*<script>/s);
  assert.match(await chat.answers.first().innerText(), /\[9\]/);
  await open();
  await chat.answers.first().locator('.sources').waitFor();
  assert.equal((await look()).hacked, undefined);
});

const MARKDOWN = {
  'plain\nwrapped  \nbroken': '<p>plain\nwrapped<br>broken</p>',
  'one\n\ntwo': '<p>one</p><p>two</p>',
  '- a\n- b\n  more\n\n  - deep\n    1. deeper\n- c': '<ul><li>a</li><li>b\nmore<ul><li>deep<ol start="1"><li>deeper</li></ol></li></ul></li><li>c</li></ul>',
  '3. a\n4. b': '<ol start="3"><li>a</li><li>b</li></ol>',
  'Text:\n* a\n\nAfter': '<p>Text:</p><ul><li>a</li></ul><p>After</p>',
  '# Head\n## Two ##\ntext': '<p><strong>Head</strong></p><p><strong>Two</strong></p><p>text</p>',
  '**b** __b__ *i* _i_ snake_case_name 2*3*4 ***both***': '<p><strong>b</strong> <strong>b</strong> <em>i</em> <em>i</em> snake_case_name 2*3*4 <strong><em>both</em></strong></p>',
  '`a*b*` ``a ` b``': '<p><code>a*b*</code> <code>a ` b</code></p>',
  '```js\nlet a = "<b>";\n\n- x\n```\nafter': '<pre><code>let a = "&lt;b&gt;";\n\n- x\n</code></pre><p>after</p>',
  '\\*no\\* \\[1]': '<p>*no* [1]</p>',
  '> said\n> twice': '<p>said\ntwice</p>',
  'see https://example.com/a?b=1. (https://example.com/c)': '<p>see <a href="https://example.com/a?b=1">https://example.com/a?b=1</a>. (<a href="https://example.com/c">https://example.com/c</a>)</p>',
  '[**bold** link](https://example.com "t")': '<p><a href="https://example.com/"><strong>bold</strong> link</a></p>',
  '**open and [broken](http': '<p>**open and [broken](http</p>',
};

check('the Markdown subset', {}, async ({ page }) => {
  const found = await page.evaluate(async (sources) => {
    const { markdown } = await import('/assets/deskhand-transcript.js');
    return Object.fromEntries(sources.map((source) => {
      const box = document.createElement('div');
      box.append(markdown(source));
      for (const element of box.querySelectorAll('*')) for (const name of ['dir', 'target', 'rel', 'tabindex']) element.removeAttribute(name);
      return [source, box.innerHTML];
    }));
  }, Object.keys(MARKDOWN));
  assert.deepEqual(found, MARKDOWN);
});

check('a backend on another host, named by the token', { hosts: ['http://127.0.0.1'] }, async ({ server, page, chat }) => {
  const backend = await FakeServer.start();
  try {
    // One server mints the token, the other takes it.
    const [token] = [await (await fetch(`${backend.url}/demo/token`, { method: 'POST', body: '{}' })).json()];
    server.fault = ({ path }) => (path === '/demo/token' ? { status: 200, body: { ...token, backend: `${backend.url}/` }, headers: { 'Content-Type': 'application/json' } } : undefined);
    backend.script = saying('From elsewhere.');
    await page.goto(server.page({}, { connect: backend.url }));
    await chat.ask('Hello?');
    await chat.log.getByText('From elsewhere.').waitFor();
    assert.equal(server.asked('POST', /messages/).length, 0);
    page.seen.strangers = page.seen.strangers.filter((url) => !url.startsWith(backend.url));
  } finally {
    await backend.stop();
  }
});

// For everyone

check('keyboard alone: ask, follow a footnote, rate, begin anew', {}, async ({ server, chat, page }) => {
  server.script = async (turn) => {
    turn.citation(RETURNS);
    turn.final('30 days. [1]');
  };
  const focused = () => page.evaluate(() => {
    const element = document.activeElement?.shadowRoot?.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
  });
  const tabTo = async (name, key = 'Tab') => {
    for (let i = 0; i < 12; i += 1) {
      if ((await focused()).includes(name)) return;
      await page.keyboard.press(key);
    }
    assert.fail(`${name} is out of reach`);
  };
  await page.keyboard.press('Tab');
  await chat.input.focus();
  await page.keyboard.type('How long?');
  await page.keyboard.press('Enter');
  await chat.last.locator('.sources').waitFor();
  await tabTo('Source 1', 'Shift+Tab');
  await page.keyboard.press('Enter');
  assert.match(await focused(), /Returns/);
  await tabTo('Helpful');
  await page.keyboard.press('Space');
  await chat.last.getByText('Thank you').waitFor();
  const outline = await chat.root.getByRole('button', { name: 'Helpful', exact: true }).evaluate((element) => getComputedStyle(element).outlineStyle);
  assert.equal(outline, 'solid');
  await tabTo('New conversation', 'Shift+Tab');
  await page.keyboard.press('Enter');
  assert.equal(await chat.answers.count(), 0);
  await tabTo('', 'Tab');
});

check('the launcher opens with the focus inside, and Escape gives it back', { attributes: { mode: 'launcher' } }, async ({ server, chat, page, open }) => {
  assert.equal(server.requests.length, 0, 'a closed launcher asks for nothing');
  const launcher = chat.root.getByRole('button', { name: 'Open the chat' });
  await launcher.click();
  await chat.root.getByRole('dialog', { name: 'Help' }).waitFor();
  assert.equal(await chat.input.evaluate((element) => element.getRootNode().activeElement === element), true);
  server.script = async (turn) => {
    turn.handoff({});
    turn.final('A person will.', { outcome: 'handoff' });
  };
  await chat.ask('Human');
  await chat.log.getByText('A person will.').waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await chat.root.getByRole('dialog').count(), 0);
  assert.equal(await launcher.evaluate((element) => element.getRootNode().activeElement === element), true);
  assert.equal(await launcher.getAttribute('aria-expanded'), 'false');
  await until(() => server.openStreams === 1, 'the live stream');
  server.append([...server.threads.keys()][0], 'staff', { kind: 'message', md: 'Hello.' });
  await chat.root.getByRole('button', { name: 'Open the chat (new message)' }).click();
  await chat.log.getByText('Hello.').waitFor();
  await open();
  await launcher.click();
  await chat.log.getByText('A person will.').waitFor();
});

check('German, by the page’s language', { page: { lang: 'de-AT' } }, async ({ server, chat }) => {
  server.script = async (turn) => turn.error('x', '', true);
  assert.equal(await chat.root.locator('h2').innerText(), 'Hilfe');
  assert.equal(await chat.input.getAttribute('placeholder'), 'Stellen Sie eine Frage…');
  await chat.ask('Wie lange?');
  await chat.log.getByText('Bei uns ist etwas schiefgegangen').waitFor();
  await chat.root.getByRole('button', { name: 'Noch einmal versuchen' }).waitFor();
  assert.equal(server.asked('POST', /messages$/)[0].body.locale, 'de-AT');
});

check('single strings can be replaced, and a language can change', {}, async ({ chat, page }) => {
  await page.evaluate(() => { document.querySelector('deskhand-chat').strings = { title: 'Ask Anna' }; });
  await chat.root.getByRole('heading', { name: 'Ask Anna' }).waitFor();
  await page.evaluate(() => { document.querySelector('deskhand-chat').lang = 'de'; });
  await chat.root.getByText('Antworten aus unseren Hilfeseiten').waitFor();
  assert.equal(await chat.root.locator('h2').innerText(), 'Ask Anna');
});

check('languages written from the right turn the widget round', { page: { lang: 'ar' } }, async ({ server, chat }) => {
  server.script = saying('مرحبا');
  await chat.ask('سؤال');
  await chat.log.getByText('مرحبا').waitFor();
  const box = async (selector) => (await chat.root.locator(selector).first().boundingBox()) ?? assert.fail(selector);
  const [panel, bubble, send, input] = [await box('.panel'), await box('.visitor'), await box('.send'), await box('textarea')];
  assert.ok(bubble.x - panel.x < panel.x + panel.width - (bubble.x + bubble.width), 'the visitor’s words stand on the left');
  assert.ok(send.x < input.x, 'the send button stands left of the input');
});

for (const colorScheme of ['light', 'dark']) {
  for (const accent of ['#ffe14d', '#101840', '#1f5f5b']) {
    check(`accessible in ${colorScheme}, with the accent ${accent}`, {
      attributes: { accent, suggestions: '["One?", "Two?"]', consent: 'See [privacy](https://example.com/).' }, browser: { colorScheme },
    }, async ({ server, chat, page }) => {
      assert.deepEqual(await axe(page), []);
      const gate = resolvers();
      server.script = async (turn) => {
        turn.citation(RETURNS);
        turn.delta(0, 'You have `30` [days](https://example.com). [1]');
        await gate.promise;
        turn.ask({ kind: 'confirm', proposal_id: 'p', summary: 'Refund?', amount_minor: 100, currency: 'EUR' });
        turn.handoff({ next: 'Soon.', needs_contact: true });
        turn.final('You have `30` [days](https://example.com). [1]');
      };
      await chat.ask('How long?');
      await chat.last.locator('.cite').waitFor();
      assert.deepEqual(await axe(page), []);
      gate.resolve();
      await chat.last.getByRole('button', { name: 'Not helpful' }).click();
      await chat.last.getByRole('button', { name: 'Unclear' }).click();
      server.script = async (turn) => turn.error('x', 'It broke.', true);
      await until(() => server.openStreams === 1, 'the live stream');
      const [id] = server.threads.keys();
      server.append(id, 'staff', { kind: 'message', name: 'Maria', md: 'Hello [there](https://example.com).' });
      await chat.log.getByText('Hello').waitFor();
      await chat.ask('More');
      await chat.log.getByText('It broke.').waitFor();
      await chat.input.fill('x'.repeat(4001));
      assert.deepEqual(await axe(page), []);
      for (const element of await chat.root.locator('button:visible, .sources a').all()) {
        if ((await element.getAttribute('class')) === 'cite') continue; // in a line of text; its area reaches beyond its box
        const { width, height } = (await element.boundingBox()) ?? assert.fail();
        assert.ok(width >= 24 && height >= 24, `${await element.getAttribute('aria-label')} is ${width} × ${height}`);
      }
    });
  }
}

check('at phone width the open launcher fills the screen', { attributes: { mode: 'launcher' }, browser: { viewport: { width: 360, height: 640 } } }, async ({ chat, page }) => {
  await chat.root.getByRole('button', { name: 'Open the chat' }).click();
  assert.deepEqual(await chat.root.locator('.panel').boundingBox(), { x: 0, y: 0, width: 360, height: 640 });
  await chat.root.getByRole('button', { name: 'Close' }).click();
  assert.equal(await chat.root.getByRole('dialog').count(), 0);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
});

check('the transcript is told once: no sentence is announced twice', {}, async ({ server, chat, page }) => {
  await page.evaluate(() => {
    window.announced = [];
    const log = document.querySelector('deskhand-chat').shadowRoot.querySelector('[role=log]');
    new MutationObserver((records) => {
      for (const { addedNodes } of records) for (const node of addedNodes) window.announced.push(node.querySelector?.('.text')?.textContent ?? node.textContent);
    }).observe(log, { childList: true, subtree: true });
  });
  server.script = async (turn) => {
    for (const [i, md] of ['One.', 'Two.', 'Three.'].entries()) turn.delta(i, md);
    turn.final('One. Two. Three.');
  };
  await chat.ask('Count');
  await chat.log.getByText('Three.').waitFor();
  assert.deepEqual(await page.evaluate(() => window.announced), ['You: Count', 'One. Two. Three.']);
});
