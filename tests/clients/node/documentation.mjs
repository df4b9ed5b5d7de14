// Opens the documentation page in Debian's Chromium and calls the API from it.
//
// SITE: the base URL of payoutd. KEY: an API key. NODE_MODULES: a directory with playwright-core. SCREENSHOT: a file
// that receives a screenshot (optional). CHROMIUM: the browser.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { SITE, KEY, NODE_MODULES, SCREENSHOT, CHROMIUM = '/usr/bin/chromium' } = process.env;
const require = createRequire(join(NODE_MODULES, 'resolve-from-here.js'));
const { chromium } = require('playwright-core');

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  headless: true,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 1400 } })).newPage();
  page.setDefaultTimeout(45_000);
  const problems = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`error: ${error}`));
  page.on('request', (request) => {
    const own = request.url().startsWith(`${SITE}/`) || request.url().startsWith('data:');
    if (!own) problems.push(`request to another site: ${request.url()}`);
  });

  await page.goto(`${SITE}/docs`);
  await page.waitForSelector('#operations-Payouts-createPayout');
  const document = await (await fetch(`${SITE}/openapi.json`)).json();
  const ids = Object.values(document.paths).flatMap((item) => Object.values(item)).map((one) => one.operationId);
  for (const id of ids) assert.equal(await page.locator(`[id$="-${id}"]`).count(), 1, `operation ${id} is listed once`);

  await page.click('.btn.authorize');
  await page.fill('.auth-container input', KEY);
  await page.click('.auth-btn-wrapper .authorize');
  await page.click('.auth-btn-wrapper .btn-done');
  await page.click('#operations-Payouts-listPayouts button.opblock-summary-control');
  await page.click('#operations-Payouts-listPayouts .try-out__btn');
  await page.click('#operations-Payouts-listPayouts .execute');
  const status = page.locator('#operations-Payouts-listPayouts .live-responses-table .response-col_status');
  await status.filter({ hasText: '200' }).first().waitFor();
  if (SCREENSHOT) await page.screenshot({ path: SCREENSHOT, fullPage: false });
  assert.deepEqual(problems, []);
} finally {
  await browser.close();
}
