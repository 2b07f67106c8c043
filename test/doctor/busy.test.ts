import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { busyMachine, machineCould } from '../../src/cli/doctor/busy.ts';
import { StatsFrame } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';

const cores = availableParallelism();
const server = (cpu: number) => StatsFrame.fromPartial({ processes: [{ cpu }, { cpu }] });

test('a machine is busy when other programs want more of it than there is', () => {
  expect(busyMachine(undefined, 0)).toBeUndefined();
  expect(busyMachine(undefined, cores)).toBeUndefined();
  expect(busyMachine(undefined, cores * 4)).toBe(
    `other programs kept the ${cores} cores of this machine busy, with a load of ${(cores * 4).toFixed(1)}`,
  );
});

test('what the server takes for itself is no excuse of it', () => {
  expect(busyMachine(server(cores), cores * 3)).toBeUndefined();
  expect(busyMachine(server(0), cores * 3)).toBeDefined();
});

test('what other programs explain as well is warned of, and says why it is not judged', () => {
  expect(machineCould({ busy: undefined }, 'API p95: 300ms.', 'Look.')).toMatchObject({ state: 'bad' });
  expect(machineCould({ busy: 'others were loud' }, 'API p95: 300ms.', 'Look.')).toMatchObject({
    state: 'warn',
    said: 'API p95: 300ms; it cannot be judged: others were loud.',
  });
});
