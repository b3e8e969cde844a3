// The table of texts: both languages everywhere, the same values in both, nothing said that is
// not there and nothing there that is never said.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { load } from './load.mjs';

const SOURCE = new URL('../../src/', import.meta.url);
const SHARED = new URL('../../../wire/src/messages/table.rs', import.meta.url);
/** Keys that are put together from a prefix and a code. */
const COMPOSED = /^(view|lane\.arm|answer\.done|truth|fact|colour|kind|direction|site|verdict|end|error|alert|withdrawn)\./;

let table;
let shared;
let sources;

before(async () => {
  [{ table }] = await load('/src/text.ts');
  const rows = (await readFile(SHARED, 'utf8')).matchAll(/^\s*\("([^"]+)", "([^"]+)", "/gm);
  shared = new Set([...rows].map(([, group, code]) => `${group}.${code}`));
  const names = (await readdir(SOURCE, { recursive: true })).filter((name) => /\.(svelte|ts)$/.test(name) && !name.includes('text-'));
  sources = (await Promise.all(names.map((name) => readFile(new URL(name, SOURCE), 'utf8')))).join('\n');
});

const values = (sentence) => [...sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test('every text stands in both languages with the same values', () => {
  for (const [key, { zh, en }] of Object.entries(table)) {
    assert.ok(zh?.trim() && en?.trim(), `${key} lacks a language`);
    assert.deepEqual(values(zh), values(en), `${key} names other values in one language`);
  }
});

test('a chinese text is chinese', () => {
  for (const [key, { zh }] of Object.entries(table)) {
    if (key === 'language.other' || key === 'list.and' || values(zh).length) continue;
    assert.match(zh, /\p{Script=Han}/u, `${key} is not chinese: ${zh}`);
  }
});

test('everything that the page says is in its table or in the shared one', () => {
  const said = [...sources.matchAll(/\bsay\(([^;{}]*?)[,)]/g)].flatMap(([, inside]) =>
    [...inside.matchAll(/'([a-z_]+(?:\.[a-z_0-9]+)*)'/g)].map(([, key]) => key),
  );
  assert.ok(said.length > 80, `only ${said.length} sayings were found`);
  for (const key of said) {
    if (!key.includes('.') && !table[key]) continue;
    assert.ok(table[key] || shared.has(key), `${key} is said but stands in no table`);
  }
});

test('every text of the page is said somewhere', () => {
  for (const key of Object.keys(table)) {
    if (COMPOSED.test(key)) continue;
    assert.ok(sources.includes(`'${key}'`), `${key} is never said`);
  }
});
