import { describe, expect, it } from 'vitest';
import { RpcError } from '../../src/shared/rpc-error.ts';
import type { History, Outcome, Read, Stored, StoredRow, Write } from './support/history.ts';
import {
  acknowledgedIsKept,
  batchesAreWhole,
  failuresAreExpected,
  isRegister,
  onceOrNever,
  workspacesAreApart,
} from './support/validators.ts';

const write = (values: string[], outcome: Outcome, changes: bigint[], begun: number, ended: number): Write => ({
  workspace: 'w',
  requestId: values.join(),
  ids: values.map((value) => value.slice(0, 3)),
  values,
  outcome,
  changes,
  begun,
  ended,
});
const read = (value: string, change: bigint, begun: number, ended: number, strong = false): Read => ({
  workspace: 'w',
  id: 'w a',
  strong,
  change,
  value,
  begun,
  ended,
});
const row = (value: string, change: bigint): StoredRow => ({ workspace: 'w', id: value.slice(0, 3), change, value });

/** "w a 1" was saved, then "w a 2", and a batch of "w b 3" and "w c 3"; "w a 9" was refused. */
const HISTORY: History = {
  writes: [
    write(['w a 1'], 'ok', [1n], 0, 10),
    write(['w a 2'], 'ok', [2n], 20, 30),
    write(['w b 3', 'w c 3'], 'unknown', [], 40, 50),
    write(['w a 9'], 'failed', [], 60, 70),
  ],
  reads: [read('', 0n, 0, 5), read('w a 1', 1n, 5, 25), read('w a 2', 2n, 31, 32), read('w a 1', 1n, 22, 40)],
  failures: [],
};
const STORED: Stored = {
  revisions: [row('w a 1', 1n), row('w a 2', 2n), row('w b 3', 3n), row('w c 3', 4n)],
  memories: [row('w a 2', 2n), row('w b 3', 3n), row('w c 3', 4n)],
  requests: ['w a 1', 'w a 2', 'w b 3,w c 3'].map((requestId) => ({ workspace: 'w', requestId, changes: 1 })),
  heads: new Map([['w', 4n]]),
};
const FRESH = { readYourWritesMs: 0 };
const without = (value: string) => (each: StoredRow) => each.value !== value;
const withReads = (...reads: Read[]): History => ({ ...HISTORY, reads });

it('a history as it should be passes every validator', () => {
  expect(acknowledgedIsKept(HISTORY, STORED)).toEqual([]);
  expect(onceOrNever(HISTORY, STORED)).toEqual([]);
  expect(isRegister(HISTORY, STORED, FRESH)).toEqual([]);
  expect(batchesAreWhole(HISTORY, STORED)).toEqual([]);
  expect(workspacesAreApart(HISTORY, STORED)).toEqual([]);
});

describe('the validator of', () => {
  it('V1 sees an acknowledged write that is gone, from the history or from the memories', () => {
    const noHistory = { ...STORED, revisions: STORED.revisions.filter(without('w a 1')) };
    expect(acknowledgedIsKept(HISTORY, noHistory)).toHaveLength(1);
    const rolledBack = { ...STORED, memories: [row('w a 1', 1n), ...STORED.memories.slice(1)] };
    expect(acknowledgedIsKept(HISTORY, rolledBack)).toHaveLength(2);
  });

  it('V2 sees what was doubled, done though refused, sent by nobody, or done without a trace', () => {
    const twice = { ...STORED, revisions: [...STORED.revisions, row('w a 2', 5n)] };
    expect(onceOrNever(HISTORY, twice)).toContainEqual(expect.stringContaining('ok request w a 2: written 2 times'));
    const refused = { ...STORED, revisions: [...STORED.revisions, row('w a 9', 5n)] };
    expect(onceOrNever(HISTORY, refused)).toContainEqual(expect.stringContaining('failed request w a 9'));
    const phantom = { ...STORED, revisions: [...STORED.revisions, row('w a 7', 5n)] };
    expect(onceOrNever(HISTORY, phantom)).toContainEqual('nobody sent w/w a 7');
    const unlogged = { ...STORED, requests: STORED.requests.slice(1) };
    expect(onceOrNever(HISTORY, unlogged)).toContainEqual(expect.stringContaining('disagree'));
    const gap = { ...STORED, heads: new Map([['w', 5n]]) };
    expect(onceOrNever(HISTORY, gap)).toEqual(['the changes of w are not 1 to 5']);
  });

  it('V3 sees a read that is older than an acknowledged write, or than an earlier read', () => {
    expect(isRegister(withReads(read('w a 1', 1n, 31, 32)), STORED, FRESH)).toHaveLength(1);
    expect(isRegister(withReads(read('', 0n, 11, 12)), STORED, FRESH)).toHaveLength(1);
    const backwards = withReads(read('w a 2', 2n, 21, 22), read('w a 1', 1n, 23, 24));
    expect(isRegister(backwards, STORED, FRESH)).toHaveLength(1);
  });

  it('V3 allows staleness where it is documented, as long as documented, and never to STRONG', () => {
    const second = { readYourWritesMs: 1_000 };
    expect(isRegister(withReads(read('w a 1', 1n, 1_029, 1_030)), STORED, second)).toEqual([]);
    expect(isRegister(withReads(read('w a 1', 1n, 1_031, 1_032)), STORED, second)).toHaveLength(1);
    expect(isRegister(withReads(read('w a 1', 1n, 31, 32, true)), STORED, second)).toHaveLength(1);
  });

  it('V3 sees values that were never written there, or not yet, and writes out of order', () => {
    expect(isRegister(withReads(read('w a 2', 1n, 25, 32)), STORED, FRESH)).toHaveLength(1);
    expect(isRegister(withReads(read('w a 2', 2n, 11, 15)), STORED, FRESH)[0]).toContain('before anybody had sent it');
    const late = write(['w a 5'], 'ok', [1n], 80, 90);
    expect(isRegister({ ...HISTORY, reads: [], writes: [...HISTORY.writes, late] }, STORED, FRESH)).toHaveLength(1);
  });

  it('V6 sees half a batch, and one with something in between', () => {
    const half = { ...STORED, revisions: STORED.revisions.filter(without('w c 3')) };
    expect(batchesAreWhole(HISTORY, half)).toHaveLength(1);
    const apart = { ...STORED, revisions: [...STORED.revisions.slice(0, 3), row('w c 3', 5n)] };
    expect(batchesAreWhole(HISTORY, apart)).toHaveLength(1);
  });

  it('V7 sees the value of another workspace', () => {
    expect(workspacesAreApart(withReads(read('v a 1', 1n, 5, 25)), STORED)).toEqual(['v a 1 is seen in w']);
  });

  it('V9 sees a code nobody expects, and a message that tells what is inside', () => {
    const failure = (error: RpcError) => [{ call: 'SaveMemory', error, at: 0 }];
    expect(failuresAreExpected(failure(new RpcError(14, 'gone')), ['UNAVAILABLE/'])).toEqual([]);
    expect(failuresAreExpected(failure(new RpcError(13, 'oops')), ['UNAVAILABLE/'])).toHaveLength(1);
    const info = Buffer.concat([Buffer.of(10, 1), Buffer.from('R')]);
    const details = [{ typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: info }];
    const leak = new RpcError(14, 'relation "memories" does not exist', details);
    expect(failuresAreExpected(failure(leak), ['UNAVAILABLE/R'])).toHaveLength(1);
  });
});
