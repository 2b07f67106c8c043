import { BundleOrigins, type Frame } from '../../shared/bundle-origin.ts';
import { table } from '../output.ts';

const TOP = 15;

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: Frame & { readonly functionName: string };
  }[];
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

interface HeapSnapshot {
  readonly snapshot: {
    readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly [readonly string[]] };
  };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

/** What a .cpuprofile says: the functions in which most time was spent, without those they called. */
export function cpuSummary(text: string, width: number): string {
  const { nodes, samples = [], timeDeltas = [] } = JSON.parse(text) as CpuProfile;
  const origins = new BundleOrigins();
  const nameOf = new Map(nodes.map(({ id, callFrame }) => [id, frameName(origins.of(callFrame))]));
  const selfUs = new Map<string, number>();
  let total = 0;
  samples.forEach((id, index) => {
    const us = Math.max(0, timeDeltas[index] ?? 0);
    const name = nameOf.get(id) ?? '(unknown)';
    selfUs.set(name, (selfUs.get(name) ?? 0) + us);
    total += us;
  });
  const rows = top(selfUs).map(([name, us]) => [percent(us, total), `${(us / 1000).toFixed(1)} ms`, name]);
  return table(['self', 'time', 'function'], rows, width);
}

/** What a .heapsnapshot says: the constructors whose objects take most, without what these point to. */
export function heapSummary(text: string, width: number): string {
  const { snapshot, nodes, strings } = JSON.parse(text) as HeapSnapshot;
  const fields = snapshot.meta.node_fields;
  const [type, name, size] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field)) as [
    number,
    number,
    number,
  ];
  const types = snapshot.meta.node_types[0];
  const bytes = new Map<string, number>();
  const counts = new Map<string, number>();
  let total = 0;
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = types[nodes[at + type] ?? 0] ?? '';
    // Names of strings are the strings.
    const label = kind === 'object' ? (strings[nodes[at + name] ?? 0] ?? '') : `(${kind})`;
    const own = nodes[at + size] ?? 0;
    bytes.set(label, (bytes.get(label) ?? 0) + own);
    counts.set(label, (counts.get(label) ?? 0) + 1);
    total += own;
  }
  const rows = top(bytes).map(([label, own]) => [
    percent(own, total),
    `${(own / 1024).toFixed(0)} KiB`,
    String(counts.get(label)),
    label,
  ]);
  const note = "Own sizes: what objects point to is left out. Chrome's DevTools read from the file what each retains.";
  return `${table(['share', 'own size', 'objects', 'constructor'], rows, width)}\n\n${note}`;
}

interface Pause {
  readonly event: string;
  readonly at_ms: number;
  readonly kind?: string;
  readonly ms?: number;
  readonly max_delay_ms?: number;
}

/** The longest pauses, and what share of the time went into collecting garbage. */
export function eventsSummary(text: string, width: number): string {
  const events = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Pause);
  const length = ({ ms, max_delay_ms }: Pause) => ms ?? max_delay_ms ?? 0;
  const longest = events.toSorted((a, b) => length(b) - length(a)).slice(0, TOP);
  const rows = longest.map((event) => [
    `${length(event).toFixed(1)} ms`,
    `at ${(event.at_ms / 1000).toFixed(1)} s`,
    event.event === 'gc' ? `garbage collection, ${event.kind}` : 'event loop late',
  ]);
  const gcMs = events.reduce((sum, { ms = 0 }) => sum + ms, 0);
  const share = percent(gcMs, Math.max(...events.map(({ at_ms }) => at_ms), 1));
  return `${table(['pause', 'when', 'what'], rows, width)}\n\ngarbage collection: ${share} of the time`;
}

function top(sizes: ReadonlyMap<string, number>): [string, number][] {
  return [...sizes].sort(([, a], [, b]) => b - a).slice(0, TOP);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(whole, 1)).toFixed(1)} %`;
}

function frameName({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const file = url.split('/').slice(-2).join('/');
  return `${functionName || '(anonymous)'}${file === '' ? '' : `  ${file}:${lineNumber + 1}`}`;
}
