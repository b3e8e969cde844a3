// Every screen at a desk's and a phone's width in both languages, and nothing wider than the phone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESK, enter, enterAnew, goTo, newPage, openGate, PHONE, screenshot } from './harness.mjs';

let at;
before(async () => (at = await openGate()));
after(() => at?.close());

const WIDTHS = { 1440: DESK, 390: PHONE };

async function noSideways(page, screen) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${screen} is ${content} px wide in a window of ${window} px`);
}

async function smallThings(page) {
  return page.evaluate(() => {
    const bad = [];
    for (const element of document.querySelectorAll('button, a, input:not([type=radio]), select, summary')) {
      const { width, height } = element.getBoundingClientRect();
      if (width && (height < 47.5 || width < 47.5)) bad.push(`${element.textContent?.trim()} ${width}×${height}`);
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!node.textContent.trim() || !parent || parent.closest('svg, script, style')) continue;
      if (parseFloat(getComputedStyle(parent).fontSize) < 18) bad.push(`${node.textContent.trim()} is small`);
    }
    return bad;
  });
}

test('the login fits a phone in both languages', async () => {
  for (const language of ['zh', 'en']) {
    const { page, context } = await newPage(at.browser, { url: at.gate.url, size: PHONE, language });
    await page.locator('[data-login]').waitFor();
    await noSideways(page, 'login');
    await screenshot(page, `login-390-${language}`);
    await context.close();
  }
});

for (const [width, size] of Object.entries(WIDTHS)) {
  for (const language of ['zh', 'en']) {
    test(`every view fits ${width} px in ${language}, with large letters and targets`, async () => {
      const { page, context, complaints } = await enterAnew(at.browser, at.gate, { size, language });
      await page.locator('[data-lane] [data-verdict]:not([data-verdict=none])').first().waitFor();
      for (const view of ['gate', 'alerts', 'passages', 'status']) {
        await goTo(page, view);
        if (view === 'passages') await page.locator('[data-passage]').first().waitFor();
        if (view === 'gate') await page.locator('[data-holds]:not([data-holds="0"]), [data-call]').first().waitFor();
        await noSideways(page, view);
        assert.deepEqual(await smallThings(page), [], `${view} has letters under 18 px or targets under 48 px`);
        await screenshot(page, `${view}-${width}-${language}`);
      }
      await goTo(page, 'passages');
      await page.locator('[data-passage]').first().click();
      await page.locator('[data-explained]').waitFor();
      await noSideways(page, 'explained');
      await screenshot(page, `explained-${width}-${language}`);
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }
}
