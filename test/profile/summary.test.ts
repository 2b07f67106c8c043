import { expect, test } from 'vitest';
import { cpuSummary, eventsSummary, heapSummary } from '../../src/cli/profile/summary.ts';

const frame = (functionName: string, url = '', lineNumber = 0) => ({ functionName, url, lineNumber });
const rowsOf = (text: string) => text.split('\n').map((line) => line.trim().split(/ {2,}/));

test('a processor profile is read as the time of each function without those it called, the most first', () => {
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(idle)') },
      { id: 2, callFrame: frame('save', 'file:///app/src/server/rpc/save.ts', 41) },
      // The same function, called from elsewhere.
      { id: 3, callFrame: frame('save', 'file:///app/src/server/rpc/save.ts', 41) },
      { id: 4, callFrame: frame('', 'node:events', 9) },
    ],
    samples: [1, 2, 3, 4, 2, 1],
    timeDeltas: [1_000, 3_000, 2_000, 500, 1_500, 2_000],
  };
  expect(rowsOf(cpuSummary(JSON.stringify(profile), 200))).toEqual([
    ['self', 'time', 'function'],
    ['65.0 %', '6.5 ms', 'save', 'rpc/save.ts:42'],
    ['30.0 %', '3.0 ms', '(idle)'],
    ['5.0 %', '0.5 ms', '(anonymous)', 'node:events:10'],
  ]);
});

test('a heap is read as the own size of each constructor, strings by their kind and not their text', () => {
  const meta = { node_fields: ['type', 'name', 'id', 'self_size'], node_types: [['string', 'object']] };
  const nodes = [1, 0, 1, 4096, 0, 1, 2, 1024, 1, 0, 3, 2048];
  const snapshot = { snapshot: { meta }, nodes, strings: ['Memory', 'somebody’s text'] };
  const text = heapSummary(JSON.stringify(snapshot), 200);
  expect(rowsOf(text).slice(0, 3)).toEqual([
    ['share', 'own size', 'objects', 'constructor'],
    ['85.7 %', '6 KiB', '2', 'Memory'],
    ['14.3 %', '1 KiB', '1', '(string)'],
  ]);
  expect(text).toContain('Own sizes: what objects point to is left out.');
  expect(text).not.toContain('somebody’s text');
});

test('events are read as the longest pauses, and the share of garbage', () => {
  const events = [
    { event: 'loop', at_ms: 100, max_delay_ms: 12 },
    { event: 'gc', at_ms: 500, kind: 'mark-sweep', ms: 80 },
    { event: 'gc', at_ms: 1_000, kind: 'scavenge', ms: 20 },
  ];
  const text = eventsSummary(events.map((event) => JSON.stringify(event)).join('\n'), 200);
  expect(rowsOf(text).slice(0, 4)).toEqual([
    ['pause', 'when', 'what'],
    ['80.0 ms', 'at 0.5 s', 'garbage collection, mark-sweep'],
    ['20.0 ms', 'at 1.0 s', 'garbage collection, scavenge'],
    ['12.0 ms', 'at 0.1 s', 'event loop late'],
  ]);
  expect(text).toContain('garbage collection: 10.0 % of the time');
});
