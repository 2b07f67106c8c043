import { LIMITS } from '../../../shared/limits.ts';
import type { SensitiveNames } from '../../../shared/sensitive-names.ts';
import type { ServiceError } from '../errors.ts';
import { parseUuid } from '../ids.ts';
import { Scope } from '../memory.ts';
import { parseTime } from '../time.ts';
import type { Comparator, Comparison, TextField, TimeField } from './ast.ts';
import { filterError } from './filter-error.ts';
import type { ComparisonNode } from './grammar.gen.js';

const TEXT_FIELDS: ReadonlySet<string> = new Set<TextField>([
  'id',
  'key',
  'user_id',
  'team',
  'category',
  'content',
  'author',
]);
const TIME_FIELDS: ReadonlySet<string> = new Set<TimeField>(['create_time', 'update_time', 'expire_time']);

/** A name that is safe to repeat in an error. */
const PLAIN_WORD = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** Gives a comparison its type, or refuses it: unknown fields, values of the wrong kind. */
export function typeComparison(filter: string, node: ComparisonNode, names: SensitiveNames): Comparison {
  return new Typing(filter, node, names).comparison();
}

class Typing {
  readonly #filter: string;
  readonly #node: ComparisonNode;
  readonly #field: string;
  readonly #names: SensitiveNames;

  constructor(filter: string, node: ComparisonNode, names: SensitiveNames) {
    this.#names = names;
    this.#filter = filter;
    this.#node = node;
    this.#field = node.path[0];
  }

  comparison(): Comparison {
    const field = this.#field;
    if (field === 'metadata') return this.#metadata();
    const known = TEXT_FIELDS.has(field) || TIME_FIELDS.has(field) || ['scope', 'tags', 'revision'].includes(field);
    if (!known) throw this.#unknownField();
    if (this.#node.path.length > 1) throw this.#refuse(`${field} has no fields of its own`);
    if (field === 'scope') return this.#scope();
    if (field === 'tags') return this.#tags();
    if (field === 'revision') return this.#revision();
    return TIME_FIELDS.has(field) ? this.#time() : this.#text();
  }

  #text(): Comparison {
    const { comparator } = this.#node;
    const text = this.#textValue();
    const value = this.#field === 'id' ? parseUuid(text) : text;
    if (value === undefined) throw this.#refuseValue('id is compared with a UUID');
    return { op: 'text', field: this.#field as TextField, comparator: comparator === ':' ? 'has' : comparator, value };
  }

  #scope(): Comparison {
    const { comparator, value } = this.#node;
    if (comparator !== '=' && comparator !== '!=') throw this.#refuse('scope takes = and != only');
    const name = value.kind === 'word' ? value.word : this.#textValue();
    const scope = new Map(Object.entries(Scope)).get(name.replace(/^SCOPE_/, ''));
    if (scope === undefined) throw this.#refuseValue('scope is PERSONAL, TEAM or WORKSPACE');
    return { op: 'scope', comparator, value: scope };
  }

  #tags(): Comparison {
    if (this.#node.comparator !== ':') throw this.#refuse('tags takes : only, as in tags:"release"');
    return { op: 'tag', value: this.#textValue() };
  }

  #revision(): Comparison {
    const { value } = this.#node;
    if (value.kind !== 'number' || !Number.isSafeInteger(value.number)) {
      throw this.#refuseValue('revision is compared with a whole number');
    }
    return { op: 'revision', comparator: this.#ordered(), value: value.number };
  }

  #time(): Comparison {
    const value = parseTime(this.#textValue());
    if (value === undefined) {
      throw this.#refuseValue(
        `${this.#field} is compared with a time as in "2026-01-31T12:00:00.000001Z", to microseconds at most`,
      );
    }
    return { op: 'time', field: this.#field as TimeField, comparator: this.#ordered(), value };
  }

  #metadata(): Comparison {
    const [, ...path] = this.#node.path;
    const { max } = LIMITS.metadataDepth;
    if (path.length === 0) throw this.#refuse('metadata is compared by field, as in metadata.priority >= 9');
    if (path.length > max) throw this.#refuse(`names ${path.length} levels of metadata; at most ${max} are allowed`);
    for (const name of path) this.#checkText(name, this.#node.offset);
    const value = this.#metadataValue();
    // Whether there is one may be asked; what it is the database does not know.
    const sealed = path.find((name) => this.#names.has(name));
    if (sealed !== undefined && this.#node.value.kind !== 'any') throw this.#sealed(sealed);
    const comparator = this.#node.comparator === ':' ? 'has' : this.#node.comparator;
    const ordering = comparator.startsWith('<') || comparator.startsWith('>');
    if (ordering && typeof value !== 'string' && typeof value !== 'number') {
      throw this.#refuseValue('only numbers and texts have an order');
    }
    return { op: 'metadata', path, comparator, value };
  }

  #metadataValue(): string | number | boolean | null {
    const { comparator, value } = this.#node;
    if (value.kind === 'any') {
      if (comparator !== ':') throw this.#refuseValue('* stands behind : only, and asks whether the field is there');
      return '*';
    }
    if (value.kind === 'number') {
      if (!Number.isFinite(value.number)) throw this.#refuseValue('the number is too large');
      return value.number;
    }
    if (value.kind === 'text') return this.#textValue();
    if (value.word === 'true' || value.word === 'false') return value.word === 'true';
    if (value.word === 'null') return null;
    throw this.#refuseValue('a value is a text in double quotes, a number, true, false or null');
  }

  #ordered(): Comparator {
    const { comparator } = this.#node;
    if (comparator === ':') throw this.#refuse(`${this.#field} takes = != < <= > >= only`);
    return comparator;
  }

  #textValue(): string {
    const { value } = this.#node;
    if (value.kind !== 'text') throw this.#refuseValue(`${this.#field} is compared with a text in double quotes`);
    this.#checkText(value.text, value.offset);
    return value.text;
  }

  /** Escapes can write what no memory holds and PostgreSQL does not take. */
  #checkText(text: string, offset: number): void {
    if (text.includes('\0')) throw filterError(this.#filter, offset, 'a text has a NUL (U+0000)');
    if (!text.isWellFormed()) throw filterError(this.#filter, offset, 'a text has half of a surrogate pair');
  }

  #unknownField(): ServiceError {
    const field = PLAIN_WORD.test(this.#field) ? this.#field : undefined;
    const name = field === undefined ? 'an unknown field' : `the unknown field ${field}`;
    return filterError(this.#filter, this.#node.offset, `names ${name}`, field);
  }

  #sealed(name: string): ServiceError {
    const field = PLAIN_WORD.test(name) ? name : undefined;
    const what = field === undefined ? 'a sealed value' : `${field}, whose value is sealed`;
    return filterError(this.#filter, this.#node.offset, `compares ${what}; only :* can be asked of it`, field);
  }

  #refuse(description: string): ServiceError {
    return filterError(this.#filter, this.#node.offset, description, this.#field);
  }

  #refuseValue(description: string): ServiceError {
    return filterError(this.#filter, this.#node.value.offset, description, this.#field);
  }
}
