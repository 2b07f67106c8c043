import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { commandOf } from '../../src/tui/keys.ts';
import { MemoriesSource } from '../../src/tui/source/memories.ts';
import { knownRows, PAGE_ROWS, rowAt } from '../../src/tui/state/memories/browser.ts';
import { askedServer, memoryWants } from '../../src/tui/state/memories/wants.ts';
import { reduce } from '../../src/tui/state/reduce.ts';
import { initialState, type MonitorState } from '../../src/tui/state/state.ts';
import { Store } from '../../src/tui/state/store.ts';
import { memoryServer, type TestWorkspace } from '../rpc-memory/harness.ts';

const ROWS = 1050;
const SCREEN_ROWS = 30;
const server = memoryServer();
let space: TestWorkspace;
const ends: (() => void)[] = [];

beforeAll(async () => {
  space = await server().newWorkspace();
  for (let first = 0; first < ROWS; first += PAGE_ROWS) {
    const memories = Array.from({ length: Math.min(PAGE_ROWS, ROWS - first) }, (_, i) => ({
      content: `memory ${first + i}`,
      category: 'fact',
      tags: first + i === 5 ? ['rare'] : [],
      metadata: { number: first + i },
    }));
    await space.memories.batchSaveMemories({ memories });
  }
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
  expect(server().faults).toEqual([]);
});

/** The browser of a monitor against the real server, driven by keys. */
async function openBrowser(credential?: string) {
  const store = new Store(initialState('server', Date.now(), { screen: 'memories', columns: 100, rows: SCREEN_ROWS }));
  const options = { address: server().address, credential: credential ?? (await space.credential()) };
  const source = new MemoriesSource(options, (answer) => store.dispatch({ kind: 'memory-answer', answer }));
  ends.push(
    () => source.close(),
    store.subscribe(() => source.serve(memoryWants(store.state()), askedServer(store.state()))),
  );
  server().calls();
  store.dispatch({ kind: 'memory-access', access: { kind: 'key', from: 'the test' } });
  const memories = () => store.state().memories;
  const press = (...keys: readonly string[]) => {
    for (const key of keys) {
      const command = commandOf(key);
      if (command === undefined) throw new Error(`${key} is no key`);
      store.dispatch({ kind: 'command', command });
    }
  };
  const type = (text: string) => {
    press('/');
    store.dispatch({ kind: 'filter-text', text });
    press('enter');
  };
  /** Until nothing more is wanted. */
  const settled = () =>
    expect.poll(() => memoryWants(store.state()).map(({ key }) => key), { timeout: 10_000 }).toEqual([]);
  return { store, memories, press, type, settled };
}

test('opening the screen makes one call for a page and one for the storage, and moving within it makes none', async () => {
  const { memories, press, settled } = await openBrowser();
  await settled();
  expect(server().calls()).toEqual({ ListMemories: 1, GetStorageInfo: 1 });
  expect(knownRows(memories())).toBe(PAGE_ROWS);
  press('j', 'j', 'pagedown', 'pagedown', 'k');
  await settled();
  expect(server().calls()).toEqual({});
  expect(memories()).toMatchObject({ row: 21, storage: { memories: BigInt(ROWS) } });
});

test('pages come as the cursor nears their end, each once, and only those around it are kept', async () => {
  const { memories, press, settled } = await openBrowser();
  await settled();
  const seen = new Set<string>();
  let most = 0;
  while (memories().total === undefined || memories().row < ROWS - 1) {
    press('pagedown');
    await settled();
    most = Math.max(most, memories().pages.length);
    for (let place = memories().row - 10; place <= memories().row; place++) {
      const row = rowAt(memories(), Math.max(0, place));
      if (row !== undefined && row !== 'gone') seen.add(row.id);
    }
  }
  expect(seen.size).toBe(ROWS);
  expect(most).toBeLessThanOrEqual(4);
  expect(memories().total).toBe(ROWS);
  expect(server().calls().ListMemories).toBe(Math.ceil(ROWS / PAGE_ROWS));
  // The way back: what was dropped is asked for again, from where it began.
  press('g');
  await settled();
  expect(memories().row).toBe(0);
  expect(memories().pages.map(({ index }) => index)).toEqual([0]);
  expect(rowAt(memories(), 0)).toMatchObject({ category: 'fact' });
  expect(server().calls().ListMemories).toBe(1);
});

