// Holds the live stream: opens it, resumes where it was cut, notices when it falls silent.
import { MessageCutter, type Message } from './sse';

/** The gateway sends at least a comment every 10 s; after this long without a byte it is gone. */
const SILENCE_MS = 25_000;
/** Waits between attempts: quick at first, never longer than the last. */
const WAITS_MS = [500, 1_000, 2_000, 4_000];

export interface Listener {
  /** The stream stands; what was missed since the last message comes first, or `resync`. */
  opened(): void;
  message(message: Message): void;
  /** The stream is cut; it is being opened again. */
  lost(): void;
  /** The session has ended. */
  ended(): void;
}

export class Live {
  private last = '';
  private stopped = false;
  private cut = new AbortController();
  private attempt = 0;
  private wake: () => void = () => {};

  constructor(
    private readonly path: string,
    private readonly listener: Listener,
  ) {
    addEventListener('online', this.hurry);
    document.addEventListener('visibilitychange', this.hurry);
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    removeEventListener('online', this.hurry);
    document.removeEventListener('visibilitychange', this.hurry);
    this.cut.abort();
    this.wake();
  }

  private hurry = (): void => {
    if (document.visibilityState === 'visible') this.wake();
  };

  private async run(): Promise<void> {
    while (!this.stopped) {
      const ended = await this.listen();
      if (this.stopped) return;
      if (ended) {
        this.stop();
        this.listener.ended();
        return;
      }
      this.listener.lost();
      const wait = WAITS_MS[Math.min(this.attempt, WAITS_MS.length - 1)] ?? 1_000;
      this.attempt += 1;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** One connection, from its opening to its end; true when the session is no longer valid. */
  private async listen(): Promise<boolean> {
    this.cut = new AbortController();
    let silence = setTimeout(() => this.cut.abort(), SILENCE_MS);
    const heard = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => this.cut.abort(), SILENCE_MS);
    };
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      if (this.last) headers['last-event-id'] = this.last;
      const response = await fetch(this.path, {
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: this.cut.signal,
      });
      if (response.status === 401) return true;
      if (!response.ok || !response.body) return false;
      this.attempt = 0;
      this.listener.opened();
      await this.read(response.body, heard);
    } catch {
      // Cut by the network, by silence or by stop(); all three are told by what follows.
    } finally {
      clearTimeout(silence);
    }
    return false;
  }

  private async read(body: ReadableStream<Uint8Array>, heard: () => void): Promise<void> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const cutter = new MessageCutter();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      for (const message of cutter.push(decoder.decode(value, { stream: true }))) {
        if (message.id) this.last = message.id;
        this.listener.message(message);
      }
    }
  }
}
