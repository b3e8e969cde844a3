// How a plate is written and coloured when it is drawn: mark and serial apart, a dot between.

/** The look of a plate: its ground, its characters, the frame line inside the edge. */
export interface PlateLook {
  ground: 'blue' | 'yellow' | 'green' | 'yellow_green' | 'white' | 'black' | 'unknown';
  /** Province and authority letter, or what comes before the dot; empty without a dot. */
  head: string;
  /** The serial after the dot. */
  serial: string;
  /** A last character with a colour of its own: 警 red, 学, 挂, 港, 澳 as the rest. */
  mark: string;
  markRed: boolean;
}

const GROUNDS = ['blue', 'yellow', 'green', 'yellow_green', 'white', 'black'] as const;
const MARKS = '警学挂港澳领使试超';

export function plateLook(text: string, kind: string, colour: string): PlateLook {
  const ground = GROUNDS.find((g) => g === colour) ?? 'unknown';
  const characters = [...text];
  if (kind === 'raw' || characters.length < 6) {
    return { ground, head: '', serial: text, mark: '', markRed: false };
  }
  const headLength = text.startsWith('WJ') ? 3 : 2;
  const last = characters[characters.length - 1] ?? '';
  const marked = MARKS.includes(last);
  return {
    ground,
    head: characters.slice(0, headLength).join(''),
    serial: characters.slice(headLength, marked ? -1 : undefined).join(''),
    mark: marked ? last : '',
    markRed: last === '警' || last === '领' || last === '使',
  };
}

/** The plate as a line of text: `闽E·12345`. */
export function plateText(text: string, kind = ''): string {
  const look = plateLook(text, kind, '');
  return look.head ? `${look.head}·${look.serial}${look.mark}` : text;
}
