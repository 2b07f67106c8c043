import { commandOf } from '../../../src/tui/keys.ts';
import type { Event } from '../../../src/tui/state/event.ts';
import { reduce } from '../../../src/tui/state/reduce.ts';
import { answered } from './memories.ts';
import { stateAfter } from './screens.ts';

/** Names of keys, as pressed one after the other. */
export const pressed = (...keys: readonly string[]): readonly Event[] =>
  keys.map((key): Event => {
    const command = commandOf(key);
    if (command === undefined) throw new Error(`${key} is no key`);
    return { kind: 'command', command };
  });

/** A server with a key for its memories, of which everything the screen wants has come. */
export function on(
  number: number,
  situation: readonly Event[],
  memories = 1234,
  then: readonly string[] = [],
): readonly Event[] {
  const access: Event = { kind: 'memory-access', access: { kind: 'key', from: '.memory-hub/admin.key' } };
  let events: readonly Event[] = [...situation, access, ...pressed(String(number))];
  let state = stateAfter(events, { columns: 100, rows: 30 });
  for (const key of [undefined, ...then]) {
    const pressing = key === undefined ? [] : pressed(key);
    const came = answered(pressing.reduce(reduce, state), memories);
    events = [...events, ...pressing, ...came.events];
    state = came.state;
  }
  return events;
}
