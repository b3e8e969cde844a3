// What the page's tests stand on: a gateway (the real one named by GATEWAY_URL and GATEWAY_CODE, or
// the stand-in), a real Chromium, a person logged in, screenshots in a folder that git ignores.
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startGate } from '../../dev/gate.mjs';

/** How long a condition may take to come true, ms: traffic comes by itself, at its own pace. */
export const DEADLINE_MS = 60_000;
export const REAL = process.env.GATEWAY_URL !== undefined;
export const DESK = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

const ACCOUNT = process.env.GATEWAY_ACCOUNT ?? 'technician';
const PASSWORD = process.env.GATEWAY_PASSWORD ?? 'a long gate password';
const SCREENS = fileURLToPath(new URL('../../screens/', import.meta.url));
const FAST = { between: 1500, deciding: 200, passing: 800, holding: 30_000 };

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-first-run', '--mute-audio',
];

/** Starts what the tests need; `close` ends it all. */
export async function openGate() {
  const gate = REAL
    ? { url: process.env.GATEWAY_URL.replace(/\/$/, ''), code: process.env.GATEWAY_CODE ?? '', close: async () => {} }
    : await startGate({ pace: FAST, seed: 11 });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  await mkdir(SCREENS, { recursive: true });
  return {
    gate,
    browser,
    async close() {
      await browser.close();
      await gate.close();
    },
  };
}

/** A fresh page; every request and every complaint of the browser is kept for the test to judge. */
export async function newPage(browser, { size = DESK, language = 'zh', url, storage } = {}) {
  const context = await browser.newContext({ viewport: size, storageState: storage, deviceScaleFactor: 1 });
  context.setDefaultTimeout(DEADLINE_MS);
  await context.addInitScript((chosen) => {
    if (!localStorage.getItem('gateway-language')) localStorage.setItem('gateway-language', chosen);
  }, language);
  const page = await context.newPage();
  const requests = [];
  const complaints = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (problem) => complaints.push(String(problem)));
  page.on('console', (message) => {
    // A 401 before the login is the API's answer, not a fault of the page.
    if (message.type() === 'error' && !/status of (401|4\d\d)/.test(message.text())) complaints.push(message.text());
  });
  await page.goto(`${url}/`);
  return { page, context, requests, complaints };
}

/** Logs in by whichever way the gateway offers: the first account by its code, or the account. */
export async function enter(page, code) {
  const form = page.locator('[data-login]');
  await form.waitFor();
  const first = (await form.getAttribute('data-login')) === 'first';
  if (first) await page.fill('input[name=code]', code);
  await page.fill('input[name=account]', ACCOUNT);
  await page.fill('input[name=password]', PASSWORD);
  if (first) await page.fill('input[name=again]', PASSWORD);
  await page.locator('[data-login] button.main').click();
  await page.locator('main[data-view]').waitFor();
  return first;
}

/** A page of someone who is logged in already. */
export async function enterAnew(browser, gate, options = {}) {
  const opened = await newPage(browser, { url: gate.url, ...options });
  await enter(opened.page, gate.code);
  return opened;
}

export async function screenshot(page, name) {
  await page.screenshot({ path: `${SCREENS}${name}.png` });
}

/** Goes to a view and waits for it. */
export async function goTo(page, view) {
  await page.locator(`[data-view-link=${view}]`).click();
  await page.locator(`main[data-view=${view}]`).waitFor();
}

/** Waits until `condition` answers something true; says what was waited for when it never does. */
export async function eventually(what, condition, deadlineMs = DEADLINE_MS) {
  const until = Date.now() + deadlineMs;
  let last;
  for (;;) {
    try {
      const found = await condition();
      if (found) return found;
    } catch (problem) {
      last = problem;
    }
    if (Date.now() > until) throw new Error(`never came true: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
