// Tests the tracking page in Debian's Chromium, with and without JavaScript.
//
// SITE: the base URL of the page. CONTROL: the URL of the test server that creates payouts and applies reports.
// NODE_MODULES: a directory with playwright-core and axe-core. SCREENSHOTS: a directory that receives a screenshot of
// every state (optional). CHROMIUM: the browser.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { SITE, CONTROL, NODE_MODULES, SCREENSHOTS, CHROMIUM = '/usr/bin/chromium' } = process.env;
const require = createRequire(join(NODE_MODULES, 'resolve-from-here.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const TIMEOUT = 10_000; // milliseconds, more than any update takes
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };

async function control(path) {
  const response = await fetch(`${CONTROL}/${path}`, { method: 'POST' });
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response.text();
}

async function create(mode = 'live') {
  const [index, url] = (await control(`create/${mode}`)).split(' ');
  return { url, report: (kind) => control(`happen/${index}/${kind}`) };
}

// The browser creates a temporary profile.
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  headless: true,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

// Opens a page in a new context. `finish` fails if the page logged an error or a warning, or called another site.
async function open(options = {}) {
  const context = await browser.newContext({
    locale: 'en-GB',
    timezoneId: 'Europe/Madrid',
    viewport: DESKTOP,
    ...options,
  });
  const page = await context.newPage();
  page.problems = [];
  page.loads = 0;
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => page.problems.push(`error: ${error}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${SITE}/track/`)) page.problems.push(`request to another site: ${request.url()}`);
    if (request.isNavigationRequest()) page.loads += 1;
  });
  page.finish = async () => {
    assert.deepEqual(page.problems, []);
    await context.close();
  };
  return page;
}

const headline = (page) => page.locator('h1').textContent();
const seesHeadline = (page, text) => page.locator('h1', { hasText: text }).waitFor({ timeout: TIMEOUT });

// ---- tests ----

