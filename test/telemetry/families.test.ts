import { expect, test } from 'vitest';
import { familiesOf } from '../../src/server/telemetry/metrics/families.ts';
import { StatsFrame } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { emptyFrame } from '../../src/shared/stats-merge.ts';

const told = (totals: Parameters<typeof StatsFrame.fromPartial>[0]) =>
  new Map(familiesOf({ totals: StatsFrame.fromPartial(totals), recent: emptyFrame() }).map((one) => [one.name, one]));

test('streams nobody reads are added up, and of whom they are is not told', () => {
  const families = told({
    clients: [
      { keyName: 'sleepy', streams: 5n, stalledStreams: 2n },
      { keyName: 'idle', streams: 1n, stalledStreams: 1n },
    ],
  });
  expect(families.get('memoryhub.streams.stalled')).toMatchObject({
    type: 'gauge',
    samples: [{ labels: {}, value: 3 }],
  });
});

test('sessions that wait are told by what for, with the looks they are to be divided by', () => {
  const families = told({
    postgres: { waitLooks: 10n, putOff: 7n, waits: [{ event: 'Lock transactionid', sessions: 12n }] },
  });
  expect(families.get('memoryhub.postgres.waits')).toMatchObject({
    type: 'counter',
    samples: [{ labels: { event: 'Lock transactionid' }, value: 12 }],
  });
  expect(families.get('memoryhub.postgres.wait_looks')).toMatchObject({ samples: [{ value: 10 }] });
  expect(families.get('memoryhub.postgres.put_off')).toMatchObject({ type: 'counter', samples: [{ value: 7 }] });
});
