// Reads a server-sent event stream by hand. The browser's own EventSource gives up for ever after
// an error answer, cannot tell a silent stream from a dead one, and hides the status 401.

export interface Message {
  id: string;
  event: string;
  data: string;
}

/** Cuts the text of a stream into messages; keeps what is unfinished for the next piece. */
export class MessageCutter {
  private rest = '';

  push(piece: string): Message[] {
    this.rest += piece;
    const blocks = this.rest.split(/\r?\n\r?\n/);
    this.rest = blocks.pop() ?? '';
    return blocks.map(message).filter((m): m is Message => m !== null);
  }
}

function message(block: string): Message | null {
  const found: Message = { id: '', event: 'message', data: '' };
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    if (field === 'id') found.id = value ?? '';
    else if (field === 'event') found.event = value ?? '';
    else if (field === 'data') data.push(value ?? '');
  }
  if (data.length === 0 && found.event === 'message') return null;
  found.data = data.join('\n');
  return found;
}
