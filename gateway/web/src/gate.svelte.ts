// What the gate looks like right now: lanes, the latest passages, alerts and the status, kept up
// to date by the live stream. Everything is keyed by its own number, so nothing shows twice.
import { SvelteMap } from 'svelte/reactivity';
import { api, type Alert, type Lane, type Passage, type Status } from './api';
import { Live } from './live';
import { session } from './session.svelte';
import type { Message } from './sse';

/** Passages kept in memory; older ones are read from the gateway when asked for. */
const PASSAGES_KEPT = 400;
const ALERTS_KEPT = 500;
const LOADED = 100;

export type Link = 'opening' | 'live' | 'lost';

class Gate {
  lanes = $state<Lane[]>([]);
  passages = new SvelteMap<string, Passage>();
  alerts = new SvelteMap<number, Alert>();
  status = $state<Status | null>(null);
  link = $state<Link>('opening');
  /** When the stream last said something, ms on this device. */
  heardMs = $state(Date.now());
  /** The lists have been read once. */
  loaded = $state(false);
  /** Why the lists could not be read, if so. */
  trouble = $state<unknown>(null);
  /** Advances each second; what shows a running time reads it. */
  nowMs = $state(Date.now());
  /** Gateway's clock minus this device's, ms: ages are told by the gateway's clock. */
  private offsetMs = 0;
  private live: Live | null = null;
  private ticker = 0;
  /** Messages that came while the lists were being read; null when none are. */
  private held: Message[] | null = null;
  /** The lists were asked for anew while they were being read. */
  private stale = false;

  /** Passages that wait for an answer, the one that waits longest first. */
  holds = $derived.by(() =>
    [...this.passages.values()].filter(waits).sort((a, b) => a.begun_ms - b.begun_ms),
  );
  openAlerts = $derived.by(() => [...this.alerts.values()].filter((a) => a.state !== 'closed'));
  lockedDown = $derived(this.lanes.some((lane) => lane.locked_down));
  emergency = $derived(this.lanes.some((lane) => lane.emergency));

  start(): void {
    this.stop();
    this.ticker = window.setInterval(() => (this.nowMs = Date.now() + this.offsetMs), 1000);
    this.live = new Live('/api/live', {
      opened: () => this.opened(),
      message: (message) => this.hear(message),
      lost: () => (this.link = 'lost'),
      ended: () => session.end(),
    });
  }

  stop(): void {
    this.live?.stop();
    this.live = null;
    clearInterval(this.ticker);
    this.lanes = [];
    this.passages.clear();
    this.alerts.clear();
    this.status = null;
    this.loaded = false;
    this.link = 'opening';
    this.held = null;
  }

  /** Reads all lists; what the stream says meanwhile is newer and applied afterwards. */
  async load(): Promise<void> {
    if (this.held) {
      this.stale = true;
      return;
    }
    this.held = [];
    this.stale = false;
    try {
      const [lanes, passages, open, acknowledged, status] = await Promise.all([
        api.lanes(),
        api.passages(LOADED),
        api.alerts('open', ALERTS_KEPT),
        api.alerts('acknowledged', ALERTS_KEPT),
        api.status(),
      ]);
      this.lanes = lanes;
      this.passages.clear();
      for (const passage of passages.toReversed()) this.passages.set(passage.id, passage);
      for (const lane of lanes) if (lane.passage) this.keep(lane.passage);
      this.alerts.clear();
      for (const alert of [...open, ...acknowledged]) this.alerts.set(alert.alert, alert);
      this.takeStatus(status);
      this.loaded = true;
      this.trouble = null;
    } catch (problem) {
      this.trouble = problem;
    } finally {
      const held = this.held ?? [];
      this.held = null;
      for (const message of held) this.apply(message);
      if (this.stale) void this.load();
    }
  }

  lane(id: string | null): Lane | undefined {
    return this.lanes.find((lane) => lane.id === id);
  }

  /** Takes in what an order of this page changed, before the stream tells it. */
  async refresh(passage: string): Promise<void> {
    try {
      this.keep(await api.passage(passage));
    } catch {
      // The stream tells it too.
    }
  }

  /** What was missed follows; or `resync`, which asks for everything anew. */
  private opened(): void {
    this.link = 'live';
    this.heardMs = Date.now();
  }

  private hear(message: Message): void {
    this.heardMs = Date.now();
    if (message.event === 'resync') void this.load();
    else if (this.held) this.held.push(message);
    else this.apply(message);
  }

  private apply(message: Message): void {
    let told: unknown;
    try {
      told = JSON.parse(message.data);
    } catch {
      return;
    }
    if (message.event === 'lane') this.takeLane(told as Lane);
    else if (message.event === 'passage') this.keep(told as Passage);
    else if (message.event === 'alert') this.takeAlert(told as Alert);
    else if (message.event === 'status') this.takeStatus(told as Status);
  }

  private takeLane(lane: Lane): void {
    const at = this.lanes.findIndex((known) => known.id === lane.id);
    if (at >= 0) this.lanes[at] = lane;
    else this.lanes.push(lane);
    if (lane.passage) this.keep(lane.passage);
  }

  private keep(passage: Passage): void {
    this.passages.set(passage.id, passage);
    if (this.passages.size <= PASSAGES_KEPT) return;
    // The oldest that needs no answer goes; insertion order is the order of arrival here.
    for (const [id, old] of this.passages) {
      if (waits(old)) continue;
      this.passages.delete(id);
      return;
    }
  }

  private takeAlert(alert: Alert): void {
    this.alerts.set(alert.alert, alert);
    if (this.alerts.size <= ALERTS_KEPT * 2) return;
    for (const [number, old] of this.alerts) {
      if (old.state !== 'closed') continue;
      this.alerts.delete(number);
      return;
    }
  }

  private takeStatus(status: Status): void {
    // A light status carries a part of the whole: keep what it leaves out.
    this.status = this.status ? { ...this.status, ...status } : status;
    if (status.now_ms) {
      this.offsetMs = status.now_ms - Date.now();
      this.nowMs = status.now_ms;
    }
  }
}

export function waits(passage: Passage): boolean {
  if (passage.verdict !== 'hold' || passage.end) return false;
  const answered = passage.answered?.verdict;
  return !answered || answered === 'hold';
}

export const gate = new Gate();
