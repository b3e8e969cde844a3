// A guard's work on the page, against a real gateway where one is named: logging in, the lanes
// live, a hold answered, an alert taken and closed, the other language.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DEADLINE_MS, DESK, enter, enterAnew, eventually, goTo, newPage, openGate, PHONE, screenshot } from './harness.mjs';

let at;
before(async () => (at = await openGate()));
after(() => at?.close());

test('the first login takes the one-time code and makes a technician', async () => {
  const { page, context } = await newPage(at.browser, { url: at.gate.url });
  await page.locator('[data-login]').waitFor();
  const first = (await page.locator('[data-login]').getAttribute('data-login')) === 'first';
  if (first) {
    await page.fill('input[name=code]', 'WRONG-CODE');
    await page.fill('input[name=account]', 'technician');
    await page.fill('input[name=password]', 'a long gate password');
    await page.fill('input[name=again]', 'a long gate password');
    await page.locator('[data-login] button.main').click();
    await page.locator('[data-login] [role=alert]').waitFor();
  }
  await enter(page, at.gate.code);
  await context.clearCookies();
  await page.reload();
  await page.locator('[data-login=ordinary]').waitFor();
  await page.fill('input[name=account]', 'technician');
  await page.fill('input[name=password]', 'not the password');
  await page.locator('[data-login] button.main').click();
  await page.locator('[data-login] [role=alert]').waitFor();
  await context.close();
});

