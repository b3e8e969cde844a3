// One short message at the foot of the page about what was just done.

const SHOWN_MS = 6_000;

let text = $state('');
let bad = $state(false);
let timer = 0;

function show(message: string, complaint: boolean): void {
  text = message;
  bad = complaint;
  clearTimeout(timer);
  timer = window.setTimeout(() => (text = ''), SHOWN_MS);
}

export const notice = {
  get text(): string {
    return text;
  },
  get bad(): boolean {
    return bad;
  },
  tell: (message: string): void => show(message, false),
  complain: (message: string): void => show(message, true),
};
