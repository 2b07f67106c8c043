import { describe, expect, test } from 'vitest';
import { conditionText, parseCondition } from '../../../src/shared/alerts/condition.ts';
import { CALL_METRICS, SERVER_METRICS } from '../../../src/shared/alerts/metrics.ts';

test.each([
  ['GetMemory.p99<50ms', 'GetMemory', 'p99', '<', 50_000],
  ['  *.p95 >= 1.5 s ', '*', 'p95', '>=', 1_500_000],
  ['Health/Check.max<3us', 'Health/Check', 'max', '<', 3],
  ['api.errors<=1%', 'api', 'errors', '<=', 0.01],
  ['api.errors<0.01', 'api', 'errors', '<', 0.01],
  ['api.rate>100/s', 'api', 'rate', '>', 100],
  ['rss<500MB', undefined, 'rss', '<', 500e6],
  ['rss<500MiB', undefined, 'rss', '<', 500 * 2 ** 20],
  ['postgres.query.p99<5ms', undefined, 'postgres.query.p99', '<', 5000],
  ['redis.up==1', undefined, 'redis.up', '==', 1],
])('%s is read', (text, subject, metricName, comparison, threshold) => {
  expect(parseCondition(text)).toMatchObject({ subject, metricName, comparison, threshold });
});

test.each([
  ['GetMemory.p99', /is no condition: give a metric, one of < <= > >= == != and a value/],
  ['', /is no condition/],
  ['GetMemory.p98<50ms', /calls have no metric p98; they have p50, p90, p95/],
  ['pool.wating>0', /there is no metric pool\.wating\..*pool\.waiting/],
  ['toString.p99<1ms', /there is no metric toString\.p99/],
  ['constructor>1', /there is no metric constructor/],
  ['GetMemory.p99<50', /50 is no value for GetMemory\.p99: it takes a number, unit us, µs, ms, s or m/],
  ['GetMemory.p99<50MB', /50MB is no value/],
  ['rss<-1MB', /-1MB is no value/],
  ['gc<abc', /unit none or %/],
])('%s is refused with what is wrong', (text, message) => {
  expect(() => parseCondition(text)).toThrow(message);
});

test('a condition in words is itself a condition with the same meaning', () => {
  for (const text of ['api.p95 < 200ms', 'rss < 500MB', 'api.faults <= 1%', 'pool.waiting == 0']) {
    const condition = parseCondition(text);
    const again = parseCondition(conditionText(condition).replace('api ', 'api.'));
    expect(again).toMatchObject({ threshold: condition.threshold, comparison: condition.comparison });
  }
});

describe('every metric', () => {
  test.each([...Object.entries(CALL_METRICS), ...Object.entries(SERVER_METRICS)])('%s says what it is', (_, metric) => {
    expect(metric.help).toMatch(/^[A-Z0-9a-z'].{5,}[^.]$/);
  });
});
