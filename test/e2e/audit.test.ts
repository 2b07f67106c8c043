import { expect, it } from 'vitest';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { runCommand, ServerProcess } from '../support/server-process.ts';

it('a clean stop loses no refusal, and `memory-hub audit` shows it after the next start', async () => {
  const first = new ServerProcess();
  const address = await first.address();
  const stranger = new MemoryHub({ address, credential: `mh_${'0'.repeat(16)}_${'A'.repeat(43)}` });
  for (let call = 0; call < 7; call++) {
    await expect(stranger.memories.getStorageInfo({})).rejects.toMatchObject({ reason: 'CREDENTIAL_INVALID' });
  }
  stranger.close();
  expect(await first.stop()).toBe(0);
  const second = new ServerProcess({}, first.dataDir);
  try {
    const env = { MEMORYHUB_DATA_DIR: second.dataDir, MEMORYHUB_ADDRESS: await second.address() };
    const shown = await runCommand(['audit', '--refused', '--json'], { env });
    expect(shown.stderr).toBe('');
    const events = shown.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events).toMatchObject([
      { action: 'GetStorageInfo', reason: 'CREDENTIAL_INVALID', target: 'unknown', count: 7, peer: '127.0.0.1' },
    ]);
    const acts = await runCommand(['audit', '--acts', '--since', '1h'], { env });
    expect(acts.stdout).toContain('CreateApiKey');
    expect(acts.stdout).toContain('CreateWorkspace');
  } finally {
    await second.cleanUp();
  }
});
