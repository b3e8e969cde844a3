// The gateway's local API as the page uses it: the shapes it answers in and the calls.
// Keys are the API's own (snake_case); times named `*_ms` are wall milliseconds since 1970 UTC.

export type Role = 'guard' | 'grid_worker' | 'police' | 'property' | 'technician' | 'auditor';
export type Language = 'zh' | 'en';
export type Clock = 'synchronised' | 'held' | 'set_by_person' | 'unknown';
export type Verdict = 'admit' | 'hold' | 'refuse';
export type Severity = 'notice' | 'warning' | 'critical';
export type AlertState = 'open' | 'acknowledged' | 'closed';
export type Need = 'plate' | 'card' | 'temperature' | 'pass';
export type DeviceState = 'live' | 'silent' | 'failed' | 'starting';
export type Answer = 'open' | 'refuse' | 'escort' | 'measure_again' | 'hold';

/** A text that the site itself wrote, in both languages. */
export interface Bilingual {
  zh: string;
  en: string;
}

export interface Session {
  account: string | null;
  role?: Role;
  /** The site's. */
  language?: string;
  /** Nobody has an account yet: the one-time code makes the first. */
  first_login?: boolean;
}

export interface Account {
  account: string;
  role: Role;
  created_ms: number;
}

export interface Camera {
  id: string;
  state: DeviceState;
  code: string | null;
}

export interface Lane {
  id: string;
  title: Bilingual;
  kind: 'vehicle' | 'pedestrian';
  direction: 'entry' | 'exit';
  shadow: boolean;
  attended: boolean;
  needs: Need[];
  arm: 'open' | 'closed' | 'moving' | null;
  under_arm: boolean | null;
  emergency: boolean;
  /** A lock-down keeps this way in closed. */
  locked_down: boolean;
  cameras: Camera[];
  open_passages: number;
  /** Persons who rest aside before they are measured again, the shown one included. */
  resting: number;
  passage: Passage | null;
}

export interface Plate {
  text: string;
  kind: string;
  colour: string;
  agrees: boolean;
  confidence_permille: number;
  /** Corners in the picture's pixels: left, top, right, bottom. */
  box: [number, number, number, number] | null;
  candidates: { text: string; confidence_permille: number }[];
}

export interface Picture {
  url: string;
  width: number;
  height: number;
}

export interface Reason {
  code: string;
  values: Record<string, unknown>;
  text: Bilingual | null;
}

export interface RuleOutcome {
  rule: string;
  /** Null when the rule is no longer loaded. */
  title: Bilingual | null;
  verdict: Verdict;
  outcome: 'true' | 'false' | 'unknown' | 'fault' | 'not_here';
}

export interface Fact {
  name: string;
  /** One of text, truth, number, millidegrees, missing; or absent, as a word or a key. */
  state: string | Record<string, unknown>;
  at_ms: number | null;
}

export interface Passage {
  id: string;
  lane: string;
  begun_ms: number;
  clock: Clock;
  /** The number of the decision's event; null until it is decided. */
  number: number | null;
  plate: Plate | null;
  card: { text: string; holder: string | null } | null;
  /** The value is gone earlier than its band. */
  temperature: { celsius_milli: number | null; band: 'implausible' | 'normal' | 'raised' | null } | null;
  picture: Picture | null;
  verdict: Verdict | null;
  reasons: Reason[];
  rules: RuleOutcome[];
  missing: { fact: string; cause: string }[];
  facts: Fact[];
  end: { end: string; [key: string]: unknown } | null;
  answered: { verdict: Verdict | null; by: string; reason: string | null } | null;
  move: { command: string; outcome: string; cause: string | null } | null;
  took_ms: number | null;
  /** The person rests until then, and is then measured again after a new touch of the reader. */
  rests_until_ms: number | null;
}

export interface Alert {
  alert: number;
  code: string;
  severity: Severity;
  state: AlertState;
  roles: Role[];
  raised_ms: number;
  lane: string | null;
  passage: string | null;
  rule: string | null;
  text: Bilingual | null;
  plate: string | null;
  card: string | null;
  picture: Picture | null;
  acknowledged_by: string | null;
  acknowledged_ms: number | null;
  closed_by: string | null;
  closed_ms: number | null;
  reason: string | null;
  comment: string | null;
}

