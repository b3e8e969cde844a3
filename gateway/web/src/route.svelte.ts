// Which view is shown: the address after #, so that back, reload and a bookmark work.

export const VIEWS = ['gate', 'alerts', 'passages', 'status'] as const;
export type View = (typeof VIEWS)[number];

function read(): { view: View; passage: string | null } {
  const [, name, rest] = location.hash.split('/');
  const view = VIEWS.find((v) => v === name) ?? 'gate';
  return { view, passage: rest ? decodeURIComponent(rest) : null };
}

let here = $state(read());
addEventListener('hashchange', () => (here = read()));

export const route = {
  get view(): View {
    return here.view;
  },
  /** The passage whose explanation lies over the view. */
  get passage(): string | null {
    return here.passage;
  },
  go(view: View): void {
    location.hash = `#/${view}`;
  },
  explain(passage: string): void {
    location.hash = `#/${here.view}/${encodeURIComponent(passage)}`;
  },
  /** Closes the explanation; the view beneath stays. */
  back(): void {
    if (here.passage) location.hash = `#/${here.view}`;
  },
};
