import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimDataDir, findServer, type ServerRecord } from '../../src/server/database/embedded/claim.ts';
import { processStart } from '../../src/server/database/embedded/processes.ts';
import { findTarget } from '../../src/shared/discovery.ts';
import { runChild } from './embedded-child.ts';

let dataDir: string;
let serverFile: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'memory-hub-claim-'));
  serverFile = join(dataDir, 'server.json');
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function leaveRecord(record: Partial<ServerRecord>): void {
  const whole = { pid: process.pid, start: '', id: 'left', address: '127.0.0.1:1', since: '', ...record };
  writeFileSync(serverFile, JSON.stringify(whole));
}

const address = '127.0.0.1:50051';

test('a claim tells the others where the server is, and is gone when it is released', () => {
  const claim = claimDataDir(dataDir, { address: '127.0.0.1:0', version: '1.2.3' });
  claim.setAddress('127.0.0.1:4711');
  expect(findServer(dataDir)).toMatchObject({ pid: process.pid, address: '127.0.0.1:4711', version: '1.2.3' });
  expect(findTarget({ key: 'admin', env: { MEMORYHUB_DATA_DIR: dataDir } }).address).toBe('127.0.0.1:4711');
  claim.release();
  expect(findServer(dataDir)).toBeUndefined();
  expect(readdirSync(dataDir)).toEqual([]);
});

test('a data directory in use is refused, with pid and address of the server that has it', async () => {
  const other = await runChild({ dataDir, claim: '127.0.0.1:4712' });
  const text = `The data directory ${dataDir} is in use by the server with pid ${other.pid} at 127.0.0.1:4712.`;
  expect(() => claimDataDir(dataDir, { address })).toThrow(text);
  expect(() => claimDataDir(dataDir, { address })).toThrow(expect.objectContaining({ code: 'in_use' }));
  await other.kill();
  claimDataDir(dataDir, { address }).release();
});

test('one process claims a directory once', () => {
  const claim = claimDataDir(dataDir, { address });
  expect(() => claimDataDir(dataDir, { address })).toThrow(/in use/);
  claim.release();
});

test('the claim of a dead process is taken over, and it can neither move nor remove its successor', () => {
  const late = claimDataDir(dataDir, { address: '127.0.0.1:1' });
  leaveRecord({ pid: 2 ** 22 + 1 });
  const claim = claimDataDir(dataDir, { address });
  late.setAddress('127.0.0.1:2');
  late.release();
  expect(findServer(dataDir)?.address).toBe(address);
  expect(readdirSync(dataDir)).toEqual(['server.json']);
  claim.release();
});

test('the claim of a dead process is taken over also when its pid is used again', () => {
  leaveRecord({ start: 'long ago' });
  expect(findServer(dataDir)).toBeUndefined();
  claimDataDir(dataDir, { address }).release();
});

test('a claim is refused while another living process is taking it over, and not when that one died meanwhile', () => {
  leaveRecord({ start: 'long ago' });
  const taker = { pid: process.pid, id: 'taker', address: '127.0.0.1:3', since: '' };
  writeFileSync(`${serverFile}.left`, JSON.stringify({ ...taker, start: processStart(process.pid) }));
  expect(() => claimDataDir(dataDir, { address })).toThrow(/at 127\.0\.0\.1:3/);
  writeFileSync(`${serverFile}.left`, JSON.stringify({ ...taker, start: 'long ago' }));
  const claim = claimDataDir(dataDir, { address });
  expect(readdirSync(dataDir)).toEqual(['server.json']);
  claim.release();
});

test('a record that the power failed in is no claim', () => {
  writeFileSync(serverFile, '');
  claimDataDir(dataDir, { address }).release();
  expect(readdirSync(dataDir)).toEqual([]);
});

test('of many processes that race for a dead claim, one wins', async () => {
  leaveRecord({ start: 'long ago' });
  const racers = await Promise.all([1, 2, 3, 4, 5, 6].map((port) => runChild({ dataDir, claim: `127.0.0.1:${port}` })));
  const winners = racers.filter(({ answer }) => answer.code === undefined);
  expect(winners).toHaveLength(1);
  expect(racers.filter(({ answer }) => answer.code === 'in_use')).toHaveLength(5);
  expect((JSON.parse(readFileSync(serverFile, 'utf8')) as ServerRecord).pid).toBe(winners[0]?.pid);
  await Promise.all(racers.map(({ kill }) => kill()));
});
