import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { testCluster } from '../faults/support/cluster.ts';
import { TmuxSession, tmuxSuite } from './support/tmux.ts';

const cluster = testCluster({ servers: 2 });

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const keyFile = (server: number, name: 'operator' | 'admin') => join(cluster.server(server).dataDir, `${name}.key`);

async function watching(address: string): Promise<TmuxSession> {
  const session = await TmuxSession.open(120, 36);
  closers.push(() => session.close());
  const keys = ['--key-file', keyFile(0, 'operator'), '--memory-key-file', keyFile(0, 'admin')];
  await session.monitor(['--address', address, ...keys]);
  await session.until((screen) => screen.includes('LIVE'));
  return session;
}

/** Saves on a server without end, whatever becomes of it, one at a time. */
function load(server: number): void {
  let ended = false;
  const running = (async () => {
    const hub = await cluster.server(server).connect();
    for (let i = 0; !ended; i++) {
      await hub.memories
        .saveMemory({ memory: { content: `the words of call ${i}`, category: 'load' } })
        .catch(() => {});
      await sleep(20);
    }
    hub.close();
  })();
  closers.push(() => {
    ended = true;
    return running;
  });
}

tmuxSuite('the monitor in a real terminal before real servers', () => {
  test.each([
    ['SIGKILL', 0],
    ['SIGTERM', 1],
  ] as const)(
    'a server ended by %s is told with its age and reason over what it did last, and its successor counted',
    async (signal, index) => {
      load(index);
      const session = await watching(cluster.address(index));
      // The lag is that of a frame of now: those of the past, which come first, have no age.
      await session.until((screen) => /LIVE[\s\S]* lag [\s\S]*▸ SaveMemory/.test(screen));
      const fresh = await session.painted();
      await cluster.server(index).stop(signal);
      const lost = await session.until((screen) =>
        /RETRY (in \d+s|now), last data \ds ago: UNAVAILABLE \S/.test(screen),
      );
      expect(lost).toContain('▸ SaveMemory');
      // The row of the method is there as before, with every colour but the one for what is old taken from it.
      expect(coloursOf(fresh, 'SaveMemory').size).toBeGreaterThan(1);
      expect(coloursOf(await session.painted(), 'SaveMemory').size).toBe(1);
      // A server that is away for longer than one try is still told of, and older.
      await session.until((screen) => /last data ([3-9]|\d\d)s ago: UNAVAILABLE/.test(screen));
      await cluster.restart(index);
      const back = await session.until((screen) => screen.includes('LIVE') && screen.includes('1 restart'));
      expect(back).not.toContain('RETRY');
      await session.until((screen) => /▸ SaveMemory/.test(screen));
      await session.press('q');
      await session.ended();
    },
  );

  test('two servers watched together are killed and restarted one after the other, and the monitor stays', async () => {
    const addresses = [cluster.address(0), cluster.address(1)];
    load(0);
    load(1);
    const session = await watching(addresses.join(','));
    await session.until((screen) => /2 servers +\[\S+ LIVE\]/.test(screen));
    await session.until((screen) => screen.includes('SaveMemory'));
    const monitor = await session.childPid();
    for (const index of [1, 0]) {
      await cluster.server(index).stop('SIGKILL');
      const told = `LIVE 1 of 2]  ! ${addresses[index]} down `;
      const without = await session.until((screen) => screen.includes(told));
      // What the other does is shown, not dimmed as if it were old.
      expect(coloursOf(await session.painted(), 'SaveMemory').size, without).toBeGreaterThan(1);
      // Since when: the age grows.
      await session.until((screen) => new RegExp(`${addresses[index]} down ([3-9]|\\d\\d)s`).test(screen));
      await cluster.restart(index);
      await session.until((screen) => /2 servers +\[\S+ LIVE\]/.test(screen) && !screen.includes(' down '));
    }
    await session.until((screen) => screen.includes('2 restarts'));
    await Promise.all([cluster.server(0).stop('SIGKILL'), cluster.server(1).stop('SIGKILL')]);
    await session.until((screen) => /RETRY (in \d+s|now), last data \ds ago: UNAVAILABLE/.test(screen));
    // Each alone, and both on the screen of events.
    await session.press('6');
    await session.until((screen) => screen.includes('Servers (0 of 2 answer)'));
    await Promise.all([cluster.restart(0), cluster.restart(1)]);
    await session.until((screen) => screen.includes('Servers (2 of 2 answer)'));
    await session.press('1');
    await session.until((screen) => /2 servers +\[\S+ LIVE\]/.test(screen) && screen.includes('4 restarts'));
    expect(await session.childPid()).toBe(monitor);
    await session.press('q');
    await session.ended();
  });

  test('memories of the server are listed and opened without their text until x', async () => {
    const admin = await cluster.server(0).connect();
    closers.push(() => admin.close());
    await admin.memories.saveMemory({ memory: { key: 'deploy/window', content: 'Deploys happen on Tuesdays' } });
    const session = await watching(cluster.address(0));
    await session.press('3');
    await session.until((screen) => screen.includes('▸') && screen.includes('deploy/window'));
    await session.press('Enter');
    const hidden = await session.until((screen) => screen.includes('hidden; x shows it'));
    expect(hidden).not.toContain('Tuesdays');
    await session.press('x');
    await session.until((screen) => screen.includes('Deploys happen on Tuesdays'));
    await session.press('x');
    await session.until((screen) => screen.includes('hidden; x shows it') && !screen.includes('Tuesdays'));
  });
});

/** Colours of the row with this text. */
function coloursOf(painted: string, text: string): ReadonlySet<string> {
  const row = painted.split('\n').find((line) => line.includes(text)) ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
  const sequences = [...row.matchAll(/\x1b\[([\d;]*)m/g)].map(([, codes]) => codes ?? '');
  return new Set(sequences.filter((codes) => /(^|;)(38|3[0-7]|9[0-7])(;|$)/.test(codes)));
}
