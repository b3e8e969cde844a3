// The chime for a hold that waits. Off or on by the person, remembered on the device.

const KEPT = 'gateway-sound';
let on = $state(localStorage.getItem(KEPT) !== 'off');
let context: AudioContext | null = null;

export const sound = {
  get on(): boolean {
    return on;
  },
  turn(): void {
    on = !on;
    localStorage.setItem(KEPT, on ? 'on' : 'off');
    if (on) void chime();
  },
  hold(): void {
    if (on) void chime();
  },
};

/** Two soft notes, each fading in and out; a browser that wants a tap first stays silent. */
async function chime(): Promise<void> {
  try {
    context ??= new AudioContext();
    if (context.state === 'suspended') await context.resume();
    const start = context.currentTime;
    for (const [at, hertz] of [[0, 660], [0.22, 880]] as const) {
      const tone = context.createOscillator();
      const loudness = context.createGain();
      tone.frequency.value = hertz;
      loudness.gain.setValueAtTime(0, start + at);
      loudness.gain.linearRampToValueAtTime(0.25, start + at + 0.02);
      loudness.gain.exponentialRampToValueAtTime(0.001, start + at + 0.4);
      tone.connect(loudness).connect(context.destination);
      tone.start(start + at);
      tone.stop(start + at + 0.42);
    }
  } catch {
    // No sound device: the screen says it all.
  }
}
