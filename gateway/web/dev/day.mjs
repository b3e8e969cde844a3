// The stand-in gate's day: visitors come, are decided, held, answered, and leave.
import { person, RULES, seeded, vehicle } from './visitors.mjs';

const LANES = [
  { id: 'in-1', title: { zh: '东门入口', en: 'East gate in' }, kind: 'vehicle', direction: 'entry', needs: ['plate'] },
  { id: 'out-1', title: { zh: '东门出口', en: 'East gate out' }, kind: 'vehicle', direction: 'exit', needs: ['plate'] },
  { id: 'walk-1', title: { zh: '行人通道', en: 'Walkway' }, kind: 'pedestrian', direction: 'entry', needs: ['card', 'temperature'] },
];

/** How long things take, ms; a test makes them shorter. */
export const PACE = { between: 5_000, deciding: 700, passing: 3_000, holding: 60_000 };

export class Day {
  constructor({ seed = 7, pace = PACE, tell }) {
    this.random = seeded(seed);
    this.pace = pace;
    this.tell = tell;
    this.number = 1000;
    this.alertCount = 0;
    this.emergency = false;
    this.passages = new Map();
    this.pictures = new Map();
    this.alerts = new Map();
    this.timers = new Set();
    this.lanes = LANES.map((lane) => ({
      ...lane, shadow: false, attended: true, arm: lane.kind === 'vehicle' ? 'closed' : null,
      under_arm: lane.kind === 'vehicle' ? false : null, emergency: false, locked_down: false, resting: 0,
      cameras: lane.kind === 'vehicle' ? [{ id: `cam-${lane.id}`, state: 'live', code: null }] : [],
      open_passages: 0, passage: null,
    }));
  }

  start() {
    for (const lane of this.lanes) this.begin(lane);
  }

  stop() {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  after(ms, act) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, ms);
    this.timers.add(timer);
  }

  begin(lane) {
    const came = lane.kind === 'vehicle' ? vehicle(this.random, lane) : person(this.random);
    if (came.picture) this.pictures.set(came.picture.sha, came.picture.svg);
    const { sha: _sha, svg: _svg, ...picture } = came.picture ?? {};
    const passage = {
      id: `${lane.id}-${this.number + 1}`, lane: lane.id, begun_ms: Date.now(), clock: 'synchronised', number: null,
      plate: null, card: came.card ?? null, temperature: came.temperature ?? null, picture: null,
      verdict: null, reasons: [], rules: [], missing: [], facts: [], end: null, answered: null, move: null, took_ms: null, rests_until_ms: null,
    };
    this.passages.set(passage.id, passage);
    lane.passage = passage;
    lane.open_passages = 1;
    this.show(lane);
    this.after(this.pace.deciding, () => {
      passage.plate = came.plate ?? null;
      passage.picture = came.picture ? picture : null;
      this.decide(lane, passage, came);
    });
  }

  decide(lane, passage, came) {
    const rule = came.why ? RULES[came.why] : null;
    passage.number = ++this.number;
    passage.verdict = rule?.verdict ?? 'hold';
    passage.facts = came.facts;
    passage.missing = came.missing;
    passage.took_ms = 60 + Math.floor(this.random() * 200);
    passage.rules = came.rules.map((id) => ({ ...RULES[id], outcome: id === came.why ? 'true' : came.missing.length ? 'unknown' : 'false' }));
    passage.reasons = rule
      ? [{ code: 'rule', values: { rule: rule.rule }, text: rule.title }]
      : came.missing.map((missing) => ({ code: 'missing', values: missing, text: null }));
    if (passage.verdict !== 'admit') this.raise(passage, came.why);
    if (passage.verdict === 'admit') this.letPass(lane, passage, { end: 'admitted' });
    else if (passage.verdict === 'refuse') this.after(this.pace.passing, () => this.end(lane, passage, { end: 'refused' }));
    else this.after(this.pace.holding, () => this.end(lane, passage, { end: 'withdrawn', cause: 'left' }));
    this.tell('passage', passage);
    this.show(lane);
  }

  letPass(lane, passage, end) {
    if (lane.arm) {
      lane.arm = 'open';
      passage.move = { command: 'open', outcome: 'sent', cause: null };
    }
    this.after(this.pace.passing, () => this.end(lane, passage, end));
  }

  end(lane, passage, end) {
    if (passage.end) return;
    passage.end = end;
    lane.open_passages = 0;
    if (lane.arm && !this.emergency) lane.arm = 'closed';
    this.tell('passage', passage);
    this.show(lane);
    this.after(this.pace.between * (0.6 + this.random()), () => this.begin(lane));
  }

  answer(id, { answer, reason }, by) {
    const passage = this.passages.get(id);
    const lane = this.lanes.find((l) => l.id === passage?.lane);
    if (!passage || passage.end || passage.answered) return { outcome: 'refused', code: 'passage_ended', number: ++this.number };
    const verdict = { open: 'admit', escort: 'admit', refuse: 'refuse', hold: 'hold', measure_again: 'hold' }[answer];
    if (answer === 'measure_again') this.end(lane, passage, { end: 'measured_again', next: 'next' });
    else if (answer !== 'hold') {
      passage.answered = { verdict, by, reason };
      if (verdict === 'admit') this.letPass(lane, passage, { end: 'answered', verdict });
      else this.after(this.pace.passing, () => this.end(lane, passage, { end: 'answered', verdict }));
    }
    this.tell('passage', passage);
    this.show(lane);
    return { outcome: 'done', code: null, number: ++this.number };
  }

  raise(passage, why) {
    const alert = {
      alert: ++this.alertCount, code: why ? 'rule' : 'hold',
      severity: why === 'watched' ? 'critical' : why === 'fever' ? 'warning' : 'notice', state: 'open',
      roles: why === 'watched' ? ['police', 'guard'] : why === 'fever' ? ['grid_worker', 'guard'] : ['guard'],
      raised_ms: Date.now(), lane: passage.lane, passage: passage.id, rule: why, text: why ? RULES[why].title : null,
      plate: passage.plate?.text ?? null, card: passage.card?.text ?? null, picture: passage.picture,
      acknowledged_by: null, acknowledged_ms: null, closed_by: null, closed_ms: null, reason: null, comment: null,
    };
    this.alerts.set(alert.alert, alert);
    this.tell('alert', alert);
  }

  turnEmergency(active) {
    this.emergency = active;
    for (const lane of this.lanes) {
      lane.emergency = active;
      if (lane.arm) lane.arm = active ? 'open' : 'closed';
      this.show(lane);
    }
    return { outcome: 'done', code: null, number: ++this.number };
  }

  turnLockDown(active) {
    for (const lane of this.lanes) {
      lane.locked_down = active && lane.direction === 'entry';
      this.show(lane);
    }
    return { outcome: 'done', code: null, number: ++this.number };
  }

  show(lane) {
    this.tell('lane', lane);
  }
}
