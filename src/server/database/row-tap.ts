import type { Duplex } from 'node:stream';

/** Takes the content of one row: from its number of columns to its end. */
export type TakeRow = (bytes: Buffer, start: number, end: number) => void;

const HEAD = 5;
const DATA_ROW = 0x44;
/** What a server says while a statement runs: to Parse, Bind, Execute, Sync; notices, settings, notifications. */
const KNOWN = new Set([...'12CDEINSTZAnst'].map((letter) => letter.charCodeAt(0)));

/**
 * Takes the rows out of what a PostgreSQL server sends, and leaves all else to the driver, which turns
 * every column into a string: the rows of a page in binary form would not survive that, and lists spend
 * half their time in it. Put on between two statements of a connection and taken off when the
 * server is ready again; `bytes` are only lent.
 *
 * @returns takes the tap off
 */
export function tapRows(stream: Duplex, take: TakeRow): () => void {
  const drivers = stream.listeners('data') as ((chunk: Buffer) => void)[];
  const forward = (chunk: Buffer) => {
    for (const listener of drivers) listener(chunk);
  };
  /** The beginning of a message whose end has not come, and how much of it is needed. */
  let held: Buffer[] = [];
  let heldBytes = 0;
  let needed = HEAD;
  let isOn = true;

  const onData = (chunk: Buffer) => {
    if (heldBytes + chunk.length < needed) {
      held.push(chunk);
      heldBytes += chunk.length;
      return;
    }
    const bytes = held.length === 0 ? chunk : Buffer.concat([...held, chunk]);
    held = [];
    heldBytes = 0;
    needed = HEAD;
    let at = 0;
    /** Where that begins which is the driver's. */
    let others = 0;
    while (isOn && at + HEAD <= bytes.length) {
      const type = bytes[at] as number;
      if (!KNOWN.has(type)) {
        stream.destroy(new Error('what the database sends is not in its protocol'));
        return;
      }
      const end = at + 1 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) {
        needed = end - at;
        break;
      }
      if (type === DATA_ROW) {
        if (others < at) forward(bytes.subarray(others, at));
        take(bytes, at + HEAD, end);
        others = end;
      }
      at = end;
    }
    if (others < at) forward(bytes.subarray(others, at));
    if (at === bytes.length) return;
    const rest = bytes.subarray(at);
    // Taken off by the last of these: what follows is the driver's as well.
    if (!isOn) forward(rest);
    else {
      held.push(rest);
      heldBytes = rest.length;
    }
  };

  stream.on('data', onData);
  for (const listener of drivers) stream.off('data', listener);
  return () => {
    if (!isOn) return;
    isOn = false;
    for (const listener of drivers) stream.on('data', listener);
    stream.off('data', onData);
    if (heldBytes > 0) forward(Buffer.concat(held));
  };
}
