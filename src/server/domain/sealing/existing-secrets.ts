import type { SensitiveNames } from '../../../shared/sensitive-names.ts';
import type { JsonObject } from '../memory.ts';
import { type Concealed, newVersion, placeholderOf, replaceSensitive, versionIn } from './placeholders.ts';
import type { PlainRow, PlainRows } from './plain-rows.ts';
import { openInto } from './sealed-json.ts';
import { sealedKey } from './sealed-values.ts';
import type { Sealer, SealInput } from './sealer.ts';

/**
 * Seals what was stored in clear: before its name was a sensitive one, or before anything was sealed.
 * While the server works, page by page: a memory that is changed meanwhile has a newer entry in its
 * history, which is met later. It can be broken off and begun again at any point. Servers that do not
 * know a name yet go on storing it in clear: it is for when all of them do.
 */
export class ExistingSecrets {
  readonly #names: SensitiveNames;
  readonly #sealer: Sealer;
  readonly #rows: PlainRows;

  constructor(names: SensitiveNames, sealer: Sealer, rows: PlainRows) {
    this.#names = names;
    this.#sealer = sealer;
    this.#rows = rows;
  }

  /** Yields how many rows were sealed so far, after each page. */
  async *seal(signal: AbortSignal): AsyncGenerator<number, void> {
    let sealed = 0;
    for (const workspaceId of await this.#rows.workspaces()) {
      for (const table of this.#rows.tables) {
        let after: string | undefined;
        let isDone = false;
        while (!isDone) {
          signal.throwIfAborted();
          const { rows, last, isEnd } = await this.#rows.page(table, workspaceId, after);
          const plain = rows.filter((row) => this.#isPlain(row));
          if (plain.length > 0) {
            sealed += await this.#rows.replace(table, workspaceId, await this.#sealed(workspaceId, plain));
          }
          after = last ?? after;
          // Until these were sealed they may have been copied on, to behind what was the end.
          isDone = isEnd && plain.length === 0;
          yield sealed;
        }
      }
    }
    if (sealed > 0) await this.#rows.finish();
  }

  #isPlain({ shown, sealed }: PlainRow): boolean {
    if (!this.#names.within(shown)) return false;
    let isPlain = false;
    replaceSensitive(this.#names, shown, (name, value) => {
      const version = versionIn(value);
      if (version === undefined || !Object.hasOwn(sealed, sealedKey(version, name))) isPlain = true;
      return value;
    });
    return isPlain;
  }

  /**
   * Everything of a row is opened and sealed anew, since what is sealed already may stand within what is to
   * be. What only looks like a placeholder is text, and is sealed as such.
   */
  async #sealed(workspaceId: number, rows: readonly PlainRow[]): Promise<PlainRow[]> {
    const inputs: SealInput[] = [];
    const clear = await openInto(this.#sealer, workspaceId, rows, undefined, () => false);
    const concealed = rows.map((row, index) => {
      const fresh: Concealed[] = [];
      const shown = this.#conceal(clear[index] as JsonObject, fresh);
      inputs.push(...fresh.map((each) => ({ ...each, row: row.row })));
      return { row, shown, keys: fresh.map(({ key }) => key) };
    });
    const texts = await this.#sealer.seal(workspaceId, inputs);
    let next = 0;
    return concealed.map(({ row, shown, keys }) => {
      const sealed = Object.fromEntries(keys.map((key) => [key, texts[next++] as string]));
      return { ...row, shown, sealed };
    });
  }

  #conceal(clear: JsonObject, fresh: Concealed[]): JsonObject {
    return replaceSensitive(this.#names, clear, (name, value) => {
      const version = newVersion();
      fresh.push({ key: sealedKey(version, name), text: JSON.stringify(value) });
      return placeholderOf(version);
    });
  }
}
