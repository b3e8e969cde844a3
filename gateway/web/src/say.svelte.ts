// The language in use, and everything that turns a value into words of it.
import { api, Problem, type Bilingual, type Fact, type Language, type Outcome, type Passage, type Reason } from './api';
import { plateText } from './plate';
import { table } from './text';

const KEPT = 'gateway-language';

function first(): Language {
  const kept = localStorage.getItem(KEPT);
  return kept === 'en' || kept === 'zh' ? kept : 'zh';
}

let language = $state<Language>(first());

export const speaking = {
  get language(): Language {
    return language;
  },
  /** A person's own choice on this device outlasts what the session says. */
  choose(chosen: Language): void {
    localStorage.setItem(KEPT, chosen);
    language = chosen;
  },
  /** What the session was given, unless a person chose on this device. */
  offer(offered: string | undefined): void {
    if (localStorage.getItem(KEPT) || !offered) return;
    language = offered.startsWith('en') ? 'en' : 'zh';
  },
};

/** The gateway's own table of codes, `group.code` → text, shared with its other tools. */
let shared = $state.raw<Record<Language, Record<string, string>> | null>(null);

/** Reads the gateway's table; without it codes would be shown bare. */
export async function learnTexts(): Promise<void> {
  shared ??= await api.texts();
}

function find(key: string): string | undefined {
  return table[key]?.[language] ?? shared?.[language]?.[key];
}

export type Values = Record<string, unknown>;

/** The sentence under `key` with its `{names}` filled in. */
export function say(key: string, values: Values = {}): string {
  const sentence = find(key) ?? key;
  return sentence.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** A code in words; an unknown one is shown as it is. */
export function word(prefix: string, code: string | null | undefined): string {
  if (!code) return '';
  const key = `${prefix}.${code}`;
  return shared?.[language]?.[key] ?? table[key]?.[language] ?? code.replaceAll('_', ' ');
}

export function sayProblem(problem: unknown): string {
  if (!(problem instanceof Problem)) return say('error.untold', { code: String(problem) });
  const key = `error.${problem.code}`;
  return find(key) ? say(key, problem.values) : say('error.untold', { code: problem.code });
}

/** Why an order was not carried out. */
export function sayRefusal(told: Outcome): string {
  return told.code ? word('order_refused', told.code) : say('order.refused');
}

export function either(text: Bilingual | null | undefined): string {
  return text?.[language] || text?.zh || text?.en || '';
}

export function sayReason(reason: Reason): string {
  const { fact, cause, rule } = reason.values as { fact?: string; cause?: string; rule?: string };
  if (reason.code === 'missing') {
    return upper(say('reason.missing', { fact: word('fact', fact), cause: word('cause', cause) }));
  }
  const text = either(reason.text);
  if (text) return text;
  const key = `reason.${reason.code}`;
  return find(key) ? say(key, { rule: rule ?? '' }) : reason.code.replaceAll('_', ' ');
}

/** Who answered a hold, how and why. */
export function sayAnswer(answered: NonNullable<Passage['answered']>): string {
  return say(answered.reason ? 'passage.answered' : 'passage.answered_plain', {
    by: answered.by,
    verdict: say(`verdict.${answered.verdict ?? 'none'}`),
    reason: word('answer_reason', answered.reason),
  });
}

function upper(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

export function celsius(milli: number): string {
  return `${(milli / 1000).toFixed(1)} °C`;
}

/** A fact's state as [which, value]: the API writes `"absent"` or `{"text": …}`. */
export function factState(fact: Fact): [string, unknown] {
  if (typeof fact.state === 'string') return [fact.state, null];
  const [entry] = Object.entries(fact.state ?? {});
  return entry ?? ['absent', null];
}

const SPELLED: Record<string, string> = {
  'plate.colour': 'colour',
  'plate.kind': 'kind',
  'lane.kind': 'kind',
  'lane.direction': 'direction',
  'temperature.site': 'site',
};

export function sayFact(fact: Fact): string {
  const [which, value] = factState(fact);
  if (which === 'missing') return word('cause', String(value));
  if (which === 'absent') return say('fact.absent');
  if (which === 'truth') return say(`truth.${value}`);
  if (which === 'millidegrees') return celsius(Number(value));
  if (fact.name === 'plate.text') return plateText(String(value));
  if (fact.name === 'plate.confidence') return `${Math.round(Number(value) / 10)}%`;
  const prefix = SPELLED[fact.name];
  return (prefix ? word(prefix, String(value)) : String(value)) || '–';
}

const LOCALE: Record<Language, string> = { zh: 'zh-CN', en: 'en-GB' };

export function clockTime(ms: number): string {
  return new Date(ms).toLocaleTimeString(LOCALE[language], { hour12: false });
}

/** The time alone for today, with the day before it otherwise. */
export function dayTime(ms: number): string {
  const then = new Date(ms);
  if (then.toDateString() === new Date().toDateString()) return clockTime(ms);
  const day = then.toLocaleDateString(LOCALE[language], { month: 'short', day: 'numeric' });
  return `${day} ${clockTime(ms)}`;
}

/** A length of time in its largest fitting unit. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return say('time.seconds', { count: seconds });
  if (seconds < 3600) return say('time.minutes', { count: Math.floor(seconds / 60) });
  if (seconds < 172_800) return say('time.hours', { count: Math.floor(seconds / 3600) });
  return say('time.days', { count: Math.floor(seconds / 86_400) });
}

export function ago(ms: number, now: number): string {
  return now - ms < 5_000 ? say('time.now') : say('time.ago', { time: span(now - ms) });
}

/** A short measured time: 86 ms, 1.2 s. */
export function brief(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function bytes(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let size = count;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size >= 100 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}
