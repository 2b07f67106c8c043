import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Where a function is, as profiles tell it; lines and columns from 0. */
export interface Frame {
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber?: number;
}

/** Says where in the sources the functions of bundles stand; others it leaves as they are. Reads each map once. */
export class BundleOrigins {
  readonly #maps = new Map<string, SourceMap | undefined>();

  of<F extends Frame>(frame: F): F {
    const entry = this.#mapOf(frame.url)?.findEntry(frame.lineNumber, frame.columnNumber ?? 0);
    if (entry === undefined || !('originalSource' in entry)) return frame;
    return { ...frame, url: new URL(entry.originalSource, frame.url).href, lineNumber: entry.originalLine };
  }

  #mapOf(url: string): SourceMap | undefined {
    if (!/^file:.*\/dist\/(server\/)?[^/]+\.mjs$/.test(url)) return undefined;
    if (!this.#maps.has(url)) {
      const path = `${fileURLToPath(url)}.map`;
      this.#maps.set(url, existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : undefined);
    }
    return this.#maps.get(url);
  }
}