const tests = {
  async 'the page follows a payout to delivered without a reload'() {
    const payout = await create();
    const page = await open();
    await page.goto(payout.url);
    assert.equal(await headline(page), 'Getting ready to send');
    await page.getByText('Live: this page updates by itself.').waitFor({ timeout: TIMEOUT });

    // The countdown follows the server's clock.
    const left = page.locator('time[data-countdown]');
    const before = await left.textContent();
    assert.match(before, /^(10:00|9:5\d)$/);
    await page.waitForFunction((was) => document.querySelector('time[data-countdown]').textContent !== was, before);
    // Times are in the browser's time zone: 12:00 UTC is 13:00 in Madrid.
    assert.match(await page.locator('.history time').first().textContent(), /1 Jan 2026, 13:0\d:\d\d/);
    assert.equal(await page.locator('#time-zone').textContent(), 'Times are in your own time zone (Europe/Madrid)');

    await payout.report('broadcast');
    await seesHeadline(page, 'On its way');
    assert.equal(await page.locator('#announcement').textContent(), 'On its way');
    assert.match(await page.title(), /^On its way · /);
    await page.locator('.history a').focus();
    await payout.report('second-leg');
    await page.getByText('Another transaction sent').waitFor({ timeout: TIMEOUT });
    // An update keeps the focus.
    assert.match(await page.evaluate(() => document.activeElement.href), /^https:\/\/etherscan\.io\/tx\/0x/);
    await payout.report('delivered');
    await seesHeadline(page, 'Delivered');
    assert.equal(await page.locator('#connection').isVisible(), false);
    assert.equal(page.loads, 1, 'the page was loaded once');

    // A reversal after the end is shown when the page becomes visible again.
    await payout.report('reversed');
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await seesHeadline(page, 'The delivery was reversed');
    assert.equal(page.loads, 1);
    await page.finish();
  },

  async 'without JavaScript, the page follows a payout to delivered by reloading'() {
    const payout = await create();
    const page = await open({ javaScriptEnabled: false });
    await page.goto(payout.url);
    assert.equal(await headline(page), 'Getting ready to send');
    assert.equal(await page.locator('noscript .connection').innerText(), 'This page reloads itself every 5 seconds.');
    assert.equal(await page.locator('time[data-countdown]').textContent(), 'about 10 min');
    await payout.report('broadcast');
    await seesHeadline(page, 'On its way');
    await payout.report('delivered');
    await seesHeadline(page, 'Delivered');
    const { loads } = page;
    assert.ok(loads >= 3);
    await page.waitForTimeout(6_000);
    assert.equal(page.loads, loads, 'the page stops reloading after the end');
    await page.finish();
  },

  async 'a page whose stream is refused polls for updates'() {
    const payout = await create();
    const page = await open();
    await page.route('**/events?*', (route) => route.fulfill({ status: 429 }));
    await page.goto(payout.url);
    await page.getByText('checks for changes every few seconds').waitFor({ timeout: TIMEOUT });
    await payout.report('broadcast');
    await seesHeadline(page, 'On its way');
    // Chromium logs the refused request.
    page.problems = page.problems.filter((problem) => !problem.includes('429'));
    await page.finish();
  },

  async 'a page that loses its connection shows that and recovers'() {
    const payout = await create();
    const page = await open();
    await page.goto(payout.url);
    await page.getByText('Live: this page updates by itself.').waitFor({ timeout: TIMEOUT });
    await page.route('**/events?*', (route) => route.abort());
    await page.route('**/fragment?*', (route) => route.abort());
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await page.getByText('Connection lost.').waitFor({ timeout: TIMEOUT });
    await payout.report('broadcast');
    await page.unroute('**/events?*');
    await page.unroute('**/fragment?*');
    await seesHeadline(page, 'On its way');
    page.problems = page.problems.filter((problem) => !problem.includes('ERR_FAILED'));
    await page.finish();
  },

  async 'HTML in a report is not executed'() {
    const payout = await create();
    const page = await open();
    await page.goto(payout.url);
    await payout.report('hostile');
    await seesHeadline(page, 'The payment failed');
    await page.reload();
    await page.waitForTimeout(300);
    assert.match(await page.title(), /^The payment failed/);
    assert.match(await page.locator('.reason').textContent(), /<img src=x onerror=/);
    await page.finish();
  },

  async 'the page is in the browser’s language, which the reader can change'() {
    const payout = await create();
    const page = await open({ locale: 'es-MX', timezoneId: 'America/Mexico_City' });
    await page.goto(payout.url);
    assert.equal(await headline(page), 'Preparando el envío');
    await page.getByText('En directo').waitFor({ timeout: TIMEOUT });
    await payout.report('broadcast');
    await seesHeadline(page, 'En camino');
    await page.getByRole('link', { name: 'English' }).click();
    await seesHeadline(page, 'On its way');
    await page.finish();
  },

  async 'the page is usable by keyboard, with reduced motion, and at 320 pixels'() {
    const payout = await create();
    await payout.report('broadcast');
    const page = await open({ viewport: { width: 320, height: 640 }, reducedMotion: 'reduce' });
    await page.goto(payout.url);
    const animations = await page.evaluate(() => document.getAnimations().length);
    assert.equal(animations, 0);
    const overflows = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(overflows, false, 'the page does not scroll sideways at 320 pixels');
    const focused = [];
    for (let i = 0; i < 3; i += 1) {
      await page.keyboard.press('Tab');
      focused.push(await page.evaluate(() => document.activeElement.textContent.trim()));
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.equal(outline, 'solid', 'the focus is visible');
    }
    assert.deepEqual(focused.slice(0, 2), ['Englishen', 'Españoles']);
    assert.match(focused[2], /^Transaction 0x5c504e…b22060 \(opens in a new tab\)$/);
    await page.finish();
  },

  async 'every state is accessible in light and dark mode, on phone and desktop'() {
    if (SCREENSHOTS) mkdirSync(SCREENSHOTS, { recursive: true });
    const pages = {
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
      for (const step of steps ?? []) await payout.report(step);
      const url = steps ? payout.url : `${SITE}/track/${'0'.repeat(32)}`;
      for (const [device, page] of Object.entries(pages)) {
        await page.goto(url);
        if (steps) await page.getByText('Times are in your own time zone').waitFor({ timeout: TIMEOUT });
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        const found = violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((n) => n.html).join(' ')}`);
        assert.deepEqual(found, [], `${state} ${device}`);
        if (SCREENSHOTS) {
          await page.screenshot({ path: join(SCREENSHOTS, `tracking-${state}-${device}.png`), fullPage: true });
        }
      }
    }
    for (const page of Object.values(pages)) {
      // Chromium logs the page that is not found.
      page.problems = page.problems.filter((problem) => !problem.includes('404'));
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
