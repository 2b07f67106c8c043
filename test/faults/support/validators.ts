import type { Failure, History, Read, Stored, StoredRow, Write } from './history.ts';

/** Each validator gives one sentence for everything that is wrong: nothing, when all is well. */
export type Problems = string[];

/** V1: every acknowledged write is in the history as it was answered, and present or superseded. */
export function acknowledgedIsKept({ writes }: History, stored: Stored): Problems {
  const problems: Problems = [];
  const revisions = byName(stored.revisions, (row) => `${row.workspace}/${row.change}`);
  const memories = byName(stored.memories, nameOf);
  for (const write of writes.filter(({ outcome }) => outcome === 'ok')) {
    for (const [index, id] of write.ids.entries()) {
      const { workspace } = write;
      const change = write.changes[index] ?? 0n;
      const revision = revisions.get(`${workspace}/${change}`)?.[0];
      if (revision?.id !== id || revision.value !== write.values[index]) {
        problems.push(`acknowledged change ${change} of ${workspace}/${id} is not in the history`);
      }
      const memory = memories.get(nameOf({ workspace, id }))?.[0];
      if (memory === undefined || memory.change < change) {
        problems.push(`acknowledged change ${change} of ${workspace}/${id} is lost: ${memory?.change} is there`);
      }
    }
  }
  const newest = new Map(stored.revisions.map((row) => [nameOf(row), row]));
  for (const memory of stored.memories) {
    const last = newest.get(nameOf(memory));
    if (last?.change !== memory.change || last.value !== memory.value) {
      problems.push(`${nameOf(memory)} is not what the newest revision of it says`);
    }
  }
  return problems;
}

/**
 * V2: a request_id that succeeded was carried out once, one that failed never; nothing is there that
 * nobody sent; and change numbers are consecutive.
 */
export function onceOrNever({ writes }: History, stored: Stored): Problems {
  const problems: Problems = [];
  const revisions = byName(stored.revisions, ({ workspace, value }) => `${workspace}/${value}`);
  const requests = byName(stored.requests, ({ workspace, requestId }) => `${workspace}/${requestId}`);
  const sent = new Set(writes.flatMap(({ workspace, values }) => values.map((value) => `${workspace}/${value}`)));
  for (const name of revisions.keys()) if (!sent.has(name)) problems.push(`nobody sent ${name}`);
  for (const { workspace, requestId, values, outcome } of writes) {
    const times = values.map((value) => revisions.get(`${workspace}/${value}`)?.length ?? 0);
    const logged = requests.get(`${workspace}/${requestId}`)?.length ?? 0;
    const allowed = outcome === 'ok' ? [1] : outcome === 'failed' ? [0] : [0, 1];
    if (!times.every((count) => allowed.includes(count)) || !allowed.includes(logged)) {
      problems.push(`${outcome} request ${requestId}: written ${times} times, logged ${logged} times`);
    }
    if (times.some((count) => count !== logged)) problems.push(`request ${requestId}: log and history disagree`);
  }
  for (const [workspace, head] of stored.heads) {
    const changes = stored.revisions.filter((row) => row.workspace === workspace).map(({ change }) => change);
    if (BigInt(changes.length) !== head || changes.some((change, index) => change !== BigInt(index + 1))) {
      problems.push(`the changes of ${workspace} are not 1 to ${head}`);
    }
  }
  return problems;
}

/** How stale a read may be, in milliseconds; STRONG never. */
export interface Staleness {
  readonly readYourWritesMs: number;
}

/**
 * V3: every memory is a linearizable register. The change numbers are the order of its writes, and
 * each read stands right behind the write it saw, so all that is left to hold is real time: what
 * began after something had ended comes after it in that order, or at the same place when it reads.
 */