test('a lane shows a passage with its picture, its plate and its verdict', async () => {
  const { page, context } = await enterAnew(at.browser, at.gate);
  const lane = page.locator('[data-lane]', { has: page.locator('[data-picture]') }).first();
  await lane.locator('[data-verdict=admit], [data-verdict=hold], [data-verdict=refuse]').first().waitFor();
  await lane.locator('[data-plate]').first().waitFor();
  const address = await lane.locator('[data-picture]').first().getAttribute('data-picture');
  const picture = await context.request.get(`${at.gate.url}${address}`);
  assert.equal(picture.status(), 200);
  assert.match(picture.headers()['content-type'], /^image\//);
  assert.ok((await picture.body()).length > 500, 'the picture is empty');
  await context.close();
});

test('why a passage was decided so is two taps away', async () => {
  const { page, context } = await enterAnew(at.browser, at.gate, { size: PHONE });
  await goTo(page, 'passages');
  await page.locator('[data-passage]').first().click();
  const explained = page.locator('[data-explained]');
  await explained.waitFor();
  await explained.locator('[data-rule]').first().waitFor();
  await page.keyboard.press('Escape');
  await explained.waitFor({ state: 'detached' });
  await context.close();
});

test('a hold is answered with a reason', async () => {
  const { page, context } = await enterAnew(at.browser, at.gate);
  // Whoever waits may leave before the answer: then the next one is answered.
  await eventually('a hold took the answer', async () => {
    const ready = page.locator('[data-hold]', { has: page.locator('[data-answer=refuse]:enabled') });
    const id = await ready.getAttribute('data-hold', { timeout: DEADLINE_MS });
    const hold = page.locator(`[data-hold="${id}"]`);
    await hold.locator('[data-answer=refuse]').click({ timeout: 2_000 });
    await hold.locator('[data-reason=not_cooperative]').click({ timeout: 2_000 });
    const told = await eventually('the gateway recorded the answer', async () => {
      const answer = await context.request.get(`${at.gate.url}/api/passages/${encodeURIComponent(id)}`);
      const passage = await answer.json();
      return passage.answered || passage.end ? passage : null;
    }, 10_000);
    if (!told.answered) return false;
    assert.equal(told.answered.verdict, 'refuse');
    assert.equal(told.answered.reason, 'not_cooperative');
    // What became of it stays in its place long enough to be read.
    await hold.locator('.result').waitFor({ timeout: 3_000 });
    return true;
  }, 2 * DEADLINE_MS);
  await screenshot(page, 'answered-1440-zh');
  await context.close();
});

test('a hold is answered on a phone, with the reasons in the same place', async () => {
  const { page, context } = await enterAnew(at.browser, at.gate, { size: PHONE });
  await page.locator('[data-call]').click();
  await page.locator('[data-answer=open]:enabled').waitFor();
  await screenshot(page, 'hold-390-zh');
  await eventually('the reasons are shown', async () => {
    await page.locator('[data-answer=open]:enabled').click({ timeout: 2_000 });
    await page.locator('[data-reason]').first().waitFor({ timeout: 1_000 });
    return true;
  });
  await screenshot(page, 'reasons-390-zh');
  await context.close();
});

test('an alert is acknowledged and closed with a reason', async () => {
  const { page, context } = await enterAnew(at.browser, at.gate);
  await goTo(page, 'alerts');
  const fresh = page.locator('[data-alert][data-state=open]').first();
  await fresh.waitFor();
  const number = await fresh.getAttribute('data-alert');
  const alert = page.locator(`[data-alert="${number}"]`);
  await alert.locator('[data-acknowledge]').click();
  await page.locator(`[data-alert="${number}"][data-state=acknowledged]`).waitFor();
  await alert.locator('[data-close]').click();
  await alert.locator('form input[type=radio][value=false_alarm]').check();
  await alert.locator('form input:not([type=radio])').fill('=1+1 <b>looked at</b>');
  await screenshot(page, 'closing-1440-zh');
  await alert.locator('form button.main').click();
  await page.locator(`[data-alert="${number}"][data-state=closed]`).waitFor();
  const told = await (await context.request.get(`${at.gate.url}/api/alerts?state=closed&limit=200`)).json();
  const closed = told.find((a) => String(a.alert) === number);
  assert.equal(closed.reason, 'false_alarm');
  assert.equal(closed.comment, '=1+1 <b>looked at</b>');
  assert.ok(closed.acknowledged_by && closed.closed_by);
  await context.close();
});

test('the language is switched in place and remembered', async () => {
  const { page, context } = await enterAnew(at.browser, at.gate);
  const link = page.locator('[data-view-link=alerts]');
  assert.match(await link.textContent(), /告警/);
  await page.locator('[data-language=zh]').click();
  await page.locator('[data-language=en]').waitFor();
  assert.match(await link.textContent(), /Alerts/);
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  await page.reload();
  await page.locator('main[data-view]').waitFor();
  assert.match(await link.textContent(), /Alerts/);
  await context.close();
});

test('a slip on the emergency button opens nothing, holding it opens every lane', async () => {
  const { page, context } = await enterAnew(at.browser, at.gate);
  const button = page.locator('button.held.danger');
  await button.click();
  assert.equal(await page.locator('[data-emergency]').count(), 0);
  await button.focus();
  await page.keyboard.down('Enter');
  await page.locator('[data-emergency]').waitFor();
  await page.keyboard.up('Enter');
  await screenshot(page, 'emergency-1440-zh');
  const end = page.locator('[data-emergency] button.held');
  await end.focus();
  await page.keyboard.down('Enter');
  await page.locator('[data-emergency]').waitFor({ state: 'detached' });
  await page.keyboard.up('Enter');
  await context.close();
});

for (const [name, size] of Object.entries({ 1440: DESK, 390: PHONE })) {
  test(`a lock-down begins with a reason and a second tap, and ends with two, at ${name} px`, async () => {
    const { page, context, complaints } = await enterAnew(at.browser, at.gate, { size });
    await page.locator('[data-lane]').first().waitFor();
    await page.locator('[data-lock-down]').click();
    const begin = page.locator('[data-begin-lock-down]');
    assert.ok(await begin.isDisabled(), 'it begins without a reason');
    const [ink, paper] = await page.locator('dialog p').evaluate((p) => [getComputedStyle(p).color, getComputedStyle(p.closest('dialog')).backgroundColor]);
    assert.notEqual(ink, paper, 'what it says cannot be read');
    await page.locator('[data-reason=person_sought]').click();
    await screenshot(page, `lock-down-asked-${name}-zh`);
    assert.equal(await page.locator('[data-locked-down]').count(), 0, 'one tap began it');
    await begin.click();
    const strip = page.locator('[data-locked-down]');
    await strip.waitFor();
    const lanes = await (await context.request.get(`${at.gate.url}/api/lanes`)).json();
    for (const lane of lanes) assert.equal(lane.locked_down, lane.direction === 'entry', lane.id);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} px too wide`);
    await screenshot(page, `lock-down-${name}-zh`);
    await strip.locator('[data-end-lock-down]').click();
    assert.equal(await strip.count(), 1, 'one tap ended it');
    await strip.locator('[data-end-lock-down]').click();
    await strip.waitFor({ state: 'detached' });
    assert.deepEqual(complaints, []);
    await context.close();
  });
}
