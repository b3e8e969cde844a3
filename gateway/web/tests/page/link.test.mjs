// The live stream: cut and resumed without missing or doubling anything, and no other host asked.
import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { DESK, enter, enterAnew, eventually, goTo, newPage, openGate, screenshot } from './harness.mjs';

let at;
before(async () => (at = await openGate()));
after(() => at?.close());

/** A cable between browser and gateway that can be cut and joined. */
async function cable(url) {
  const { hostname, port } = new URL(url);
  const open = new Set();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
    return undefined;
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    whole = false;
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut,
    join: () => (whole = true),
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a lost connection is said at once, and what was missed is there afterwards', async () => {
  const line = await cable(at.gate.url);
  const { page, context } = await newPage(at.browser, { url: line.url, size: DESK });
  await enter(page, at.gate.code);
  await page.locator('main[data-link=live]').waitFor();
  await goTo(page, 'passages');
  await page.locator('[data-passage]').first().waitFor();
  const before = await page.locator('[data-passage]').evaluateAll((rows) => rows.map((row) => row.dataset.passage));

  line.cut();
  await page.locator('[data-lost]').waitFor();
  await screenshot(page, 'lost-1440-zh');

  // A passage that is decided while the line is cut.
  const direct = await enterAnew(at.browser, at.gate);
  const missed = await eventually('a passage was decided meanwhile', async () => {
    const told = await (await direct.context.request.get(`${at.gate.url}/api/passages?limit=20`)).json();
    return told.find((passage) => passage.number && !before.includes(passage.id))?.id;
  });
  await direct.context.close();

  line.join();
  await page.locator('[data-lost]').waitFor({ state: 'detached' });
  const rows = await eventually('the missed passage is listed', async () => {
    const newer = page.locator('button.newer:enabled');
    if (await newer.count()) await newer.click({ timeout: 1_000 });
    const ids = await page.locator('[data-passage]').evaluateAll((all) => all.map((row) => row.dataset.passage));
    return ids.includes(missed) ? ids : null;
  });
  assert.equal(new Set(rows).size, rows.length, 'a passage is listed twice');
  await context.close();
  await line.close();
});

test('the page says so when the stream is refused, and goes on when it is not', async () => {
  const { page, context } = await newPage(at.browser, { url: at.gate.url });
  await page.route('**/api/live', (route) => route.abort());
  await enter(page, at.gate.code);
  await page.locator('[data-lost]').waitFor();
  await page.unroute('**/api/live');
  await page.locator('[data-lost]').waitFor({ state: 'detached' });
  await page.locator('[data-lane]').first().waitFor();
  await context.close();
});

test('a session that the gateway no longer knows leads back to the login', async () => {
  const { page, context } = await enterAnew(at.browser, at.gate);
  await context.clearCookies();
  // The stream was opened with the old cookie: the page learns it at its next request or message.
  await page.reload();
  await page.locator('[data-login=ordinary]').waitFor();
  await context.close();
});

test('no request goes to another host and nothing is refused by the policy', async () => {
  const { page, context, requests, complaints } = await enterAnew(at.browser, at.gate);
  for (const view of ['alerts', 'passages', 'status', 'gate']) await goTo(page, view);
  await page.locator('[data-picture]').first().waitFor();
  const own = new URL(at.gate.url).origin;
  const foreign = requests.filter((url) => !url.startsWith('data:') && !url.startsWith('blob:') && new URL(url).origin !== own);
  assert.deepEqual(foreign, []);
  assert.deepEqual(complaints, []);
  await context.close();
});
