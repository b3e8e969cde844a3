// Who comes to the stand-in gate: seeded vehicles and persons with what the gate makes of them.
import { createHash } from 'node:crypto';
import { drawScene, HEIGHT, WIDTH } from './scene.mjs';

/** Mulberry32: the same seed, the same day. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const KINDS = [
  ['ordinary', 'blue'], ['ordinary', 'blue'], ['ordinary', 'blue'], ['new_energy_small', 'green'],
  ['ordinary', 'yellow'], ['new_energy_large', 'yellow_green'], ['police', 'white'], ['learner', 'yellow'],
  ['hong_kong_macau', 'black'],
];
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
const HOLDERS = ['陈志明', '林秀英', '黄建国', '王丽', '郑小燕', '吴海涛', '许文杰'];

export const RULES = {
  watched: { rule: 'watched', title: { zh: '布控车辆', en: 'Watched vehicle' }, verdict: 'hold' },
  resident: { rule: 'resident', title: { zh: '小区车辆', en: "Resident's vehicle" }, verdict: 'admit' },
  unlisted: { rule: 'unlisted', title: { zh: '车辆不在名单', en: 'Vehicle is not listed' }, verdict: 'hold' },
  leaving: { rule: 'leaving', title: { zh: '离开的车辆', en: 'Vehicle on its way out' }, verdict: 'admit' },
  healthy: { rule: 'healthy', title: { zh: '持卡且体温正常', en: 'Listed card, normal temperature' }, verdict: 'admit' },
  fever: { rule: 'fever', title: { zh: '体温高于 37.3 °C', en: 'Temperature above 37.3 °C' }, verdict: 'hold' },
  unknown_card: { rule: 'unknown_card', title: { zh: '卡不在名单', en: 'Card is not listed' }, verdict: 'refuse' },
};

function pick(random, from) {
  return from[Math.floor(random() * from.length)];
}

function plate(random) {
  const [kind, colour] = pick(random, KINDS);
  const digits = (n) => Array.from({ length: n }, () => Math.floor(random() * 10)).join('');
  const head = `${pick(random, ['闽', '闽', '闽', '粤', '浙', '赣'])}${pick(random, ['D', 'E', 'C', 'A'])}`;
  const text = {
    police: `${head}${digits(4)}警`,
    learner: `${head}${digits(4)}学`,
    hong_kong_macau: `粤Z${pick(random, LETTERS)}${digits(3)}${pick(random, ['港', '澳'])}`,
    new_energy_small: `${head}${pick(random, ['D', 'F', 'A'])}${digits(5)}`,
    new_energy_large: `${head}${digits(5)}D`,
  }[kind] ?? `${head}${pick(random, LETTERS)}${digits(4)}`;
  return { text, kind, colour };
}

/** A vehicle at `lane`: what the passage will hold, and the picture to serve. */
export function vehicle(random, lane) {
  const read = plate(random);
  const scene = drawScene(random, read);
  const sha = createHash('sha256').update(scene.svg).digest('hex');
  const chance = random();
  const rules = lane.direction === 'exit'
    ? ['watched', 'leaving']
    : ['watched', 'resident', 'unlisted'];
  const why = chance < 0.1 ? 'watched' : lane.direction === 'exit' ? 'leaving' : chance < 0.62 ? 'resident' : 'unlisted';
  const sure = 930 + Math.floor(random() * 68);
  return {
    why,
    rules,
    picture: { sha, svg: scene.svg, url: `/api/pictures/${sha}`, width: WIDTH, height: HEIGHT },
    plate: {
      ...read,
      agrees: random() > 0.06,
      confidence_permille: sure,
      box: scene.box,
      candidates: [
        { text: read.text, confidence_permille: sure },
        { text: read.text.replace('8', 'B').replace('0', 'D'), confidence_permille: 1000 - sure },
      ],
    },
    facts: [
      fact('plate.text', { text: read.text }), fact('plate.kind', { text: read.kind }),
      fact('plate.colour', { text: read.colour }), fact('plate.confidence', { number: sure }),
      fact('vehicle.listed', { truth: why === 'resident' }), fact('vehicle.watched', { truth: why === 'watched' }),
      fact('lists.vehicles_age_hours', { number: 3 }), fact('card.id', 'absent'),
      fact('temperature.celsius', 'absent'),
    ],
    missing: [],
  };
}

/** A person at the walking lane. */
export function person(random) {
  const chance = random();
  const why = chance < 0.72 ? 'healthy' : chance < 0.84 ? 'fever' : chance < 0.93 ? 'unknown_card' : 'none';
  const milli = why === 'fever' ? 37_400 + Math.floor(random() * 12) * 100 : 36_000 + Math.floor(random() * 12) * 100;
  const text = Array.from({ length: 8 }, () => '0123456789ABCDEF'[Math.floor(random() * 16)]).join('');
  const measured = why !== 'none';
  return {
    why: why === 'none' ? null : why,
    rules: ['healthy', 'fever', 'unknown_card'],
    card: { text, holder: why === 'unknown_card' ? null : pick(random, HOLDERS) },
    temperature: measured ? { celsius_milli: milli, band: why === 'fever' ? 'raised' : 'normal' } : null,
    facts: [
      fact('card.id', { text }), fact('card.listed', { truth: why !== 'unknown_card' }),
      fact('temperature.celsius', measured ? { millidegrees: milli } : { missing: 'not_presented' }),
      fact('plate.text', 'absent'),
    ],
    missing: measured ? [] : [{ fact: 'temperature', cause: 'not_presented' }],
  };
}

function fact(name, state) {
  return { name, state, at_ms: Date.now() };
}
