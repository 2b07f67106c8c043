import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { tapRows } from '../../src/server/database/row-tap.ts';

function message(type: string, content: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(4 + content.length, 1);
  return Buffer.concat([head, Buffer.from(content)]);
}

/** A stream that a driver listens to, and what reached whom. */
function tapped() {
  const stream = new PassThrough();
  const driver: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => driver.push(chunk));
  const rows: string[] = [];
  const off = tapRows(stream, (bytes, start, end) => rows.push(bytes.toString('latin1', start, end)));
  const send = (chunk: Buffer) => stream.emit('data', chunk);
  return { stream, rows, off, send, driver: () => Buffer.concat(driver).toString('latin1') };
}

const ROWS = ['first', '', 'third'.repeat(50)];
const SENT = [
  message('1', ''),
  message('2', ''),
  message('D', ROWS[0] ?? ''),
  message('N', 'a notice'),
  message('D', ROWS[1] ?? ''),
  message('D', ROWS[2] ?? ''),
  message('C', 'SELECT 3'),
  message('Z', 'I'),
];
const OTHERS = [0, 1, 3, 6, 7].map((index) => SENT[index]?.toString('latin1')).join('');

describe('tapRows', () => {
  it('takes the rows and leaves all else to the driver, wherever the network cuts', () => {
    const all = Buffer.concat(SENT);
    for (let size = 1; size <= all.length; size++) {
      const { rows, send, driver } = tapped();
      for (let at = 0; at < all.length; at += size) send(all.subarray(at, at + size));
      expect(rows).toEqual(ROWS);
      expect(driver()).toBe(OTHERS);
    }
  });

  it('keeps the order of what the driver gets and the rows between', () => {
    const stream = new PassThrough();
    const seen: string[] = [];
    stream.on('data', (chunk: Buffer) => seen.push(chunk.toString('latin1', 0, 1)));
    tapRows(stream, () => seen.push('D'));
    stream.emit('data', Buffer.concat(SENT));
    expect(seen.join('')).toBe('1DNDDC');
  });

  it('leaves everything to the driver once it is taken off', () => {
    const { rows, send, driver, off } = tapped();
    send(message('D', 'a row'));
    off();
    off();
    send(message('D', 'another'));
    expect(rows).toEqual(['a row']);
    expect(driver()).toBe(message('D', 'another').toString('latin1'));
  });

  it('gives the driver what had begun when it is taken off in the middle', () => {
    const { send, driver, off } = tapped();
    const error = message('E', 'terminating connection');
    send(error.subarray(0, 9));
    off();
    send(error.subarray(9));
    expect(driver()).toBe(error.toString('latin1'));
  });

  it('ends a connection that says what no server says', () => {
    const { stream, send, rows } = tapped();
    stream.on('error', () => {});
    send(Buffer.concat([message('D', 'a row'), Buffer.from('HTTP/1.1 400 Bad Request')]));
    expect(rows).toEqual(['a row']);
    expect(stream.destroyed).toBe(true);
  });
});
