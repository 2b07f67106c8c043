import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import peggy from 'peggy';
import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import type { Filter } from '../../src/server/domain/filter/ast.ts';
import { parseFilter as parse } from '../../src/server/domain/filter/parse.ts';
import { LIMITS } from '../../src/shared/limits.ts';
import { SensitiveNames } from '../../src/shared/sensitive-names.ts';

const UUID = '01890a5d-ac96-774b-bcce-b302099a8057';
const NAMES = new SensitiveNames();
const parseFilter = (filter: string) => parse(filter, NAMES);

function refusal(filter: string): ServiceError {
  try {
    parseFilter(filter);
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

const text = (field: 'team' | 'category' | 'key' | 'content', value: string): Filter => ({
  op: 'text',
  field,
  comparator: '=',
  value,
});

describe('a filter', () => {
  it('reads the example of the contract', () => {
    expect(
      parseFilter(
        'scope = TEAM AND team = "alpha" AND tags:"release" AND create_time > "2026-01-01T00:00:00Z" AND metadata.priority >= 9',
      ),
    ).toEqual({
      op: 'and',
      operands: [
        { op: 'scope', comparator: '=', value: 2 },
        text('team', 'alpha'),
        { op: 'tag', value: 'release' },
        { op: 'time', field: 'create_time', comparator: '>', value: Date.UTC(2026, 0) * 1000 },
        { op: 'metadata', path: ['priority'], comparator: '>=', value: 9 },
      ],
    });
  });

  it('is none when it is empty or white space', () => {
    expect(parseFilter('')).toBeUndefined();
    expect(parseFilter(' \n\t ')).toBeUndefined();
  });

  it('binds OR tighter than AND, as AIP-160 does, and lets brackets say otherwise', () => {
    const [a, b, c] = [text('team', 'a'), text('team', 'b'), text('category', 'c')] as const;
    expect(parseFilter('category = "c" AND team = "a" OR team = "b"')).toEqual({
      op: 'and',
      operands: [c, { op: 'or', operands: [a, b] }],
    });
    expect(parseFilter('(category = "c" AND team = "a") OR team = "b"')).toEqual({
      op: 'or',
      operands: [{ op: 'and', operands: [c, a] }, b],
    });
    expect(parseFilter('NOT team = "a" AND NOT (team = "b")')).toEqual({
      op: 'and',
      operands: [
        { op: 'not', operand: a },
        { op: 'not', operand: b },
      ],
    });
  });

  it('takes a scope with and without its prefix, bare or in quotes', () => {
    for (const name of ['WORKSPACE', 'SCOPE_WORKSPACE', '"WORKSPACE"', '"SCOPE_WORKSPACE"']) {
      expect(parseFilter(`scope != ${name}`)).toEqual({ op: 'scope', comparator: '!=', value: 3 });
    }
    expect(refusal('scope = UNSPECIFIED').metadata).toEqual({ position: '9', field: 'scope' });
    expect(refusal('scope > TEAM').reason).toBe('INVALID_FILTER');
  });

  it('reads times to the microsecond, with offsets, and refuses finer ones', () => {
    const value = (time: string) => (parseFilter(`update_time <= "${time}"`) as { value: number }).value;
    expect(value('2026-01-31T12:00:00.000001Z')).toBe(Date.UTC(2026, 0, 31, 12) * 1000 + 1);
    expect(value('2026-01-31T12:00:00.5+09:00')).toBe(Date.UTC(2026, 0, 31, 3) * 1000 + 500_000);
    expect(value('1969-12-31T23:59:59.999999Z')).toBe(-1);
    expect(value('9999-12-31T23:59:59Z')).toBe(Number.MAX_SAFE_INTEGER);
    for (const time of [
      '2026-01-31T12:00:00.0000001Z',
      '2026-02-30T00:00:00Z',
      '2026-01-31',
      'now',
      '2026-01-01T24:00:00Z',
    ]) {
      expect(refusal(`update_time <= "${time}"`).metadata).toEqual({ position: '16', field: 'update_time' });
    }
  });

  it('compares metadata with a value of one type, by path', () => {
    expect(parseFilter('metadata.a."b c".2d-e = true')).toEqual({
      op: 'metadata',
      path: ['a', 'b c', '2d-e'],
      comparator: '=',
      value: true,
    });
    expect(parseFilter('metadata.a < -1.5e3')).toMatchObject({ value: -1500, comparator: '<' });
    expect(parseFilter('metadata.a = null')).toMatchObject({ value: null });
    expect(parseFilter('metadata.a:*')).toMatchObject({ comparator: 'has', value: '*' });
    expect(parseFilter('metadata.__proto__ = "9"')).toMatchObject({ path: ['__proto__'], value: '9' });
    for (const wrong of [
      'metadata.a > true',
      'metadata.a = *',
      'metadata.a = yes',
      'metadata = 1',
      'metadata.a = 1e999',
    ]) {
      expect(refusal(wrong).reason).toBe('INVALID_FILTER');
    }
    expect(refusal(`metadata${'.a'.repeat(17)} = 1`).message).toContain('17 levels of metadata; at most 16');
  });

  it('takes an id in any case, and only a UUID', () => {
    expect(parseFilter(`id = "${UUID.toUpperCase()}"`)).toMatchObject({ field: 'id', value: UUID });
    expect(refusal('id = "x"').metadata).toEqual({ position: '6', field: 'id' });
  });

  it('refuses an unknown field by name and position, and repeats no other text', () => {
    expect(refusal('team = "a" AND colour = "red"')).toMatchObject({
      message: 'filter: names the unknown field colour (at character 16)',
      metadata: { position: '16', field: 'colour' },
    });
    const secret = 'sesame';
    for (const filter of [
      `team = "${secret}" AND`,
      `team = ${secret}`,
      `"${secret}"`,
      `team.${secret} = "x"`,
      `id = "${secret}"`,
    ]) {
      const { message, metadata, violations } = refusal(filter);
      expect(JSON.stringify([message, metadata, violations])).not.toContain(secret);
    }
  });

  it('counts positions in characters, not in halves of them', () => {
    expect(refusal('team = "🦉" AND nope = "x"').metadata.position).toBe('16');
  });

  it('refuses what PostgreSQL does not take, even when it is written as an escape', () => {
    for (const written of ['\\u0000', '\\ud800']) {
      expect(refusal(`team = "${written}"`).reason).toBe('INVALID_FILTER');
      expect(refusal(`metadata."${written}" = 1`).reason).toBe('INVALID_FILTER');
    }
    expect(refusal('team = "a\0b"').reason).toBe('INVALID_FILTER');
  });

  it('takes brackets and NOTs to the limit of depth and not one more', () => {
    const { max } = LIMITS.filterDepth;
    const nested = (depth: number) => `${'('.repeat(depth)}team = "a"${')'.repeat(depth)}`;
    const negated = (depth: number) => `${'NOT '.repeat(depth)}team = "a"`;
    expect(parseFilter(nested(max))).toEqual(text('team', 'a'));
    expect(parseFilter(negated(max))).toMatchObject({ op: 'not' });
    expect(parseFilter(`${nested(max)} OR ${nested(max)}`)).toMatchObject({ op: 'or' });
    expect(refusal(nested(max + 1)).message).toContain(`more than ${max} deep`);
    expect(refusal(negated(max + 1)).message).toContain(`more than ${max} deep`);
    expect(refusal('('.repeat(LIMITS.filterBytes.max)).reason).toBe('INVALID_FILTER');
  });

  it('takes a filter of exactly the limit of bytes and not one more', () => {
    const { max } = LIMITS.filterBytes;
    const sized = (bytes: number) => `team = "${'é'.repeat((bytes - 10) / 2)}x"`;
    expect(Buffer.byteLength(sized(max))).toBe(max);
    expect(parseFilter(sized(max))).toMatchObject({ op: 'text' });
    expect(refusal(`${sized(max)} `).message).toContain(`is ${max + 1} bytes; at most ${max} are allowed`);
  });

  it('brings any text back that JSON can quote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (value) => {
        fc.pre(!value.includes('\0'));
        expect(parseFilter(`key = ${JSON.stringify(value)}`)).toEqual(text('key', value));
      }),
    );
  });

  it('answers any input with a filter or INVALID_FILTER', () => {
    const word = fc.constantFrom(
      ...[
        'AND',
        'OR',
        'NOT',
        '(',
        ')',
        'team',
        'metadata.a',
        '=',
        ':',
        '<',
        '"a"',
        '9',
        '*',
        '.',
        '"',
        '\\',
        '__proto__',
        ' ',
      ],
    );
    const input = fc.oneof(
      fc.array(word).map((words) => words.join(' ')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(input, (filter) => {
        try {
          parseFilter(filter);
        } catch (error) {
          expect(error).toBeInstanceOf(ServiceError);
          expect((error as ServiceError).reason).toBe('INVALID_FILTER');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the generated parser', () => {
  const directory = new URL('../../src/server/domain/filter/', import.meta.url);
  const grammar = readFileSync(new URL('grammar.peggy', directory), 'utf8');

  it('is what npm run filter makes of the grammar now', () => {
    const source = peggy.generate(grammar, { output: 'source', format: 'es' });
    expect(readFileSync(new URL('grammar.gen.js', directory), 'utf8').trim()).toBe(source.trim());
  });

  it('reads nothing twice: its steps grow with the length of the filter, whatever its shape', () => {
    let steps = 0;
    const tracer = {
      trace: () => {
        steps += 1;
      },
    };
    const { parse } = peggy.generate(grammar, { trace: true });
    const count = (filter: string) => {
      steps = 0;
      parse(filter, { maxDepth: 16, tracer });
      return steps / filter.length;
    };
    const shapes = [
      (n: number) => Array(n).fill('team = "a"').join(' AND '),
      (n: number) => Array(n).fill('((((((((team = "a"))))))))').join(' OR '),
      (n: number) => `team = "${'\\\\'.repeat(n)}"`,
      (n: number) => `${' '.repeat(n)}NOT${' '.repeat(n)}(team${' '.repeat(n)}= "a"${' '.repeat(n)})`,
    ];
    for (const shape of shapes) expect(count(shape(80))).toBeLessThan(count(shape(8)) * 1.5);
  });
});
