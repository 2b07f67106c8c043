/**
 * What tracing of 1 % and statistics cost of a cached GetMemory. They are meant to cost less than two servers of the same
 * code differ by, and than a second of a shared machine differs from the next: so each is switched on and off in one
 * server, four times a second, while h2load asks it without a pause.
 *
 *   node load/micro/switched.ts [--pairs 60] [--only tracing|statistics]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { quantile, ratioOf } from '../alternate.ts';
import { startCollector } from '../collector.ts';
import { runH2load } from '../h2load.ts';
import { SERVER_FLAGS } from '../server.ts';
import type { Used } from './call-path-server.ts';
import { credential, getOneMemory, message } from './one-memory.ts';

const PART_MS = 250;
/** Until V8 has compiled all there is to compile, both ways. */
const WARM_UP_PAIRS = 24;

const { values: options } = parseArgs({
  options: { pairs: { type: 'string', default: '60' }, only: { type: 'string', default: '' } },
});
const pairs = WARM_UP_PAIRS + Number(options.pairs);

/** Microseconds of the processor a call, of each quarter of a second with the part on and with it off. */
async function measure(part: string, env: NodeJS.ProcessEnv): Promise<{ on: number[]; off: number[] }> {
  const server = fork('call-path-server.ts', ['', credential, message.toString('base64'), part], {
    cwd: import.meta.dirname,
    execArgv: SERVER_FLAGS,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
  const exited = once(server, 'exit');
  try {
    const [address] = (await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), 'line')) as [
      string,
    ];
    const seconds = ((2 * pairs + 8) * PART_MS) / 1000;
    const asking = runH2load(getOneMemory(address), seconds);
    const costs = { on: [] as number[], off: [] as number[] };
    const turn = async (on: boolean): Promise<Used> => {
      const used = once(server, 'message');
      server.send(on);
      return (await used)[0] as Used;
    };
    let before = await turn(false);
    for (let parts = 0; parts < 2 * pairs; parts++) {
      const isOn = parts % 2 === 1;
      await sleep(PART_MS);
      const now = await turn(!isOn);
      if (parts >= 2 * WARM_UP_PAIRS) {
        costs[isOn ? 'on' : 'off'].push((now.cpuUs - before.cpuUs) / (now.calls - before.calls));
      }
      before = now;
    }
    await asking;
    return costs;
  } finally {
    server.kill('SIGTERM');
    await exited;
  }
}

const collector = await startCollector();
const parts = {
  tracing: {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
  },
  statistics: {},
};
try {
  console.log('| | us of the processor a call, on | off | on / off (middle half) |\n|---|---|---|---|');
  for (const [part, env] of Object.entries(parts)) {
    if (!part.includes(options.only)) continue;
    const { on, off } = await measure(part, env);
    const ratio = ratioOf(on, off);
    const spread = `${ratio.median.toFixed(3)} (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)})`;
    console.log(`| ${part} | ${quantile(on, 0.5).toFixed(1)} | ${quantile(off, 0.5).toFixed(1)} | ${spread} |`);
    if (part === 'tracing' && collector.exports() === 0) throw new Error('no trace came: tracing was not on');
  }
} finally {
  await collector.stop();
}
