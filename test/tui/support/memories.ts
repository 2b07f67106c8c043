import { Setting } from '../../../src/shared/gen/memoryhub/v1/config_service.ts';
import { Memory, Operation, Revision, Scope } from '../../../src/shared/gen/memoryhub/v1/memory.ts';
import { GetStorageInfoResponse } from '../../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { timestampFromMs } from '../../../src/shared/time.ts';
import { revisionRowOf, rowOf } from '../../../src/tui/source/memory-rows.ts';
import type { Event } from '../../../src/tui/state/event.ts';
import type { MemoryAnswer } from '../../../src/tui/state/memories/answer.ts';
import { PAGE_ROWS } from '../../../src/tui/state/memories/browser.ts';
import { settingRow } from '../../../src/tui/state/memories/settings.ts';
import { type MemoryWant, memoryWants } from '../../../src/tui/state/memories/wants.ts';
import { reduce } from '../../../src/tui/state/reduce.ts';
import type { MonitorState } from '../../../src/tui/state/state.ts';
import { NOW_MS } from './frames.ts';

const TEXTS = [
  'Deploys happen Tuesdays 14:00-16:00 UTC, outside of the December freeze. Owner: the platform team.',
  'Prefers the evening for long meetings 🚀',
  '障害対応の手順：まずログを確認する。👩‍👩‍👧‍👦 家族 1️⃣',
  'Rollback of 1.3 was done by hand\n\x1b[2J\x1b]0;owned\x07because the job was stuck.\u202e',
];
const TEAMS = ['alpha', 'プラットフォーム', 'ops\x1b[31m'];
const ID = '01930f6e-7a3c-7c1e-9b1d-5a0c2e8f';

/** The memory at a place of the list: the same one in every run. */
export function memoryAt(place: number): Memory {
  const personal = place % 4 === 1;
  const atMs = NOW_MS - 120_000 * (place + 1) ** 1.5;
  return Memory.fromPartial({
    id: `${ID}${place.toString(16).padStart(4, '0')}`,
    key: place % 3 === 0 ? `deploy/window-${place}` : '',
    scope: personal ? Scope.PERSONAL : Scope.TEAM,
    userId: personal ? '7' : '',
    team: personal ? '' : (TEAMS[place % TEAMS.length] ?? ''),
    category: ['decision', 'preference', 'incident', '記録'][place % 4] ?? '',
    content: TEXTS[place % TEXTS.length] ?? '',
    tags: ['deploy', `n${place % 5}`],
    metadata: { ticket: `OPS-${place}`, steps: [1, 2], api_token: 'tok-secret' },
    revision: 3n,
    etag: String(4711 + place),
    author: 'svc-planner',
    createTime: timestampFromMs(atMs - 86_400_000),
    updateTime: timestampFromMs(atMs),
  });
}

export function revisionAt(place: number, revision: number): Revision {
  const memory = memoryAt(place);
  const content = ['', 'Deploys happen Thursdays 14:00-15:00 UTC. Owner: the platform team.', memory.content];
  return Revision.fromPartial({
    revision: BigInt(revision),
    operation: revision === 1 ? Operation.CREATE : Operation.UPDATE,
    author: revision === 2 ? 'mina' : 'svc-planner',
    note: ['', 'created', 'tags', 'narrower window 🚀'][revision] ?? '',
    createTime: timestampFromMs(NOW_MS - (4 - revision) * 7_200_000),
    memory: {
      ...memory,
      content: content[revision - 1] ?? '',
      tags: revision === 1 ? ['deploy'] : memory.tags,
      metadata: { ...memory.metadata, steps: revision },
      revision: BigInt(revision),
    },
  });
}

/** What a server with so many memories answers to a want. */
export function answerTo(want: MemoryWant, total: number): MemoryAnswer {
  const call = {
    what: want.kind === 'page' ? `page ${want.index + 1}` : want.kind,
    ms: 9.2,
    traceId: TRACE_ID,
    server: '127.0.0.1:50051',
  };
  switch (want.kind) {
    case 'page': {
      const first = want.token === '' ? 0 : Number(want.token);
      const rows = Array.from({ length: Math.min(PAGE_ROWS, total - first) }, (_, i) =>
        rowOf(memoryAt(first + i), want.withText),
      );
      const end = first + rows.length;
      return { kind: 'page', call, want, rows, next: end < total ? String(end) : '' };
    }
    case 'memory': {
      const memory = memoryAt(placeOf(want.id));
      const basic = { ...memory, content: '', metadata: undefined };
      return { kind: 'memory', call, want, memory: want.withText ? memory : basic };
    }
    case 'revisions': {
      const rows = [3, 2, 1].map((revision) => revisionRowOf(revisionAt(placeOf(want.id), revision)));
      return { kind: 'revisions', call, want, rows, next: '' };
    }
    case 'revision':
      return { kind: 'revision', call, want, body: revisionAt(placeOf(want.id), want.revision) };
    case 'settings':
      return { kind: 'settings', call, want, settings: SETTINGS.map(settingRow) };
    case 'storage':
      return { kind: 'storage', call, want, storage: storageOf(total) };
  }
}

export const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

const SETTINGS = [
  ['llm.provider', '', 'anthropic', 2, 'Which provider models are asked of.'],
  ['openai.api_key', '', '[sealed:AbCdEfGhIjKl]', 2, 'Key of the provider.'],
  [
    'retrieval',
    '',
    { limit: 20, auth: { password: 'hunter2', header: '[sealed:AbCdEfGhIjKl]' } },
    1,
    'How much is retrieved.',
  ],
  ['ui.language', '七\x1b[31m', '日本語 🇯🇵', 3, ''],
].map(([name, userId, value, source, description]) =>
  Setting.fromPartial({
    name: name as string,
    userId: userId as string,
    value,
    source: source as 1,
    author: source === 1 ? '' : 'mina',
    updateTime: source === 1 ? undefined : timestampFromMs(NOW_MS - 7_200_000),
    description: description as string,
  }),
);

function placeOf(id: string): number {
  return Number.parseInt(id.slice(ID.length), 16);
}

function storageOf(total: number): GetStorageInfoResponse {
  const count = (name: string, share: number) => ({
    name,
    memories: BigInt(Math.floor(total * share)),
    contentBytes: BigInt(Math.floor(total * share * 120)),
  });
  return GetStorageInfoResponse.fromPartial({
    ...count('', 1),
    deletedMemories: 12n,
    byScope: [count('TEAM', 0.75), count('PERSONAL', 0.25)],
    byTeam: [count('alpha', 0.4), count('プラットフォーム', 0.3)],
    byCategory: [count('decision', 0.25), count('preference', 0.25)],
    revision: 9000n,
    at: timestampFromMs(NOW_MS - 20_000),
  });
}

/** The events by which everything that is wanted was answered, until nothing is. */
export function answered(
  state: MonitorState,
  total: number,
): { state: MonitorState; events: Event[]; wants: MemoryWant[] } {
  const events: Event[] = [];
  const wants: MemoryWant[] = [];
  let current = state;
  for (let round = 0; round < 1000; round++) {
    const wanted = memoryWants(current);
    if (wanted.length === 0) return { state: current, events, wants };
    for (const want of wanted) {
      const event: Event = { kind: 'memory-answer', answer: answerTo(want, total) };
      wants.push(want);
      events.push(event);
      current = reduce(current, event);
    }
  }
  throw new Error('the browser never has enough');
}
