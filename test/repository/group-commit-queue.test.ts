import { expect, it } from 'vitest';
import { type WaitingWrite, WriteQueue } from '../../src/server/repository/group-commit-queue.ts';
import { callIn, save } from '../contract/fixtures.ts';

/** A request with its place in the order they came. */
function waiting(changes: WaitingWrite['request']['changes'], since: number): WaitingWrite {
  const call = callIn(7);
  const request = {
    workspaceId: 7,
    access: call.access,
    author: '',
    note: '',
    requestId: undefined,
    requestHash: undefined,
    changes,
    validateOnly: false,
    bumpCacheEpoch: false,
  };
  return { call, slot: -1, since, request, resolve: () => {}, reject: () => {} };
}

it('looks at a bounded part of the requests that wait, however many are for the same memory, and keeps their order', () => {
  const queue = new WriteQueue({ maxRows: 512, maxBytes: 4 * 1024 * 1024, maxRequests: 256 });
  const hot = save();
  for (let n = 0; n < 400; n++) queue.push(waiting([hot, ...Array.from({ length: 49 }, () => save())], n));
  queue.push(waiting([save(), save()], 400));
  queue.take();
  // Of 50 changes each: as many as make 4096, where all 399 would be 20,000 for every batch.
  expect(queue.putOff).toBeLessThan(90);
  const taken: number[] = [];
  while (queue.length > 0) taken.push(...queue.take().map(({ since }) => since));
  expect(taken.filter((n) => n < 400)).toEqual(Array.from({ length: 399 }, (_, n) => n + 1));
  expect(taken).toContain(400);
  expect(queue.bytes).toBe(0);
});
