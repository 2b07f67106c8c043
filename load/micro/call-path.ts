/**
 * What the call path costs above bare grpc-js, step by step: each step of a cached GetMemory is switched
 * off in a server of its own, and the processor time of one call compared with that of the whole.
 *
 *   node load/micro/call-path.ts [--rounds 7] [--seconds 1] [--only RUNG] [--flags "--max-semi-space-size=16"]
 *
 * Needs h2load. All servers run at once and are asked in turn, A B A B, so that they share the weather;
 * processor time of all threads, garbage collection included, is what counts: unlike the wall clock it
 * hardly moves with what else the machine does. The echo of floors/ gets the same flags of Node.js.
 * What costs less than two servers of the same code differ by is for switched.ts.
 */
import { parseArgs } from 'node:util';
import { quantile, ratioOf } from '../alternate.ts';
import { type Child, startFloor } from '../child.ts';
import { runH2load } from '../h2load.ts';
import { cpuNanoseconds } from '../process.ts';
import { SERVER_FLAGS } from '../server.ts';
import { credential, getOneMemory, message } from './one-memory.ts';

/** By name, what is switched off in it. */
const RUNGS: Readonly<Record<string, string>> = {
  whole: '',
  'without statistics': 'stats',
  'without authentication': 'auth',
  'without decoding': 'decode',
  'without cache': 'cache',
  'without domain and cache': 'domain',
  'without all of these': 'stats,auth,decode,domain',
};
const ECHO = 'echo';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    flags: { type: 'string', default: SERVER_FLAGS.join(' ') },
  },
});

interface Rung {
  readonly name: string;
  readonly child: Child;
  readonly cpuUs: number[];
}

async function startRungs(): Promise<Rung[]> {
  const flags = options.flags.split(' ').filter(Boolean);
  const rungs = [
    {
      name: ECHO,
      child: await startFloor('floors/echo.ts', [message.toString('base64')], flags),
      cpuUs: [] as number[],
    },
  ];
  for (const [name, off] of Object.entries(RUNGS)) {
    if (!name.includes(options.only) && name !== 'whole') continue;
    const child = await startFloor('micro/call-path-server.ts', [off, credential, message.toString('base64')], flags);
    rungs.push({ name, child, cpuUs: [] });
  }
  return rungs;
}

async function measure({ child }: Rung): Promise<number> {
  const before = cpuNanoseconds(child.pid);
  const { units } = await runH2load(getOneMemory(child.address), Number(options.seconds));
  return (cpuNanoseconds(child.pid) - before) / 1000 / units;
}

const rungs = await startRungs();
try {
  for (let round = 0; round <= Number(options.rounds); round++) {
    for (const rung of rungs) {
      const cpuUs = await measure(rung);
      // The first round warms up.
      if (round > 0) rung.cpuUs.push(cpuUs);
    }
  }
} finally {
  for (const { child } of rungs) await child.stop();
}
const [echo, whole] = rungs;
console.log('| server | us of the processor a call | echo / this | saves against the whole |');
console.log('|---|---|---|---|');
for (const { name, cpuUs } of rungs) {
  const ratio = ratioOf(echo?.cpuUs ?? [], cpuUs);
  const saved = (quantile(whole?.cpuUs ?? [], 0.5) - quantile(cpuUs, 0.5)).toFixed(1);
  console.log(
    `| ${name} | ${quantile(cpuUs, 0.5).toFixed(1)} | ${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)}) | ${saved} |`,
  );
}
