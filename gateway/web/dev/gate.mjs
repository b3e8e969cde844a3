// A stand-in for the gateway, for developing the page without a daemon: the same API over an
// invented day. The page's tests use it only when no GATEWAY_URL names a real gateway.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Day, PACE } from './day.mjs';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const RING = 1024;
const TEXTS = fileURLToPath(new URL('../../wire/src/messages/table.rs', import.meta.url));
const CSP = "default-src 'self'; img-src 'self' blob: data:";

/** The gateway's own table of texts, read from where it is written. */
async function sharedTexts() {
  const texts = { zh: {}, en: {} };
  const row = /^\s*\("([^"]+)", "([^"]+)", "([^"]+)", "([^"]+)"\),/gm;
  for (const [, group, code, zh, en] of (await readFile(TEXTS, 'utf8')).matchAll(row)) {
    texts.zh[`${group}.${code}`] = zh;
    texts.en[`${group}.${code}`] = en;
  }
  return texts;
}

export async function startGate({ port = 0, seed = 7, pace = PACE, code = randomBytes(4).toString('hex').toUpperCase() } = {}) {
  const listeners = new Set();
  const ring = [];
  const boot = Math.floor(Math.random() * 1e6);
  let count = 0;
  const texts = await sharedTexts();
  const accounts = new Map();
  const sessions = new Map();
  const startedMs = Date.now();

  const tell = (event, data) => {
    count += 1;
    const message = { count, text: `id: ${boot}-${count}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n` };
    ring.push(message);
    if (ring.length > RING) ring.shift();
    for (const response of listeners) response.write(message.text);
  };
  const day = new Day({ seed, pace, tell });

  const status = () => ({
    gateway: 'gw-zhangzhou-01', grid: '350602-003-12', version: '0.1.0', boot, started_ms: startedMs, now_ms: Date.now(),
    clock: 'synchronised', journal: '01JD8Y3K', last_number: day.number, durable_through: day.number, lanes: day.lanes.map((l) => l.id),
    cameras: ['in-1', 'out-1'].map((lane) => ({ id: `cam-${lane}`, lane, state: lane === 'in-1' ? 'live' : 'starting', code: null, frames: 90210, fps_permille: 25_000, width: 1280, height: 720 })),
    devices: ['reader-walk-1', 'thermometer-walk-1', 'loop-in-1', 'arm-in-1', 'loop-out-1'].map((id, i) => ({ id, lane: 'walk-1', state: i === 4 ? 'silent' : 'live', last_ms: Date.now() - 2000 * i * i, received: 831 - 90 * i, refused: i === 1 ? 3 : 0 })),
    destinations: [{ id: 'grid', connected: true, confirmed_through: day.number - 4, waiting: 4, oldest_waiting_ms: 6000, mode: 'live' }],
    recogniser: { state: 'live', code: null, reads: 5120, median_us: 31_400 },
    queues: [{ name: 'gate inbox', length: 3, limit: 1024, dropped: 0 }, { name: 'camera cam-in-1', length: 1, limit: 1, dropped: 214 }],
    refused: { not_json: 2, wrong_topic: 1 }, disk: { free_bytes: 21_400_000_000, journal_bytes: 84_000_000, evidence_bytes: 1_900_000_000 },
    store: { state: 'live', code: null }, safe_mode: false,
  });

  const cookie = (request) => /gateway_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  const who = (request) => sessions.get(cookie(request));

  const enter = (response, account) => {
    const token = randomBytes(16).toString('hex');
    const session = { account, role: accounts.get(account).role, language: 'zh' };
    sessions.set(token, session);
    response.setHeader('set-cookie', `gateway_session=${token}; HttpOnly; SameSite=Strict; Path=/`);
    return [200, session];
  };

  const open = {
    'GET /api/messages': () => [200, texts],
    'GET /api/session': ({ request }) => [200, who(request) ?? { account: null, first_login: accounts.size === 0 }],
    'POST /api/first-login': ({ body, response }) => {
      if (accounts.size) return [409, 'already_set_up'];
      if (body.code !== code) return [401, 'wrong_code'];
      if (body.password.length < 10) return [422, 'password_too_short', { least: 10 }];
      accounts.set(body.account, { password: body.password, role: 'technician', created_ms: Date.now() });
      return enter(response, body.account);
    },
    'POST /api/login': ({ body, response }) => {
      if (accounts.get(body.account)?.password !== body.password) return [401, 'wrong_login'];
      return enter(response, body.account);
    },
  };

  const closed = [
    [/^POST \/api\/logout$/, ({ request }) => (sessions.delete(cookie(request)), [204])],
    [/^GET \/api\/accounts$/, () => [200, [...accounts].map(([account, { role, created_ms }]) => ({ account, role, created_ms }))]],
    [/^POST \/api\/accounts$/, ({ body }) => (accounts.set(body.account, { password: body.password, role: body.role, created_ms: Date.now() }), [201, {}])],
    [/^GET \/api\/lanes$/, () => [200, day.lanes]],
    [/^GET \/api\/passages$/, ({ query }) => {
      const before = Number(query.get('before') ?? Infinity);
      const found = [...day.passages.values()].filter((p) => p.number && p.number < before);
      return [200, found.sort((a, b) => b.number - a.number).slice(0, Number(query.get('limit') ?? 50))];
    }],
    [/^GET \/api\/passages\/([^/]+)$/, ({ id }) => (day.passages.has(id) ? [200, day.passages.get(id)] : [404, 'unknown_passage'])],
    [/^POST \/api\/passages\/([^/]+)\/answer$/, ({ id, body, session }) => [200, day.answer(id, body, session.account)]],
    [/^GET \/api\/alerts$/, ({ query }) => {
      const state = query.get('state') ?? 'open';
      return [200, [...day.alerts.values()].filter((a) => state === 'all' || a.state === state).reverse()];
    }],
    [/^POST \/api\/alerts\/(\d+)\/(acknowledge|close)$/, ({ id, act, body, session }) => {
      const alert = day.alerts.get(Number(id));
      if (!alert || alert.state === 'closed') return [200, { outcome: 'refused', code: 'unknown_alert', number: null }];
      if (act === 'close') Object.assign(alert, { state: 'closed', closed_by: session.account, closed_ms: Date.now(), ...body });
      else Object.assign(alert, { state: 'acknowledged', acknowledged_by: session.account, acknowledged_ms: Date.now() });
      tell('alert', alert);
      return [200, { outcome: 'done', code: null, number: ++day.number }];
    }],
    [/^POST \/api\/lanes\/([^/]+)\/(open|close)$/, () => [200, { outcome: 'done', code: null, number: ++day.number }]],
    [/^POST \/api\/emergency$/, ({ body }) => [200, day.turnEmergency(body.active)]],
    [/^POST \/api\/lock-down$/, ({ body }) => [200, day.turnLockDown(body.active)]],
    [/^GET \/api\/status$/, () => [200, status()]],
    [/^GET \/api\/journal\/check$/, () => [200, { events: day.number, through: day.number, ok: true, problems: [] }]],
  ];

  function live(request, response) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const [last, at] = String(request.headers['last-event-id'] ?? '').split('-').map(Number);
    if (last === boot && at >= (ring[0]?.count ?? 0) - 1) for (const m of ring) { if (m.count > at) response.write(m.text); }
    else response.write('event: resync\ndata: {}\n\n');
    response.write(': ping\n\n');
    listeners.add(response);
    response.on('close', () => listeners.delete(response));
  }

  function answer(response, [code, body, values]) {
    if (code >= 400) {
      response.writeHead(code, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ type: 'about:blank', title: body, status: code, code: body, values: values ?? {} }));
    } else {
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    }
  }

  async function api(request, response, url) {
    let text = '';
    for await (const piece of request) text += piece;
    const body = text ? JSON.parse(text) : {};
    const name = `${request.method} ${url.pathname}`;
    if (open[name]) return answer(response, open[name]({ request, response, body }));
    const session = who(request);
    if (!session) return answer(response, [401, 'no_session']);
    if (request.method !== 'GET' && request.headers['x-gateway-csrf'] !== '1') return answer(response, [403, 'csrf']);
    if (name === 'GET /api/live') return live(request, response);
    const picture = /^GET \/api\/pictures\/(\w+)$/.exec(name);
    if (picture && day.pictures.has(picture[1])) {
      response.writeHead(200, { 'content-type': 'image/svg+xml', 'cache-control': 'private, max-age=86400' });
      return response.end(day.pictures.get(picture[1]));
    }
    for (const [pattern, act] of closed) {
      const found = pattern.exec(name);
      if (found) return answer(response, act({ request, body, session, query: url.searchParams, id: decodeURIComponent(found[1] ?? ''), act: found[2] }));
    }
    return answer(response, [404, 'not_found']);
  }

  async function file(response, url) {
    const path = normalize(url.pathname === '/' ? '/index.html' : url.pathname);
    try {
      const content = await readFile(join(DIST, path));
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream', 'content-security-policy': CSP });
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://gate');
    (url.pathname.startsWith('/api/') ? api(request, response, url) : file(response, url)).catch((problem) => {
      console.error(problem);
      response.destroy();
    });
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  day.start();
  const beat = setInterval(() => tell('status', status()), 2000);
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    code,
    day,
    async close() {
      clearInterval(beat);
      day.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
