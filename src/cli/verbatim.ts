/** Stands before an argument that the parser is to leave as it is. No argument of a program can hold it. */
const MARK = '\0';

/**
 * yargs takes the quotes off a value that stands in quotes, takes "-" and texts like "- buy milk" for flags, and
 * keeps what follows "--" from commands. Here texts are what is saved, so those are marked before it parses ...
 */
export function marked(argv: readonly string[]): string[] {
  // A shell that asks how a line could go on wants to hear of flags.
  if (argv[0] === '--get-yargs-completions') return [...argv];
  const end = argv.indexOf('--');
  const before = end < 0 ? argv : argv.slice(0, end);
  const after = end < 0 ? [] : argv.slice(end + 1);
  return [
    ...before.map((arg) => {
      if (/^(["'].*|-|-[^a-zA-Z\d-].*|-[^=]*\s.*)$/s.test(arg)) return MARK + arg;
      return arg.replace(/^(--[\w.-]+=)(["'].*)$/s, `$1${MARK}$2`);
    }),
    ...after.map((arg) => MARK + arg),
  ];
}

/** ... and the marks are taken off what it parsed. Changed in place, as its middleware is meant to. */
export function unmark(flags: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(flags)) {
    flags[name] = Array.isArray(value) ? value.map(withoutMark) : withoutMark(value);
  }
}

function withoutMark(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(MARK) ? value.slice(1) : value;
}
