import { PassThrough, Writable } from 'node:stream';
import xterm from '@xterm/headless';

/** A terminal emulator that a program draws on and types into as if it were a real one. */
export interface EmulatedTerminal {
  readonly stdout: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  /** Everything written, escape sequences included. */
  written(): string;
  /** What can be seen: one string a row, blanks at the end kept. */
  rows(): Promise<readonly string[]>;
  /** Waits until what can be seen satisfies this. */
  until(what: (screen: string) => boolean): Promise<string>;
  type(keys: string): void;
  resize(columns: number, rows: number): void;
}

export function emulateTerminal(columns: number, rows: number): EmulatedTerminal {
  // The line discipline of a real terminal sends a carriage return with every line feed.
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 0, convertEol: true });
  let written = '';
  const stdout = Object.assign(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written += chunk.toString();
        terminal.write(chunk, done);
      },
    }),
    { isTTY: true, columns, rows },
  );
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: () => stdin,
    ref: () => stdin,
    unref: () => stdin,
  });
  const readRows = async () => {
    await new Promise<void>((resolve) => terminal.write('', resolve));
    return Array.from(
      { length: terminal.rows },
      (_, row) => terminal.buffer.active.getLine(row)?.translateToString(false) ?? '',
    );
  };
  return {
    stdout: stdout as unknown as NodeJS.WriteStream,
    stdin: stdin as unknown as NodeJS.ReadStream,
    written: () => written,
    rows: readRows,
    until: async (what) => {
      for (let attempt = 0; attempt < 400; attempt++) {
        const screen = (await readRows()).join('\n');
        if (what(screen)) return screen;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(`not seen in 4 s; the screen is\n${(await readRows()).join('\n')}`);
    },
    type: (keys) => stdin.write(keys),
    resize: (newColumns, newRows) => {
      terminal.resize(newColumns, newRows);
      Object.assign(stdout, { columns: newColumns, rows: newRows });
      stdout.emit('resize');
    },
  };
}
