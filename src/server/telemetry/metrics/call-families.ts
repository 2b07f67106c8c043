import { type MethodStats, Stage } from '../../../shared/gen/memoryhub/v1/stats_service.ts';
import { CODE_NAMES } from '../../../shared/rpc-error.ts';
import { counter, type Family, gauge, type Labels } from './family.ts';
import { latencyFamily } from './latency.ts';
import type { MetricsView } from './view.ts';

/** Calls, by method: under the names of the conventions, and under those dashboards commonly ask for. */
export function callFamilies({ totals, recent }: MetricsView): Family[] {
  const { methods } = totals;
  const slowest = new Map(recent.methods.map((method) => [method.method, method.slowest]));
  const durations = (label: (method: string) => Labels) =>
    methods.map(({ method, latency }) => ({ labels: label(method), latency, slowest: slowest.get(method) ?? [] }));
  const byMethod = (value: (method: MethodStats) => bigint) =>
    methods.map((method) => [labelsOf(method.method), value(method)] as const);
  return [
    counter(
      'api.requests',
      '{request}',
      'Calls ended, by status code',
      methods.flatMap(({ method, codes }) =>
        codes.map(({ code, count }) => [{ ...labelsOf(method), code: codeName(code) }, count] as const),
      ),
    ),
    latencyFamily('api.request.duration', 'Time from the first byte of a call to its status', durations(labelsOf)),
    latencyFamily('rpc.server.call.duration', 'Duration of inbound calls', durations(conventionLabels)),
    counter(
      'memoryhub.rpc.started',
      '{request}',
      'Calls begun',
      byMethod(({ started }) => started),
    ),
    gauge(
      'memoryhub.rpc.in_flight',
      '{request}',
      'Calls under way',
      byMethod(({ inFlight }) => inFlight),
    ),
    counter(
      'memoryhub.rpc.received',
      'By',
      'Bytes of request messages',
      byMethod(({ bytesReceived }) => bytesReceived),
    ),
    counter(
      'memoryhub.rpc.sent',
      'By',
      'Bytes of response messages',
      byMethod(({ bytesSent }) => bytesSent),
    ),
    counter(
      'memoryhub.rpc.sent.messages',
      '{message}',
      'Response messages',
      byMethod((one) => one.messagesSent),
    ),
    counter(
      'memoryhub.rpc.stage.time',
      's',
      'Time that ended calls spent in a stage',
      methods.flatMap(({ method, stages }) =>
        stages.map(
          ({ stage, latency }) =>
            [{ ...labelsOf(method), stage: stageName(stage) }, (latency?.sum ?? 0) / 1e6] as const,
        ),
      ),
    ),
    counter(
      'memoryhub.shed',
      '{request}',
      'Calls and connections turned away for want of room or time',
      totals.shed.map(({ reason, count }) => [{ reason }, count] as const),
    ),
  ];
}

/** "memoryhub.v1.MemoryService/GetMemory" in two labels. */
function labelsOf(path: string): Labels {
  const [service = '', method = ''] = path.split('/');
  return { service, method };
}

function conventionLabels(path: string): Labels {
  return { 'rpc.system.name': 'grpc', 'rpc.method': path };
}

function codeName(code: number): string {
  return CODE_NAMES[code] ?? String(code);
}

const STAGE_NAMES = new Map<number, string>(Object.entries(Stage).map(([name, stage]) => [stage, name.toLowerCase()]));

function stageName(stage: Stage): string {
  return STAGE_NAMES.get(stage) ?? String(stage);
}
