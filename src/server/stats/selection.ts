import type { MethodStats, StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';

/** Which methods a watcher sees, and which of them with stages and slowest calls. */
export class Selection {
  /** Two selections of one key select the same. */
  readonly key: string;
  readonly #methods: ReadonlySet<string> | undefined;
  readonly #details: ReadonlySet<string>;

  /**
   * @param methods "Service/Method" or "Method"; none: all
   * @param details likewise, none: none
   * @param known every method of the server, as "package.Service/Method"
   */
  constructor(methods: readonly string[], details: readonly string[], known: readonly string[]) {
    const resolve = (names: readonly string[]): string[] =>
      known.filter((method) => names.some((name) => method === name || endsWithName(method, name)));
    const chosen = methods.length === 0 ? undefined : resolve(methods);
    const detailed = resolve(details);
    this.#methods = chosen && new Set(chosen);
    this.#details = new Set(detailed);
    this.key = `${chosen?.join(',') ?? '*'} ${detailed.join(',')}`;
  }

  /** The frame as the watcher sees it; what is left in it is shared with `frame`. */
  of(frame: StatsFrame): StatsFrame {
    const methods: MethodStats[] = [];
    for (const method of frame.methods) {
      if (this.#methods !== undefined && !this.#methods.has(method.method)) continue;
      methods.push(this.#details.has(method.method) ? method : { ...method, stages: [], slowest: [] });
    }
    return { ...frame, methods };
  }
}

/** "memoryhub.v1.MemoryService/GetMemory" is named by "GetMemory" and "MemoryService/GetMemory". */
function endsWithName(method: string, name: string): boolean {
  if (name === '' || !method.endsWith(name)) return false;
  const before = method[method.length - name.length - 1];
  return before === '/' || before === '.';
}
