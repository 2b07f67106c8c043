import { CommandFailure } from '../failure.ts';

type Json = Readonly<Record<string, unknown>>;

const FIELDS = ['id', 'key', 'scope', 'user_id', 'team', 'category', 'content', 'tags', 'metadata', 'expire_time'];

interface Rule {
  readonly path: readonly string[];
  readonly template: string;
}

/**
 * Reads `--map FIELD=TEMPLATE`: FIELD is a field of a memory or `metadata.NAME`, TEMPLATE is text in
 * which `{name}` stands for a field of the line. A template that is one `{name}` alone keeps the
 * value's type; a field without any value in the line is left out.
 *
 * @returns the function that turns a line's object into a memory's; without rules it changes nothing
 * @throws CommandFailure naming the rule that is wrong
 */
export function parseMapping(rules: readonly string[]): (line: Json) => Json {
  const parsed = rules.map(parseRule);
  if (parsed.length === 0) return (line) => line;
  return (line) => {
    const memory: Record<string, unknown> = {};
    for (const { path, template } of parsed) {
      const value = fill(template, line);
      const [field = '', name] = path;
      if (value === undefined) continue;
      if (name === undefined) memory[field] = value;
      else memory[field] = { ...(memory[field] as object | undefined), [name]: value };
    }
    return memory;
  };
}

function parseRule(rule: string): Rule {
  const at = rule.indexOf('=');
  const [field = '', ...rest] = rule.slice(0, Math.max(at, 0)).split('.');
  const isMetadata = field === 'metadata' && rest.length === 1 && rest[0] !== '';
  if (at < 1 || !FIELDS.includes(field) || (rest.length > 0 && !isMetadata)) {
    throw new CommandFailure(
      `--map ${JSON.stringify(rule)} must be FIELD=TEMPLATE, with FIELD one of ${FIELDS.join(', ')} or metadata.NAME`,
      2,
    );
  }
  const template = rule.slice(at + 1);
  if (/[{}]/.test(template.replace(/\{[^{}]+\}/g, ''))) {
    throw new CommandFailure(
      `--map ${JSON.stringify(rule)} has a brace without its partner, or nothing between two: {name} stands for a field of the line`,
      2,
    );
  }
  return { path: [field, ...rest], template };
}

function fill(template: string, line: Json): unknown {
  const alone = /^\{([^{}]+)\}$/.exec(template)?.[1];
  // Not what every object answers to.
  const own = (name: string) => (Object.hasOwn(line, name) ? line[name] : undefined);
  if (alone !== undefined) return own(alone);
  let missing = false;
  const text = template.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    if (own(name) === undefined) missing = true;
    return String(own(name));
  });
  return missing ? undefined : text;
}