test('of several servers the one that is looked at is asked, and of all together the first that answers', async () => {
  // The way to the same server through another address.
  const way = createServer((socket) => {
    const onward = connect(Number(server().address.split(':')[1]), '127.0.0.1');
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => way.once('listening', resolve));
  ends.push(() => way.close());
  const other = `127.0.0.1:${(way.address() as AddressInfo).port}`;
  const names = ['127.0.0.1:1', other, server().address];
  const { store, memories, press, settled } = await openBrowser();
  const asked = async (target: string) => {
    await expect.poll(() => memories().lastCall?.server, { timeout: 10_000 }).toBe(target);
    await settled();
  };
  await asked(server().address);
  store.dispatch({ kind: 'targets', names });
  for (const target of [other, server().address]) {
    store.dispatch({ kind: 'connection', target, connection: { phase: 'live' } });
  }
  press('R');
  await asked(other);
  // Opened, and left behind with the server it was read from.
  press('enter');
  await settled();
  press('t');
  expect(store.state().view.target).toBe(names[0]);
  expect(memories()).toMatchObject({ opened: undefined, pages: [], pane: 'list' });
  await expect.poll(() => memories().failures[0]?.problem.code, { timeout: 10_000 }).toBe('UNAVAILABLE');
  press('t');
  await asked(other);
  expect(memories().failures).toEqual([]);
  press('t');
  await asked(server().address);
  expect(knownRows(memories())).toBe(PAGE_ROWS);
});

test('G leads to the last row that is known, and says so while there are more', async () => {
  const { store, memories, press, settled } = await openBrowser();
  await settled();
  for (let known = PAGE_ROWS; known < ROWS; known += PAGE_ROWS) {
    press('G');
    expect(memories().row).toBe(known - 1);
    expect(store.state().view.notice).toBe(`row ${known}, and there are more: G goes on, o shows the other end first`);
    await settled();
  }
  press('G');
  await settled();
  expect(memories()).toMatchObject({ row: ROWS - 1, total: ROWS });
  expect(store.state().view.notice).toBeUndefined();
  // The other end is the first of the other order.
  const last = rowAt(memories(), ROWS - 1);
  press('o');
  await settled();
  expect(memories().order).toBe('update_time');
  expect(rowAt(memories(), 0)).toEqual(last);
});

test('texts are asked for when they are to be shown, and not kept when they are hidden again', async () => {
  const { memories, press, settled } = await openBrowser();
  await settled();
  expect(rowAt(memories(), 0)).toMatchObject({ text: undefined });
  press('x');
  await settled();
  expect(rowAt(memories(), 0)).toMatchObject({ text: expect.stringMatching(/^memory \d+$/) });
  expect(server().calls()).toEqual({ ListMemories: 2, GetStorageInfo: 1 });
  press('enter');
  await settled();
  expect(memories().opened?.memory?.content).toMatch(/^memory \d+$/);
  press('x');
  await settled();
  expect(JSON.stringify(memories(), (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toMatch(
    /"memory \d+"/,
  );
});

test('a memory is opened with its history, and two of its revisions are compared', async () => {
  const saved = await space.memories.saveMemory({ memory: { content: 'first words', key: 'compared' }, note: 'one' });
  for (const content of ['second words', 'third words'])
    await space.memories.updateMemory({ memory: { id: saved.id, content }, note: content });
  const { memories, press, type, settled } = await openBrowser();
  type('key = "compared"');
  await settled();
  expect(memories()).toMatchObject({ total: 1 });
  press('x', 'enter');
  await settled();
  expect(memories().opened).toMatchObject({
    memory: { content: 'third words' },
    revisions: [{ revision: 3 }, { revision: 2 }, { revision: 1, note: 'one' }],
  });
  server().calls();
  press('D');
  await settled();
  expect(server().calls()).toEqual({ GetRevision: 2 });
  expect(memories().opened?.bodies.map(({ memory }) => memory?.content)).toEqual(
    expect.arrayContaining(['second words', 'third words']),
  );
  // The oldest is compared with the newest, which Enter marked.
  press('enter', 'G');
  await settled();
  expect(server().calls()).toEqual({ GetRevision: 1 });
  // Hidden texts are not kept, and none is read to be compared unseen.
  press('x');
  expect(memories().opened?.bodies).toEqual([]);
  press('escape', 'D', 'k');
  await settled();
  expect(server().calls()).toEqual({});
  press('x');
  await settled();
  expect(server().calls()).toMatchObject({ GetRevision: 2 });
  press('escape', 'escape', 'escape');
  expect(memories()).toMatchObject({ opened: undefined, pane: 'list', filter: '' });
});

test('a filter that is wrong says so in its place, and is not asked again until it is another one', async () => {
  const { store, memories, type, settled } = await openBrowser();
  await settled();
  server().calls();
  type('category ==');
  await settled();
  expect(memories().failures).toMatchObject([{ problem: { code: 'INVALID_ARGUMENT' }, reason: 'INVALID_FILTER' }]);
  for (let second = 1; second <= 60; second++) store.dispatch({ kind: 'tick', nowMs: Date.now() + second * 500 });
  await settled();
  expect(server().calls()).toEqual({ ListMemories: 1 });
  type('category = "fact"');
  await settled();
  expect(memories().failures).toEqual([]);
  expect(knownRows(memories())).toBe(PAGE_ROWS);
});

test('short and empty pages, as a search that takes long is answered in, stand one behind the other', () => {
  const closed = initialState('server', 0, { screen: 'memories' });
  const access = { kind: 'key', from: 'the test' } as const;
  let state: MonitorState = { ...closed, memories: { ...closed.memories, access, storageMs: 0 } };
  const lengths = [3, 0, 0, 20, 0];
  const row = { id: '', key: '', owner: '', category: '', tags: [], createMs: 0, updateMs: 0, text: undefined };
  for (const [page, length] of lengths.entries()) {
    const [want, ...others] = memoryWants(state);
    if (want?.kind !== 'page') throw new Error('no page is wanted');
    expect(others).toEqual([]);
    expect(want).toMatchObject({ index: page, token: page === 0 ? '' : `token ${page}` });
    const rows = Array.from({ length }, (_, i) => ({ ...row, id: `${page}.${i}` }));
    const next = page === lengths.length - 1 ? '' : `token ${page + 1}`;
    const call = { what: 'page', ms: 1, traceId: '', server: '' };
    state = reduce(state, { kind: 'memory-answer', answer: { kind: 'page', want, rows, next, call } });
  }
  expect(state.memories.total).toBe(23);
  expect([0, 2, 3, 22].map((place) => rowAt(state.memories, place))).toMatchObject(
    ['0.0', '0.2', '3.0', '3.19'].map((id) => ({ id })),
  );
  expect(memoryWants(state)).toEqual([]);
});

test('a key that may not read says what is needed, and is not tried again by itself', async () => {
  const { store, memories, settled } = await openBrowser('mh_unknown');
  await settled();
  expect(memories().failures[0]).toMatchObject({ problem: { code: 'UNAUTHENTICATED' } });
  const before = memories().query;
  store.dispatch({ kind: 'command', command: 'retry' });
  await settled();
  expect(memories().query).toBe(before + 1);
});

test('an answer to an earlier question changes nothing', async () => {
  const { store, settled } = await openBrowser();
  await settled();
  const state = store.state();
  const want = memoryWants({ ...state, memories: { ...state.memories, pages: [] } })[0];
  if (want?.kind !== 'page') throw new Error('no page is wanted');
  const late = { kind: 'page', want: { ...want, query: want.query - 1 }, rows: [], next: '' } as const;
  const call = { what: 'page 1', ms: 1, traceId: '', server: '' };
  expect(reduce(state, { kind: 'memory-answer', answer: { ...late, call } })).toBe(state);
});
