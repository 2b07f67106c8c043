import type { ProcessStats } from '../../../shared/gen/memoryhub/v1/stats_service.ts';
import { msFromTimestamp } from '../../../shared/time.ts';
import { type Family, gauge } from './family.ts';
import type { MetricsView } from './view.ts';

/** The server as such, and each of its processes: under the conventions' names where they have one. */
export function processFamilies({ totals, recent }: MetricsView): Family[] {
  const { version, replica, bootId, bootTime, clients, connections, configLoadUs } = totals;
  const processes = recent.processes.length > 0 ? recent.processes : totals.processes;
  const each = (value: (process: ProcessStats) => bigint | number) =>
    processes.map((process) => [{ worker: String(process.worker) }, value(process)] as const);
  return [
    gauge('memoryhub.build.info', '', 'What runs: always 1', [[{ version, replica, boot_id: bootId }, 1]]),
    gauge(
      'process.start.time',
      's',
      'When the server started, since 1970',
      bootTime === undefined ? [] : [[{}, msFromTimestamp(bootTime) / 1000]],
    ),
    gauge('memoryhub.config.load.duration', 's', 'Time the configuration took to load', [
      [{}, Number(configLoadUs) / 1e6],
    ]),
    gauge('memoryhub.connections', '{connection}', 'Client connections open', [[{}, connections?.connections ?? 0]]),
    gauge('memoryhub.streams', '{stream}', 'Streams open', [[{}, connections?.streams ?? 0]]),
    gauge('memoryhub.streams.stalled', '{stream}', 'Of these, those of which nothing was read for a second or longer', [
      [{}, clients.reduce((sum, { stalledStreams }) => sum + stalledStreams, 0n)],
    ]),
    gauge('memoryhub.watchers', '{stream}', 'Of these, monitors', [[{}, connections?.watchers ?? 0]]),
    gauge(
      'process.memory.usage',
      'By',
      'Resident memory of a process',
      each((one) => one.rssBytes),
    ),
    gauge(
      'v8js.memory.heap.used',
      'By',
      'JavaScript heap in use',
      each((one) => one.heapUsedBytes),
    ),
    gauge(
      'memoryhub.process.memory.external',
      'By',
      'Memory of buffers outside the heap',
      each((one) => one.externalBytes),
    ),
    gauge(
      'memoryhub.process.cpu',
      '1',
      'Processor time of a process in the last 15 s: 1 is a core',
      each((one) => one.cpu),
    ),
    gauge(
      'nodejs.eventloop.delay.p99',
      's',
      '99th percentile of event loop delay, the worst second of the last 15',
      each((one) => one.loopDelayP99Us / 1e6),
    ),
    gauge(
      'nodejs.eventloop.utilization',
      '1',
      'Share of the last 15 s in which the event loop was busy',
      each((one) => one.loopUtilization),
    ),
    gauge(
      'memoryhub.process.gc',
      '1',
      'Share of the last 15 s spent collecting garbage',
      each((one) => one.gcShare),
    ),
  ];
}
