import { randomBytes } from 'node:crypto';
import { loadavg } from 'node:os';
import { bench, do_not_optimize, run } from 'mitata';
import { parseFilter } from '../../src/server/domain/filter/parse.ts';
import { type Memory, Scope } from '../../src/server/domain/memory.ts';
import { protoCodec } from '../../src/server/rpc/memory/proto-codec.ts';
import type { DataKeys, WorkspaceKeys } from '../../src/server/security/sealing/data-keys.ts';
import { SealCache } from '../../src/server/security/sealing/seal-cache.ts';
import { ValueSealer } from '../../src/server/security/sealing/value-sealer.ts';
import { TokenSealer } from '../../src/server/security/token-sealer.ts';
import { LatencyHistogram } from '../../src/shared/histogram.ts';
import { SensitiveNames } from '../../src/shared/sensitive-names.ts';

/**
 * `npm run bench`: what the small steps cost that calls are made of, as a Markdown table. Each is run
 * for about half a second; of what shares the machine, the least of its samples shows least.
 */

const memory: Memory = {
  id: '018f0000-0000-7000-8000-000000000000',
  key: 'deploys/when',
  scope: Scope.TEAM,
  userId: '',
  team: 'platform',
  category: 'decision',
  content: `Deploys happen Tuesdays 14:00-16:00 UTC, outside of the December freeze. ${'x'.repeat(230)}`,
  tags: ['deploy', 'load'],
  metadata: { ticket: 'OPS-1234', priority: 3 },
  revision: 3,
  changeNo: 123_456,
  author: 'bench',
  createTime: 1_700_000_000_000_000,
  updateTime: 1_700_000_100_000_000,
  expireTime: undefined,
  deleteTime: undefined,
};
const encoded = protoCodec.encode(memory);
bench(`encode a memory of ${encoded.length} bytes`, () => do_not_optimize(protoCodec.encode(memory)));
bench('decode it', () => do_not_optimize(protoCodec.decode(encoded)));

const keys: WorkspaceKeys = { byGeneration: new Map([[1, randomBytes(32)]]), newest: 1, digestKey: randomBytes(32) };
const cache = new SealCache();
// Sealing with keys at hand asks for none.
const sealer = new ValueSealer(undefined as unknown as DataKeys, cache, { seal: () => {}, open: () => {} });
const row = { workspaceId: 1, kind: 'memory', row: memory.id } as const;
const key = 'AAAAAAAAAAAA api_key';
const text = JSON.stringify('x'.repeat(40));
const sealed = sealer.sealWith(keys, { row, key, text });
bench('seal a value of 40 bytes', () => do_not_optimize(sealer.sealWith(keys, { row, key, text })));
bench('open it', () => {
  cache.clear();
  do_not_optimize(sealer.openWith(keys, { row, key, text: sealed }, sealer.era));
});

const tokens = new TokenSealer(randomBytes(32));
const payload = Buffer.from(JSON.stringify([1, memory.createTime, memory.id]));
const context = JSON.stringify(['ListMemories', 1, '', 'category = "decision"', 'create_time desc', false]);
const token = tokens.seal(payload, context);
bench('seal a page token', () => do_not_optimize(tokens.seal(payload, context)));
bench('open it ', () => do_not_optimize(tokens.open(token, context, 'page_token')));

const histogram = new LatencyHistogram();
const minute = new LatencyHistogram();
for (let us = 1; us < 1_000_000; us = Math.ceil(us * 1.02)) histogram.record(us);
let us = 1;
bench('record a latency', () => {
  us = (us * 48_271) % 2_147_483_647;
  histogram.record(us & 0xf_ffff);
});
bench('merge two histograms of 20 octaves', () => minute.add(histogram));
bench('a p99 of one', () => do_not_optimize(minute.percentile(99)));

const names = new SensitiveNames([]);
bench('parse the filter team = "a"', () => do_not_optimize(parseFilter('team = "platform"', names)));
const long =
  'category = "decision" AND (tags:"deploy" OR content:"freeze") AND NOT author = "bot" AND metadata.priority > 2';
bench('parse one of five comparisons', () => do_not_optimize(parseFilter(long, names)));

const { benchmarks } = await run({ format: 'quiet' });
console.log(`load average ${loadavg()[0]?.toFixed(1)}; Node.js ${process.version}\n`);
console.log('| what | least us | median us | p99 us |\n|---|---|---|---|');
for (const { alias, runs } of benchmarks) {
  const [first] = runs;
  if (first?.stats === undefined) throw first?.error ?? new Error(`${alias} was not measured`);
  const { min, p50, p99 } = first.stats;
  console.log(`| ${alias.trim()} | ${[min, p50, p99].map((ns) => (ns / 1000).toFixed(3)).join(' | ')} |`);
}
