// Plates of every kind are taken apart as they are painted.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { load } from './load.mjs';

let plate;
let sse;
before(async () => ([plate, sse] = await load('/src/plate.ts', '/src/sse.ts')));

const CASES = [
  ['闽E12345', 'ordinary', 'blue', '闽E·12345', { head: '闽E', serial: '12345', mark: '', markRed: false }],
  ['闽DD12345', 'new_energy_small', 'green', '闽D·D12345', { head: '闽D', serial: 'D12345', mark: '', markRed: false }],
  ['闽A1234警', 'police', 'white', '闽A·1234警', { head: '闽A', serial: '1234', mark: '警', markRed: true }],
  ['粤B3456学', 'learner', 'yellow', '粤B·3456学', { head: '粤B', serial: '3456', mark: '学', markRed: false }],
  ['粤ZF123港', 'hong_kong_macau', 'black', '粤Z·F123港', { head: '粤Z', serial: 'F123', mark: '港', markRed: false }],
  ['粤A2345领', 'consulate', 'black', '粤A·2345领', { head: '粤A', serial: '2345', mark: '领', markRed: true }],
  ['WJ闽12345', 'armed_police', 'white', 'WJ闽·12345', { head: 'WJ闽', serial: '12345', mark: '', markRed: false }],
  ['X7', 'raw', 'unknown', 'X7', { head: '', serial: 'X7', mark: '', markRed: false }],
];

for (const [text, kind, colour, written, look] of CASES) {
  test(`${kind} ${text} is written ${written}`, () => {
    assert.equal(plate.plateText(text, kind), written);
    assert.deepEqual(plate.plateLook(text, kind, colour), { ground: colour, ...look });
  });
}

test('a colour that the page does not know is drawn as unknown', () => {
  assert.equal(plate.plateLook('闽E12345', 'ordinary', 'purple').ground, 'unknown');
});

test('a stream is cut into messages however it arrives', () => {
  const text = ': ping\n\nid: 3-1\nevent: lane\ndata: {"a":1}\n\nid: 3-2\nevent: alert\ndata: {\ndata: }\n\n';
  for (const size of [1, 7, text.length]) {
    const cutter = new sse.MessageCutter();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...cutter.push(text.slice(at, at + size)));
    assert.deepEqual(found, [
      { id: '3-1', event: 'lane', data: '{"a":1}' },
      { id: '3-2', event: 'alert', data: '{\n}' },
    ]);
  }
});
