import type { Key } from 'ink';

const NAMED = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['tab', 'tab'],
  ['backspace', 'backspace'],
  ['delete', 'backspace'],
] as const satisfies readonly (readonly [keyof Key, string])[];

/** F1 as terminals send it; Ink passes on what it has no name for, without the escape character. */
const F1 = new Set(['OP', '[11~', '[[A', '\x1bOP', '\x1b[11~', '\x1b[[A']);

/**
 * The names of what was pressed. Keys pressed faster than they are read, and pasted text, come as
 * one input: each of its characters is a key.
 */
export function keyNames(input: string, key: Key): readonly string[] {
  const characters = [...input];
  const together = characters.length > 1 && !key.ctrl && !key.meta && !F1.has(input);
  if (!together || NAMED.some(([flag]) => key[flag])) return [keyName(input, key)];
  return characters.map((char) => (char === '\r' || char === '\n' ? 'enter' : char === ' ' ? 'space' : char));
}

/** One name for a key press, as the table of keys writes it: "j", "G", "pagedown", "ctrl-d", "space". */
export function keyName(input: string, key: Key): string {
  if (key.tab && key.shift) return 'shift-tab';
  const named = NAMED.find(([flag]) => key[flag]);
  if (named !== undefined) return named[1];
  if (F1.has(input)) return 'f1';
  if (input === ' ') return 'space';
  return key.ctrl ? `ctrl-${input.toLowerCase()}` : input;
}