export function isRegister(history: History, stored: Stored, staleness: Staleness): Problems {
  const problems: Problems = [];
  const revisions = byName(stored.revisions, (row) => `${nameOf(row)}/${row.change}`);
  const begun = new Map(
    history.writes.flatMap((write) => write.values.map((value) => [`${write.workspace}/${value}`, write.begun])),
  );
  for (const read of history.reads) {
    const name = nameOf(read);
    if (read.change === 0n) continue;
    if (revisions.get(`${name}/${read.change}`)?.[0]?.value !== read.value) {
      problems.push(`a read of ${name} gave ${read.value}, which change ${read.change} of it is not`);
    }
    if ((begun.get(`${read.workspace}/${read.value}`) ?? Infinity) > read.ended) {
      problems.push(`a read of ${name} gave ${read.value} before anybody had sent it`);
    }
  }
  const operations = byName(operationsOf(history), nameOf);
  for (const [name, all] of operations) {
    const ended = all.filter(({ read }) => read === undefined || read.change > 0n).sort((a, b) => a.ended - b.ended);
    // The highest change that had been seen or acknowledged by each end.
    const highest: bigint[] = [];
    for (const { change } of ended) highest.push(max(highest.at(-1) ?? 0n, change));
    for (const operation of all) {
      const { read } = operation;
      const slackMs = read === undefined || read.strong ? 0 : staleness.readYourWritesMs;
      const before = highest[countBelow(ended, operation.begun - slackMs) - 1] ?? 0n;
      const inOrder = read === undefined ? operation.change > before : operation.change >= before;
      if (!inOrder) {
        const what = read === undefined ? 'a write' : read.strong ? 'a STRONG read' : 'a read';
        problems.push(`${what} of ${name} came to change ${operation.change} after ${before} was known`);
      }
    }
  }
  return problems;
}

/** V6: a batch is there as a whole and in one piece, or not at all. */
export function batchesAreWhole({ writes }: History, stored: Stored): Problems {
  const changes = new Map(stored.revisions.map((row) => [`${row.workspace}/${row.value}`, row.change]));
  return writes.flatMap(({ workspace, values, requestId }) => {
    const found = values.flatMap((value) => changes.get(`${workspace}/${value}`) ?? []);
    const first = found[0] ?? 0n;
    const inOnePiece = found.every((change, index) => change === first + BigInt(index));
    return (found.length === 0 || found.length === values.length) && inOnePiece
      ? []
      : [`batch ${requestId} of ${values.length} is there as ${found}`];
  });
}

/** V7: nothing of another workspace is ever read. Values begin with the workspace they were sent to. */
export function workspacesAreApart({ reads }: History, stored: Stored): Problems {
  return [...reads.filter(({ change }) => change > 0n), ...stored.memories, ...stored.revisions]
    .filter(({ workspace, value }) => !value.startsWith(`${workspace} `))
    .map(({ workspace, value }) => `${value} is seen in ${workspace}`);
}

/** What no message may hold: SQL, driver and system errors, stack traces, paths and addresses. */
export const INTERNALS =
  /(?:\n\s+at |\b(?:select|insert into|update \w+ set|delete from|memory_revisions|workspace_heads|request_log|syntax error|constraint|relation|pg_\w+|sqlstate|ECONN\w+|EPIPE|ioredis|mikro|node:\w+|node_modules|\.ts\b)|\/(?:tmp|work|home|root|usr)\/)/i;

/** V9: every failure has one of the expected "CODE/REASON"s, and none tells what is inside. */
export function failuresAreExpected(failures: readonly Failure[], expected: readonly string[]): Problems {
  return failures.flatMap(({ call, error }) => {
    const name = `${error.codeName}/${error.reason}`;
    const problems = expected.includes(name) ? [] : [`${call} failed with ${name}: ${error.message}`];
    return error.reason !== '' && INTERNALS.test(error.message) ? [...problems, `leaked: ${error.message}`] : problems;
  });
}

interface Operation {
  readonly workspace: string;
  readonly id: string;
  readonly change: bigint;
  readonly begun: number;
  readonly ended: number;
  readonly read: Read | undefined;
}

/** Of the writes, only the acknowledged: the others bind nobody, for they may happen at any later time. */
function operationsOf({ writes, reads }: History): Operation[] {
  const acknowledged = writes.filter(({ outcome }) => outcome === 'ok');
  return [
    ...acknowledged.flatMap((write) =>
      write.ids.map((id, index) => ({ ...timesOf(write), id, change: write.changes[index] ?? 0n, read: undefined })),
    ),
    ...reads.map((read) => ({ ...timesOf(read), id: read.id, change: read.change, read })),
  ];
}

function timesOf({ workspace, begun, ended }: Write | Read) {
  return { workspace, begun, ended };
}

function nameOf({ workspace, id }: Pick<StoredRow, 'workspace' | 'id'>): string {
  return `${workspace}/${id}`;
}

/** How many of the sorted ends lie before a time. */
function countBelow(sorted: readonly Operation[], time: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.ended ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function byName<T>(items: readonly T[], name: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, name);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
