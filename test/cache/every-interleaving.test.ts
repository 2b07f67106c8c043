import { describe, expect, it } from 'vitest';
import type { Step } from '../../src/server/cache/protocol.ts';
import { type Entry, transition } from '../../src/server/cache/transition.ts';
import { MemoryRecord } from '../../src/server/domain/memory.ts';
import { memoryOf, textCodec } from './support/sample.ts';

/** One memory in a database, its entry in a store, and who knows what. */
interface World {
  readonly entry: Entry | undefined;
  /** The newest commit. */
  readonly changeNo: number;
  readonly epoch: number;
  /** The highest change that was acknowledged. */
  readonly acknowledged: number;
  /** What the processes know since their last poll, and what had been acknowledged by then. */
  readonly known: { readonly epoch: number; readonly acknowledged: number };
  /** What each actor remembers between its instants. */
  readonly notes: readonly Note[];
  /** Instants each actor has had. */
  readonly done: readonly number[];
}

interface Note {
  readonly epoch?: number;
  readonly changeNo?: number;
  readonly leased?: boolean;
}

/** One instant of an actor: the world after it, and what the actor remembers. */
type Instant = (world: World, note: Note, token: string) => [Partial<World>, Note?];
type Actor = readonly Instant[];

const RECORDS = Array.from({ length: 5 }, (_, changeNo) => {
  const memory = memoryOf('memory', '', { changeNo });
  return new MemoryRecord(memory, textCodec, memory, undefined);
});

function value({ changeNo = 0, epoch = 0 }: Note) {
  return { epoch, record: RECORDS[changeNo] as MemoryRecord };
}

function commit(world: World): Partial<World> & { changeNo: number } {
  return { changeNo: world.changeNo + 1 };
}

/** Marks, commits, settles. */
const writer: Actor = [
  (world, _, token) => [
    { entry: transition(world.entry, { op: 'mark', id: '', token }).entry },
    { epoch: world.known.epoch },
  ],
  (world, note) => [commit(world), { ...note, changeNo: world.changeNo + 1 }],
  (world, note, token) => [
    {
      entry: transition(world.entry, { op: 'settle', id: '', token, value: value(note) }).entry,
      acknowledged: Math.max(world.acknowledged, note.changeNo ?? 0),
    },
  ],
];

/** Dies after its commit: never acknowledged. */
const dyingWriter: Actor = writer.slice(0, 2);

/** Cannot reach the store: commits with a bump of the epoch. */
const cutOffWriter: Actor = [
  (world) => [{ ...commit(world), epoch: world.epoch + 1 }, { changeNo: world.changeNo + 1 }],
  (world, { changeNo = 0 }) => [{ acknowledged: Math.max(world.acknowledged, changeNo) }],
];

/** Looks up and leases, reads, fills. */
const reader: Actor = [
  (world, _, token) => {
    const { entry, known } = world;
    const over = entry?.state === 'V' && entry.epoch < known.epoch ? entry.epoch : undefined;
    if (entry !== undefined && over === undefined) return [{}, { leased: false }];
    const lease: Step = { op: 'lease', id: '', token, over };
    return [{ entry: transition(entry, lease).entry }, { leased: true, epoch: known.epoch }];
  },
  (world, note) => [{}, { ...note, changeNo: world.changeNo }],
  (world, note, token) => [
    note.leased ? { entry: transition(world.entry, { op: 'fill', id: '', token, value: value(note) }).entry } : {},
  ],
];

/** The store loses the entry: a flush, an eviction, a mark or a lease that ran out. */
const loss: Actor = [() => [{ entry: undefined }]];

const poll: Actor = [(world) => [{ known: { epoch: world.epoch, acknowledged: world.acknowledged } }]];

const BEGINNING = { entry: undefined, changeNo: 0, epoch: 0, acknowledged: 0, known: { epoch: 0, acknowledged: 0 } };

/** Whether a reader would now be served a value older than it must be. */
type Stale = (served: number, world: World) => boolean;
const olderThanAcknowledged: Stale = (served, world) => served < world.acknowledged;
const olderThanLastPoll: Stale = (served, world) => served < world.known.acknowledged;

/** Walks every order of the actors' instants, each world once; gives the first order that ends stale. */
function explore(actors: readonly Actor[], stale: Stale): { worlds: number; stale: string | undefined } {
  const seen = new Set<string>();
  const walk = (world: World, order: string): string | undefined => {
    const { entry } = world;
    const state = entry?.state === 'V' ? `V${entry.epoch}.${entry.record.changeNo}` : entry;
    const key = JSON.stringify([state, { ...world, entry: 0 }]);
    if (seen.has(key)) return undefined;
    seen.add(key);
    if (entry?.state === 'V' && entry.epoch >= world.known.epoch && stale(entry.record.changeNo, world)) return order;
    for (const [number, actor] of actors.entries()) {
      const instant = actor[world.done[number] ?? 0];
      if (instant === undefined) continue;
      const [change, note = {}] = instant(world, world.notes[number] ?? {}, `${number}`);
      const found = walk(
        {
          ...world,
          ...change,
          notes: world.notes.with(number, note),
          done: world.done.with(number, (world.done[number] ?? 0) + 1),
        },
        `${order}${number}`,
      );
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const found = walk({ ...BEGINNING, notes: actors.map(() => ({})), done: actors.map(() => 0) }, '');
  return { worlds: seen.size, stale: found };
}

describe('the lease protocol, in every interleaving', () => {
  it.each([
    ['two writers, two readers and two losses', [writer, writer, reader, reader, loss, loss]],
    ['three writers, a reader and two losses', [writer, writer, writer, reader, loss, loss]],
    ['a writer, one that dies, a reader and two losses', [writer, dyingWriter, reader, loss, loss]],
  ] as const)('of %s serves nothing older than what was acknowledged', (_, actors) => {
    const { worlds, stale } = explore(actors, olderThanAcknowledged);
    expect(stale).toBeUndefined();
    expect(worlds).toBeGreaterThan(1_000);
  });

  it.each([
    ['a writer, one that is cut off, two readers and two polls', [writer, cutOffWriter, reader, reader, poll, poll]],
    [
      'two writers, one that is cut off, a reader, a poll and a loss',
      [writer, writer, cutOffWriter, reader, poll, loss],
    ],
    [
      'a writer, two that are cut off, a reader and two polls',
      [writer, cutOffWriter, cutOffWriter, reader, poll, poll],
    ],
  ] as const)('of %s serves nothing older than the last poll', (_, actors) => {
    const { worlds, stale } = explore(actors, olderThanLastPoll);
    expect(stale).toBeUndefined();
    expect(worlds).toBeGreaterThan(1_000);
  });
});
