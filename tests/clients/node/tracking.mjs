// Looks at the tracking page in Debian's Chromium, as readers with and without JavaScript do.
//
// SITE: where the page is. CONTROL: where payouts are made and moved. NODE_MODULES: where playwright-core and axe-core
// are. SCREENSHOTS: where pictures of every state go, if they are wanted. CHROMIUM: the browser.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { SITE, CONTROL, NODE_MODULES, SCREENSHOTS, CHROMIUM = '/usr/bin/chromium' } = process.env;
const require = createRequire(join(NODE_MODULES, 'from-here.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const SOON = 10_000; // milliseconds: more than any change takes
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };

async function control(path) {
  const response = await fetch(`${CONTROL}/${path}`, { method: 'POST' });
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response.text();
}

async function create(mode = 'live') {
  const [index, url] = (await control(`create/${mode}`)).split(' ');
  return { url, happens: (what) => control(`happen/${index}/${what}`) };
}

// Its profile is new, and removed when it is closed.
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  headless: true,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

// A page for a reader of its own. It fails its test by itself where anything goes wrong in it.
async function open(options = {}) {
  const context = await browser.newContext({
    locale: 'en-GB',
    timezoneId: 'Europe/Madrid',
    viewport: DESKTOP,
    ...options,
  });
  const page = await context.newPage();
  page.complaints = [];
  page.loads = 0;
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => page.complaints.push(`error: ${error}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${SITE}/track/`)) page.complaints.push(`asked elsewhere: ${request.url()}`);
    if (request.isNavigationRequest()) page.loads += 1;
  });
  page.finish = async () => {
    assert.deepEqual(page.complaints, []);
    await context.close();
  };
  return page;
}

const headline = (page) => page.locator('h1').textContent();
const sees = (page, text) => page.locator('h1', { hasText: text }).waitFor({ timeout: SOON });

// ---- what is tested ----

