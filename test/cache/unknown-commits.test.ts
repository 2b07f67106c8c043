import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UnknownCommits } from '../../src/server/cache/unknown-commits.ts';

const DELAYS = { graceMs: 5, pauseMs: 5 };

describe('commits nobody was told about', () => {
  let lastPollAt: number;
  let bump: ReturnType<typeof vi.fn<(workspaceId: number) => Promise<void>>>;
  let unknown: UnknownCommits;

  beforeEach(() => {
    lastPollAt = performance.now();
    bump = vi.fn(async () => {});
    const epochs = {
      epoch: () => 0,
      get lastPollAt() {
        return lastPollAt;
      },
    };
    unknown = new UnknownCommits(epochs, bump, DELAYS);
  });
  afterEach(() => unknown.stop());

  it('need nothing when the database goes on answering: the mark outlives them', async () => {
    unknown.add(1);
    lastPollAt = Number.POSITIVE_INFINITY;
    await sleep(50);
    expect(bump).not.toHaveBeenCalled();
  });

  it('bump the epoch twice once a silent database is back, however long it takes', async () => {
    bump.mockRejectedValueOnce(new Error('down')).mockRejectedValueOnce(new Error('down'));
    unknown.add(7);
    unknown.add(7);
    await vi.waitFor(() => expect(bump).toHaveBeenCalledTimes(4));
    await sleep(50);
    expect(bump.mock.calls).toEqual([[7], [7], [7], [7]]);
  });

  it('are watched again after they were dealt with', async () => {
    unknown.add(7);
    await vi.waitFor(() => expect(bump).toHaveBeenCalledTimes(2));
    await sleep(20);
    unknown.add(7);
    await vi.waitFor(() => expect(bump).toHaveBeenCalledTimes(4));
  });

  it('are let go at the end', async () => {
    unknown.add(1);
    unknown.stop();
    unknown.add(2);
    await sleep(50);
    expect(bump).not.toHaveBeenCalled();
  });
});
