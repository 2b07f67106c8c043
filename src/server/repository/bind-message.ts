const BIND = 0x42;
const [TEXT, BINARY] = [0, 1];
/** The code of the message is not counted in its length. */
const CODE_BYTES = 1;

/**
 * What stands before and behind a large parameter in a Bind of a prepared statement ("Message Formats" in
 * PostgreSQL's documentation): a binary one, a text one, and results in binary form. Written apart, because the
 * driver copies parameters twice and into new buffers, which for a batch of writes is garbage of three times
 * its size.
 */
export function bindAround(statement: string, binary: Buffer, text: string): { head: Buffer; tail: Buffer } {
  const name = Buffer.from(`${statement}\0`);
  const value = Buffer.from(text);
  const head = Buffer.allocUnsafe(CODE_BYTES + 4 + 1 + name.length + 2 + 4 + 2 + 4);
  const tail = Buffer.allocUnsafe(4 + value.length + 4);
  head[0] = BIND;
  let at = head.writeInt32BE(head.length - CODE_BYTES + binary.length + tail.length, CODE_BYTES);
  // No name for the portal.
  head[at++] = 0;
  at += name.copy(head, at);
  at = head.writeInt16BE(2, at);
  at = head.writeInt16BE(BINARY, at);
  at = head.writeInt16BE(TEXT, at);
  at = head.writeInt16BE(2, at);
  head.writeInt32BE(binary.length, at);
  at = tail.writeInt32BE(value.length, 0);
  at += value.copy(tail, at);
  at = tail.writeInt16BE(1, at);
  tail.writeInt16BE(BINARY, at);
  return { head, tail };
}