export interface Status {
  gateway: string;
  grid: string;
  version: string;
  boot: number;
  started_ms: number;
  now_ms: number;
  clock: Clock;
  journal: string;
  last_number: number;
  durable_through: number;
  lanes: string[];
  cameras: {
    id: string;
    lane: string;
    state: DeviceState;
    code: string | null;
    frames: number;
    fps_permille: number;
    width: number;
    height: number;
  }[];
  devices: {
    id: string;
    lane: string | null;
    state: DeviceState;
    last_ms: number | null;
    received: number;
    refused: number;
  }[];
  destinations: {
    id: string;
    connected: boolean;
    confirmed_through: number;
    waiting: number;
    /** The age of the oldest unconfirmed event. */
    oldest_waiting_ms: number | null;
    mode: string;
  }[];
  recogniser: {
    state: string;
    code: string | null;
    reads: number;
    workers?: number;
    workers_wanted?: number;
    overloaded?: boolean;
    median_us: number | null;
  };
  queues: { name: string; length: number; limit: number; dropped: number }[];
  refused: Record<string, number>;
  disk: { free_bytes: number; journal_bytes: number; evidence_bytes: number };
  store: { state: string; code: string | null };
  safe_mode: boolean;
}

/** How good a camera's plates are over its latest vehicles; null: no vehicle showed it yet. */
export interface CameraMeasure {
  camera: string;
  vehicles: number;
  read_permille: number | null;
  width_px: number | null;
  narrowest_px: number | null;
  tilt_degrees: number | null;
  sharpness: number | null;
  brightness: number | null;
  go: boolean;
  advice: { code: string; found: string; wanted: string }[];
}

export interface JournalReport {
  events: number;
  through: number;
  ok: boolean;
  problems: { number: number | null; what: string }[];
}

/** What became of an order. */
export interface Outcome {
  outcome: 'done' | 'repeated' | 'refused';
  code: string | null;
  number: number | null;
}

/** An answer other than 2xx; `code` names it for the text table, `status` 0 means unreachable. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly values: Record<string, unknown> = {},
  ) {
    super(code);
  }
}

/** How long a call may take before the page says so, ms. */
const PATIENCE_MS = 15_000;
/** The check of the journal reads everything. */
const PATIENCE_CHECK_MS = 600_000;

async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (method !== 'GET') headers['x-gateway-csrf'] = '1';
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    });
  } catch {
    throw new Problem(0, 'unreachable');
  }
  if (!response.ok) throw await problem(response);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

async function problem(response: Response): Promise<Problem> {
  try {
    const told = (await response.json()) as { code?: string; values?: Record<string, unknown> };
    return new Problem(response.status, told.code ?? `http_${response.status}`, told.values ?? {});
  } catch {
    return new Problem(response.status, `http_${response.status}`);
  }
}

const part = encodeURIComponent;

export const api = {
  texts: () => call<Record<Language, Record<string, string>>>('GET', '/api/messages'),
  session: () => call<Session>('GET', '/api/session'),
  login: (account: string, password: string) =>
    call<Session>('POST', '/api/login', { account, password }),
  firstLogin: (code: string, account: string, password: string) =>
    call<Session>('POST', '/api/first-login', { code, account, password }),
  logout: () => call<void>('POST', '/api/logout'),
  accounts: () => call<Account[]>('GET', '/api/accounts'),
  addAccount: (account: string, password: string, role: Role) =>
    call<unknown>('POST', '/api/accounts', { account, password, role }),
  lanes: () => call<Lane[]>('GET', '/api/lanes'),
  passages: (limit: number, before?: number) =>
    call<Passage[]>('GET', `/api/passages?limit=${limit}${before ? `&before=${before}` : ''}`),
  passage: (id: string) => call<Passage>('GET', `/api/passages/${part(id)}`),
  alerts: (state: AlertState | 'all', limit = 100) =>
    call<Alert[]>('GET', `/api/alerts?state=${state}&limit=${limit}`),
  acknowledge: (alert: number) => call<Outcome>('POST', `/api/alerts/${alert}/acknowledge`),
  close: (alert: number, reason: string, comment: string) =>
    call<Outcome>('POST', `/api/alerts/${alert}/close`, { reason, comment }),
  answer: (passage: string, answer: Answer, reason: string | null) =>
    call<Outcome>('POST', `/api/passages/${part(passage)}/answer`, { answer, reason }),
  openLane: (lane: string, reason: string) =>
    call<Outcome>('POST', `/api/lanes/${part(lane)}/open`, { reason }),
  closeLane: (lane: string) => call<Outcome>('POST', `/api/lanes/${part(lane)}/close`),
  /** With a reason it begins, without one it ends. */
  lockDown: (reason: string | null) =>
    call<Outcome>('POST', '/api/lock-down', { active: reason !== null, reason }),
  emergency: (active: boolean) => call<Outcome>('POST', '/api/emergency', { active }),
  status: () => call<Status>('GET', '/api/status'),
  measureCamera: (camera: string) => call<CameraMeasure>('GET', `/api/cameras/${encodeURIComponent(camera)}/measure`),
  checkJournal: () => call<JournalReport>('GET', '/api/journal/check', undefined, PATIENCE_CHECK_MS),
};
