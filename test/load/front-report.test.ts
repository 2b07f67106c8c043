import { describe, expect, it } from 'vitest';
import { hasFailed } from '../../load/front-report.ts';

/** A run of restarts, of one caller. */
function restarted(calls: number, errors: Record<string, number>) {
  return { scenarios: [], restarts: { restarts: 4, seconds: 10, byCaller: { ghz: { calls, slowest: 1, errors } } } };
}

describe('a run behind nginx', () => {
  it('has failed with any call that did, and only then', () => {
    expect(hasFailed(restarted(10_000, {}))).toBe(false);
    expect(hasFailed(restarted(10_000, { Unavailable: 1 }))).toBe(true);
  });

  it('is excused what ghz gets wrong itself, and no more of it than it does', () => {
    expect(hasFailed(restarted(10_000, { InvalidArgument: 3 }))).toBe(false);
    expect(hasFailed(restarted(10_000, { InvalidArgument: 500 }))).toBe(true);
  });

  it('has failed when nothing was called', () => {
    expect(hasFailed(restarted(0, {}))).toBe(true);
    expect(hasFailed({ scenarios: [], restarts: undefined })).toBe(true);
  });
});
