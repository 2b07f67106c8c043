/** How a provider's key looks, and the fault of one that does not: never a part of it. */
interface KeyForm {
  readonly provider: string;
  readonly pattern: RegExp;
  readonly form: string;
}

const FORMS = {
  openai: {
    provider: 'OpenAI',
    pattern: /^sk-(?!ant-)[A-Za-z0-9_-]{20,200}$/,
    form: '"sk-" and 20 to 200 letters, digits, "-" and "_"',
  },
  anthropic: {
    provider: 'Anthropic',
    pattern: /^sk-ant-[A-Za-z0-9_-]{20,200}$/,
    form: '"sk-ant-" and 20 to 200 letters, digits, "-" and "_"',
  },
  google: {
    provider: 'Google',
    pattern: /^AIza[A-Za-z0-9_-]{35}$/,
    form: '"AIza" and 35 letters, digits, "-" and "_"',
  },
  superthread: {
    provider: 'Superthread',
    pattern: /^[\x21-\x7e]{16,512}$/,
    form: '16 to 512 printable ASCII characters without blanks',
  },
} as const satisfies Record<string, KeyForm>;

/** Beginnings that give away whose key it is. */
const BEGINNINGS: readonly (readonly [string, string])[] = [
  ['sk-ant-', 'Anthropic'],
  ['sk-', 'OpenAI'],
  ['AIza', 'Google'],
  ['mh_', 'Memory Hub'],
];

/** What is wrong with a key; undefined: nothing. */
export function keyFault(name: keyof typeof FORMS, key: string): string | undefined {
  const { provider, pattern, form } = FORMS[name];
  const owner = BEGINNINGS.find(([beginning]) => key.startsWith(beginning))?.[1];
  if (pattern.test(key)) return undefined;
  const expected = `a key of ${provider} is ${form}`;
  if (key.trim() !== key) return `begins or ends with white space; ${expected}`;
  if (owner !== undefined && owner !== provider) return `begins as a key of ${owner} does; ${expected}`;
  return `is ${key.length} characters and not of that form; ${expected}`;
}
