import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { contractFiles, declarations } from '../../docs/contract.ts';
import { quantity } from '../../docs/tables.ts';
import { Stage } from '../../src/server/domain/call-context.ts';
import { Consistency, Operation, Scope } from '../../src/server/domain/memory.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { adminMethods } from '../../src/server/rpc/admin/methods.ts';
import { configMethods } from '../../src/server/rpc/config/methods.ts';
import { memoryMethods } from '../../src/server/rpc/memory/memory-methods.ts';
import type { AnyMethod } from '../../src/server/rpc/method.ts';
import { getStats } from '../../src/server/rpc/stats/get-stats.ts';
import { watchStats } from '../../src/server/rpc/stats/watch-stats.ts';
import { ERROR_REASONS } from '../../src/shared/error-reasons.ts';
import { LIMITS, type LimitName } from '../../src/shared/limits.ts';
import { rolesIn } from '../support/contract-roles.ts';
import { javaClashes } from './java-accessors.ts';

const files = contractFiles();
const declared = new Map(declarations(files).map((each) => [each.name.replace('memoryhub.v1.', ''), each]));

/** The numbers of an enum of the contract by their names without its prefix, 0 left out. */
function numbersOf(prefix: string): Record<string, number> {
  const values = [...declared.values()].filter(({ kind, number }) => kind === 'value' && number !== 0);
  return Object.fromEntries(
    values
      .map(({ name, number = -1 }) => [name.replace('memoryhub.v1.', ''), number] as const)
      .filter(([name]) => name.startsWith(`${prefix}_`))
      .map(([name, number]) => [name.slice(prefix.length + 1), number]),
  );
}

describe('the contract and the code', () => {
  it.each([
    ['SCOPE', Scope],
    ['OPERATION', Operation],
    ['CONSISTENCY', Consistency],
    ['ROLE', Role],
    ['STAGE', Stage],
  ])('give %s the same names and numbers', (prefix, inCode) => {
    expect(inCode).toEqual(numbersOf(prefix));
  });

  it('know the same reasons of errors, with the same status', () => {
    expect(Object.keys(ERROR_REASONS)).toEqual(Object.keys(numbersOf('ERROR_REASON')));
    for (const [reason, code] of Object.entries(ERROR_REASONS)) {
      expect(declared.get(`ERROR_REASON_${reason}`)?.comment, reason).toMatch(new RegExp(`^${status[code]}\\. `));
    }
  });

  it('have the same RPCs, for the roles their comments name', () => {
    // The tables of methods look at their service only when they are called.
    const none = undefined as never;
    const methods: AnyMethod[] = [
      ...memoryMethods(none, none),
      ...configMethods(none),
      ...adminMethods(none, none, none, none),
      ...[getStats(none), watchStats(none)],
    ];
    const served = Object.fromEntries(methods.map(({ definition, roles }) => [definition.path, roles.toSorted()]));
    const promised = [...declared.values()]
      .filter(({ kind }) => kind === 'method')
      .map(({ name, comment }) => [`/${name.replace(/\.(\w+)$/, '/$1')}`, rolesIn(comment)]);
    expect(served).toEqual(Object.fromEntries(promised));
  });
});

