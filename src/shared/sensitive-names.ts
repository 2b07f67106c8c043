/** Names whose values the server always seals. */
const SEALED = ['api_key', 'password', 'token', 'secret'];
/**
 * Further names whose values a screen does not show. They are not sealed, or are of a time before the
 * server sealed: what is hidden for nothing costs less than what is shown by mistake.
 */
const HIDDEN = ['pass', 'passwd', 'passphrase', 'credential', 'credentials', 'private_key', 'authorization', 'cookie'];

/** Names judged before; emptied when full, since callers choose them, and of no great length for the same reason. */
const MEMO_ENTRIES = 4096;
const MEMO_CHARACTERS = 256;

/**
 * Which names of metadata and settings hold secrets. A name is taken apart into its words ("dbPassword",
 * "db-password", "DB_PASSWORD" are the same two) and is sensitive when its last words, run together,
 * are one of the names: so "openai.api_key" and "accessToken" are, "max_tokens" and "token_count" are
 * not.
 */
export class SensitiveNames {
  readonly #names: ReadonlySet<string>;
  readonly #memo = new Map<string, boolean>();
  readonly #longest: number;

  /** @param added besides those that always are */
  constructor(added: readonly string[] = []) {
    this.#names = new Set([...SEALED, ...added].map((name) => wordsOf(name).join('')).filter((name) => name !== ''));
    this.#longest = Math.max(...[...this.#names].map((name) => name.length));
  }

  has(name: string): boolean {
    const known = this.#memo.get(name);
    if (known !== undefined) return known;
    const judged = this.#judge(name);
    if (name.length > MEMO_CHARACTERS) return judged;
    if (this.#memo.size >= MEMO_ENTRIES) this.#memo.clear();
    this.#memo.set(name, judged);
    return judged;
  }

  /** Whether any name within is sensitive: all that is done for what has no secrets. */
  within(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    if (Array.isArray(value)) return value.some((item) => this.within(item));
    for (const name of Object.keys(value)) {
      if (this.has(name) || this.within((value as { [name: string]: unknown })[name])) return true;
    }
    return false;
  }

  #judge(name: string): boolean {
    const words = wordsOf(name);
    let end = '';
    for (let index = words.length - 1; index >= 0; index--) {
      end = words[index] + end;
      // A name may be all of the metadata: going on to its first word took a second of the event loop.
      if (end.length > this.#longest) return false;
      if (this.#names.has(end)) return true;
    }
    return false;
  }
}

const ENDS = [...SEALED, ...HIDDEN].map((name) => wordsOf(name).join(''));

/** Whether a value is not to be shown: what is sealed, the further names, and either at the end of a word ("authtoken"). */
export function isHiddenName(name: string): boolean {
  const letters = wordsOf(name).join('');
  return ENDS.some((end) => letters.endsWith(end));
}

/** Words in lower case: parted by anything that is no letter or digit, and where capitals begin ("APIKey": api, key). */
function wordsOf(name: string): string[] {
  const parted = name
    .normalize('NFKC')
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2');
  return parted
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}
