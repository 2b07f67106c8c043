import { expect, it } from 'vitest';
import { exposition, prometheusName } from '../../src/server/telemetry/metrics/exposition.ts';
import { counter, type Family, gauge, type HistogramFamily } from '../../src/server/telemetry/metrics/family.ts';

const REQUESTS = counter('api.requests', '{request}', 'Calls ended', [[{ method: 'Get"\\\nMemory' }, 3n]]);
const HISTOGRAM: HistogramFamily = {
  type: 'histogram',
  name: 'api.request.duration',
  unit: 's',
  help: 'Time of a call',
  bounds: [0.1, 1],
  samples: [
    {
      labels: { 'rpc.method': 'a' },
      counts: [2, 0, 1],
      count: 3,
      sum: 7.25,
      min: 0.01,
      max: 7,
      exemplars: new Map([[2, { traceId: 'abc', value: 7, atMs: 1_700_000_000_500 }]]),
    },
  ],
};

it('writes OpenMetrics with units, exemplars and its end', () => {
  expect(exposition([REQUESTS, HISTOGRAM], 'openmetrics')).toBe(
    [
      '# HELP api_requests Calls ended.',
      '# TYPE api_requests counter',
      'api_requests_total{method="Get\\"\\\\\\nMemory"} 3',
      '# HELP api_request_duration_seconds Time of a call.',
      '# TYPE api_request_duration_seconds histogram',
      '# UNIT api_request_duration_seconds seconds',
      'api_request_duration_seconds_bucket{rpc_method="a",le="0.1"} 2',
      'api_request_duration_seconds_bucket{rpc_method="a",le="1.0"} 2',
      'api_request_duration_seconds_bucket{rpc_method="a",le="+Inf"} 3 # {trace_id="abc"} 7 1700000000.5',
      'api_request_duration_seconds_sum{rpc_method="a"} 7.25',
      'api_request_duration_seconds_count{rpc_method="a"} 3',
      '# EOF',
      '',
    ].join('\n'),
  );
});

it('writes the older format under the same names, without exemplars', () => {
  const lines = exposition([REQUESTS, HISTOGRAM], 'text').split('\n');
  expect(lines.slice(0, 2)).toEqual(['# HELP api_requests_total Calls ended.', '# TYPE api_requests_total counter']);
  expect(lines).toContain('api_request_duration_seconds_bucket{rpc_method="a",le="+Inf"} 3');
  expect(lines.filter((line) => line.includes('UNIT') || line.includes('EOF') || line.includes(' # '))).toEqual([]);
});

it.each<[Pick<Family, 'name' | 'unit' | 'type'>, string]>([
  [gauge('memoryhub.cache.size', 'By', '', []), 'memoryhub_cache_size_bytes'],
  [gauge('memoryhub.process.gc', '1', '', []), 'memoryhub_process_gc_ratio'],
  [gauge('memoryhub.redis.up', '', '', []), 'memoryhub_redis_up'],
  [gauge('nodejs.eventloop.delay.p99', 's', '', []), 'nodejs_eventloop_delay_p99_seconds'],
  [counter('memoryhub.postgres.commit.rows', '{row}', '', []), 'memoryhub_postgres_commit_rows'],
])('%o is %s', (family, name) => {
  expect(prometheusName(family)).toBe(name);
});
