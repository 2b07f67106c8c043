import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flameGraph } from './flame.ts';
import { runGhz } from './ghz.ts';
import { hotspots, profile } from './profile.ts';
import { startServer, writeMetadataFile } from './server.ts';

const RESULTS = join(import.meta.dirname, 'results');
const SHOWN = 30;

/** Profiles a server of its own under one scenario, once it is warm; writes the profile and a flame graph. */
export async function profileScenario(ghz: string, scenario: string, seconds: number): Promise<void> {
  const target = await startServer({ inspect: true });
  try {
    const metadata = ['--metadata-file', writeMetadataFile(target)];
    const run = (name: string, ...flags: string[]) => runGhz(ghz, name, target.address, [...metadata, ...flags]);
    await run('seed');
    await run(scenario, '--duration', '2s');
    const taken = await profile(target.inspectorUrl, () => run(scenario, '--duration', `${seconds}s`));
    for (const { name, share } of hotspots(taken, SHOWN))
      console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${name}`);
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(join(RESULTS, `${scenario}.cpuprofile`), JSON.stringify(taken));
    writeFileSync(join(RESULTS, `${scenario}-flame.svg`), flameGraph(taken));
    console.log(`\nload/results/${scenario}.cpuprofile (for a browser's tools), load/results/${scenario}-flame.svg`);
  } finally {
    await target.stop();
  }
}
