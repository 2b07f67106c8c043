import type { MethodStats, StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';

/** Which methods a watcher sees, and which of them with stages and slowest calls. */
export class Selection {
  /** Two selections of one key select the same. */
  readonly key: string;
  readonly #isChosen: (method: string) => boolean;
  readonly #isDetailed: (method: string) => boolean;

  /**
   * @param methods "Service/Method" or "Method"; none: all
   * @param details likewise, none: none
   */
  constructor(methods: readonly string[], details: readonly string[]) {
    this.#isChosen = methods.length === 0 ? () => true : namedBy(methods);
    this.#isDetailed = namedBy(details);
    this.key = JSON.stringify([methods.toSorted(), details.toSorted()]);
  }

  /** The frame as the watcher sees it; what is left in it is shared with `frame`. */
  of(frame: StatsFrame): StatsFrame {
    const methods: MethodStats[] = [];
    for (const method of frame.methods) {
      if (!this.#isChosen(method.method)) continue;
      methods.push(this.#isDetailed(method.method) ? method : { ...method, stages: [], slowest: [] });
    }
    return { ...frame, methods };
  }
}

/** Remembers the answer for each of the server's methods: it is asked at every drain. */
function namedBy(names: readonly string[]): (method: string) => boolean {
  const answers = new Map<string, boolean>();
  return (method) => {
    const known = answers.get(method);
    if (known !== undefined) return known;
    const answer = names.some((name) => isNameOf(method, name));
    answers.set(method, answer);
    return answer;
  };
}

/** "memoryhub.v1.MemoryService/GetMemory" is named by "GetMemory" and "MemoryService/GetMemory". */
function isNameOf(method: string, name: string): boolean {
  if (name === '' || !method.endsWith(name)) return false;
  const before = method[method.length - name.length - 1];
  return before === undefined || before === '/' || before === '.';
}