const tests = {
  async 'a payout is seen moving to delivered without reload'() {
    const payout = await create();
    const page = await open();
    await page.goto(payout.url);
    assert.equal(await headline(page), 'Getting ready to send');
    await page.getByText('Live: this page updates by itself.').waitFor({ timeout: SOON });

    // The countdown runs, by the server's clock.
    const left = page.locator('time[data-countdown]');
    const before = await left.textContent();
    assert.match(before, /^(10:00|9:5\d)$/);
    await page.waitForFunction((was) => document.querySelector('time[data-countdown]').textContent !== was, before);
    // Times are in the reader's own zone: 12:00 UTC is 13:00 in Madrid.
    assert.match(await page.locator('.history time').first().textContent(), /1 Jan 2026, 13:0\d:\d\d/);
    assert.equal(await page.locator('#time-zone').textContent(), 'Times are in your own time zone (Europe/Madrid)');

    await payout.happens('broadcast');
    await sees(page, 'On its way');
    assert.equal(await page.locator('#announcement').textContent(), 'On its way');
    assert.match(await page.title(), /^On its way · /);
    await page.locator('.history a').focus();
    await payout.happens('second-leg');
    await page.getByText('Another transaction sent').waitFor({ timeout: SOON });
    // Focus stays where it was.
    assert.match(await page.evaluate(() => document.activeElement.href), /^https:\/\/etherscan\.io\/tx\/0x/);
    await payout.happens('delivered');
    await sees(page, 'Delivered');
    assert.equal(await page.locator('#connection').isVisible(), false);
    assert.equal(page.loads, 1, 'one navigation altogether');

    // A reversal after the end shows once the page is looked at again.
    await payout.happens('reversed');
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await sees(page, 'The delivery was reversed');
    assert.equal(page.loads, 1);
    await page.finish();
  },

  async 'a payout is seen moving to delivered with JavaScript off'() {
    const payout = await create();
    const page = await open({ javaScriptEnabled: false });
    await page.goto(payout.url);
    assert.equal(await headline(page), 'Getting ready to send');
    assert.equal(await page.locator('noscript .connection').innerText(), 'This page reloads itself every 5 seconds.');
    assert.equal(await page.locator('time[data-countdown]').textContent(), 'about 10 min');
    await payout.happens('broadcast');
    await sees(page, 'On its way');
    await payout.happens('delivered');
    await sees(page, 'Delivered');
    const { loads } = page;
    assert.ok(loads >= 3);
    await page.waitForTimeout(6_000);
    assert.equal(page.loads, loads, 'it stops reloading at the end');
    await page.finish();
  },

  async 'a page whose stream is refused or cut off stays up to date'() {
    const payout = await create();
    const page = await open();
    await page.route('**/events?*', (route) => route.fulfill({ status: 429 }));
    await page.goto(payout.url);
    await page.getByText('checks for changes every few seconds').waitFor({ timeout: SOON });
    await payout.happens('broadcast');
    await sees(page, 'On its way');
    // The browser itself complains of the refusal.
    page.complaints = page.complaints.filter((complaint) => !complaint.includes('429'));
    await page.finish();
  },

  async 'a page that loses its connection says so and recovers'() {
    const payout = await create();
    const page = await open();
    await page.goto(payout.url);
    await page.getByText('Live: this page updates by itself.').waitFor({ timeout: SOON });
    await page.route('**/events?*', (route) => route.abort());
    await page.route('**/fragment?*', (route) => route.abort());
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await page.getByText('Connection lost.').waitFor({ timeout: SOON });
    await payout.happens('broadcast');
    await page.unroute('**/events?*');
    await page.unroute('**/fragment?*');
    await sees(page, 'On its way');
    page.complaints = page.complaints.filter((complaint) => !complaint.includes('ERR_FAILED'));
    await page.finish();
  },

  async 'what a watcher writes never runs'() {
    const payout = await create();
    const page = await open();
    await page.goto(payout.url);
    await payout.happens('hostile');
    await sees(page, 'The payment failed');
    await page.reload();
    await page.waitForTimeout(300);
    assert.match(await page.title(), /^The payment failed/);
    assert.match(await page.locator('.reason').textContent(), /<img src=x onerror=/);
    await page.finish();
  },

  async 'the language is the reader’s, and can be changed'() {
    const payout = await create();
    const page = await open({ locale: 'es-MX', timezoneId: 'America/Mexico_City' });
    await page.goto(payout.url);
    assert.equal(await headline(page), 'Preparando el envío');
    await page.getByText('En directo').waitFor({ timeout: SOON });
    await payout.happens('broadcast');
    await sees(page, 'En camino');
    await page.getByRole('link', { name: 'English' }).click();
    await sees(page, 'On its way');
    await page.finish();
  },

  async 'it is usable by keyboard, without motion, and narrow'() {
    const payout = await create();
    await payout.happens('broadcast');
    const page = await open({ viewport: { width: 320, height: 640 }, reducedMotion: 'reduce' });
    await page.goto(payout.url);
    const moving = await page.evaluate(() => document.getAnimations().length);
    assert.equal(moving, 0);
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(sideways, false, 'nothing sticks out at 320 pixels');
    const reached = [];
    for (let i = 0; i < 3; i += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement.textContent.trim()));
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.equal(outline, 'solid', 'focus can be seen');
    }
    assert.deepEqual(reached.slice(0, 2), ['Englishen', 'Españoles']);
    assert.match(reached[2], /^Transaction 0x5c504e…b22060 \(opens in a new tab\)$/);
    await page.finish();
  },

  async 'every state is accessible, light and dark, on phone and desktop'() {
    if (SCREENSHOTS) mkdirSync(SCREENSHOTS, { recursive: true });
    const readers = {
      'phone-light': await open({ viewport: PHONE, colorScheme: 'light', reducedMotion: 'reduce' }),
      'desktop-dark': await open({ viewport: DESKTOP, colorScheme: 'dark', reducedMotion: 'reduce' }),
    };
    for (const [state, steps, mode] of [
      ['pending', []],
      ['broadcast', ['broadcast']],
      ['late', ['broadcast', 'late']],
      ['delivered', ['broadcast', 'second-leg', 'delivered']],
      ['inferred', ['delivered'], 'test'],
      ['failed', ['broadcast', 'failed']],
      ['failed-unknown', ['lost']],
      ['reversed', ['delivered', 'reversed']],
      ['not-found', null],
    ]) {
      const payout = await create(mode);
      for (const step of steps ?? []) await payout.happens(step);
      const url = steps ? payout.url : `${SITE}/track/${'0'.repeat(32)}`;
      for (const [reader, page] of Object.entries(readers)) {
        await page.goto(url);
        if (steps) await page.getByText('Times are in your own time zone').waitFor({ timeout: SOON });
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        const found = violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((n) => n.html).join(' ')}`);
        assert.deepEqual(found, [], `${state} ${reader}`);
        if (SCREENSHOTS) {
          await page.screenshot({ path: join(SCREENSHOTS, `tracking-${state}-${reader}.png`), fullPage: true });
        }
      }
    }
    for (const page of Object.values(readers)) {
      // The browser itself complains of the page that is not there.
      page.complaints = page.complaints.filter((complaint) => !complaint.includes('404'));
      await page.finish();
    }
  },
};

let failures = 0;
for (const [name, test] of Object.entries(tests)) {
  const began = Date.now();
  try {
    await test();
    console.log(`ok      ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failures += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}
await browser.close();
process.exit(failures === 0 ? 0 : 1);
