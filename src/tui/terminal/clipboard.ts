/**
 * The escape sequence (OSC 52) by which a terminal puts a text into the clipboard of whoever sits
 * before it, through ssh and tmux too. The text travels as base64: nothing in it is taken for a sequence.
 */
export function clipboardSequence(text: string): string {
  return `\x1b]52;c;${Buffer.from(text).toString('base64')}\x07`;
}
