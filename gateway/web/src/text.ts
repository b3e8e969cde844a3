// Every sentence of the page, in both languages, in one table. `{name}` is filled in by say().
// Keys are grouped by a prefix: what the API calls a code stands under the prefix of its list.
import { codes } from './text-codes';
import { words } from './text-words';

export type Text = { zh: string; en: string };

export const table: Record<string, Text> = { ...words, ...codes };