/** Where the contract says each limit. */
const STATED_IN: Readonly<Record<LimitName, readonly string[]>> = {
  contentBytes: ['Memory.content'],
  keyBytes: ['Memory.key', 'MemoryKey.key'],
  identifierBytes: ['Memory.user_id', 'Memory.team', 'Memory.category'],
  tags: ['Memory.tags'],
  tagBytes: ['Memory.tags'],
  metadataBytes: ['Memory.metadata'],
  metadataDepth: ['Memory.metadata'],
  sealedValues: ['Memory.metadata'],
  settingNameBytes: ['Setting.name'],
  settingBytes: ['Setting.value'],
  settingHistory: ['ListConfigHistoryRequest.limit'],
  profileSeconds: ['CaptureProfileRequest.seconds'],
  noteBytes: [
    'SaveMemoryRequest.note',
    'UpdateMemoryRequest.note',
    'DeleteMemoryRequest.note',
    'RestoreMemoryRequest.note',
    'BatchSaveMemoriesRequest.note',
    'BatchDeleteMemoriesRequest.note',
    'SetConfigRequest.note',
    'DeleteConfigRequest.note',
    'ImportConfigRequest.note',
    'PurgeMemoriesRequest.note',
    'EraseUserRequest.note',
  ],
  ttlSeconds: ['Memory.ttl', 'ApiKey.ttl', 'RotateKeysRequest.ttl'],
  batchItems: [
    'MemoryService.BatchSaveMemories',
    'MemoryService.BatchGetMemories',
    'MemoryService.BatchDeleteMemories',
    'BatchSaveMemoriesRequest.memories',
    'BatchGetMemoriesRequest.ids',
    'BatchDeleteMemoriesRequest.targets',
    'ImportConfigRequest.settings',
    'PurgeMemoriesRequest.ids',
  ],
  unaryBytes: [
    'MemoryService',
    'BatchSaveMemoriesResponse.memories',
    'BatchGetMemoriesResponse.remaining_ids',
    'BatchDeleteMemoriesResponse.memories',
  ],
  streamBytes: ['MemoryService'],
  filterBytes: ['ListMemoriesRequest.filter'],
  filterDepth: ['ListMemoriesRequest.filter'],
  listLimit: ['ListMemoriesRequest.limit', 'ListRevisionsRequest.limit', 'ListAuditEventsRequest.limit'],
  tokenBytes: [
    'ListMemoriesRequest.page_token',
    'ExportMemoriesRequest.resume_token',
    'ListRevisionsRequest.page_token',
    'ListAuditEventsRequest.page_token',
  ],
  deadlineSeconds: ['MemoryService'],
  watchIntervalMs: ['WatchStatsRequest.interval'],
  watchReplayMs: ['WatchStatsRequest.replay'],
  watchMethods: ['WatchStatsRequest.methods'],
  watchDetailMethods: ['WatchStatsRequest.detail_methods'],
  keyNameBytes: ['ApiKey.name'],
  keyTeams: ['ApiKey.teams'],
  keyOverlapSeconds: ['RotateKeysRequest.overlap'],
  rotatedKeys: ['RotateKeysRequest.ids'],
  workspaceNameBytes: ['Workspace.name'],
  descriptionBytes: ['Workspace.description', 'ApiKey.description'],
};

/** What the contract bounds in its answers; these are no limits of requests. */
const OTHER_BOUNDS = [
  'MemoryService.GetStorageInfo',
  'GetStorageInfoResponse.by_team',
  'GetStorageInfoResponse.by_category',
  'StatsFrame.clients',
  'MethodStats.slowest',
];

describe('the limits in the comments of the contract', () => {
  it.each(Object.entries(STATED_IN))('say %s as the table of limits has it', (name, places) => {
    const { min, max, unit } = LIMITS[name as LimitName];
    for (const place of places) {
      const comment = declared.get(place)?.comment ?? '';
      expect(
        spellings(max, unit).some((text) => has(comment, text)),
        `${place} has ${spellings(max, unit)}`,
      ).toBe(true);
      if (min > 1)
        expect(
          spellings(min, unit).some((text) => has(comment, text)),
          `${place} at least`,
        ).toBe(true);
    }
  });

  it('are all there are', () => {
    const stated = new Set([...Object.values(STATED_IN).flat(), ...OTHER_BOUNDS]);
    const bounded = [...declared].filter(([, { comment }]) =>
      /\bup to [\d,]+|\bat most [\d,]+|\b1 to [\d,]+/.test(comment),
    );
    expect(bounded.map(([name]) => name).filter((name) => !stated.has(name))).toEqual([]);
    expect(OTHER_BOUNDS.filter((name) => !bounded.some(([each]) => each === name))).toEqual([]);
  });
});

function spellings(value: number, unit: string): string[] {
  return [
    quantity(value, unit),
    quantity(value, unit).replace('milliseconds', 'ms'),
    `${value}`,
    value.toLocaleString('en'),
  ];
}

function has(comment: string, text: string): boolean {
  return new RegExp(`(?<![\\d,])${text}(?![\\d,]*\\d)`).test(comment);
}

describe('the contract in other languages', () => {
  it.each(files.map((file) => [file.name, file.options] as const))('%s says where its code goes', (_, options) => {
    expect(options).toMatchObject({
      goPackage: 'github.com/memory-hub/memory-hub/gen/go/memoryhub/v1;memoryhubv1',
      javaPackage: 'io.memoryhub.v1',
      javaMultipleFiles: true,
      csharpNamespace: 'MemoryHub.V1',
    });
  });

  it('has a comment on everything it declares', () => {
    expect(declared.size).toBeGreaterThan(300);
    expect([...declared.values()].filter(({ comment }) => comment === '')).toEqual([]);
  });

  it('gives no two accessors in Java the same name', () => {
    expect(files.flatMap((file) => file.messageType.flatMap(javaClashes))).toEqual([]);
  });
});
