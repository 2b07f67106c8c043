import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteSink } from '../../src/server/domain/byte-sink.ts';
import { writeCompactJson } from '../../src/server/rpc/memory/compact-json.ts';
import { testRepository } from '../repository/support/repository.ts';

/** Behind other bytes and before others, as it lies in what the database sent; undefined: left to the caller. */
function compact(json: string): string | undefined {
  const bytes = Buffer.from(`before${json}behind`);
  const out = new ByteSink(4);
  out.byte(0x2b);
  const isWritten = writeCompactJson(bytes, 6, bytes.length - 6, out);
  const text = out.written.toString();
  expect(text.slice(0, 1)).toBe('+');
  if (!isWritten) expect(text).toBe('+');
  return isWritten ? text.slice(1) : undefined;
}

const throughObject = (json: string) => JSON.stringify(JSON.parse(json));

describe('writeCompactJson', () => {
  it.each([
    '{}',
    '{"ticket": "OPS-1", "priority": 3}',
    '{"a": [1, -2, 0, 0.5, -0.25, 1.000001, 0.000001, 123456789012345], "b": {"c": null, "d": true, "e": false}}',
    '{"a b": "c  d: \\"e\\" \\\\", "": "1", "-1": "\\u001f", "한글": "🦉 한"}',
    '{"a":1,"b":"2: 3"}',
  ])('writes %s', (json) => {
    expect(compact(json)).toBe(throughObject(json));
  });

  it.each([
    ['names that are numbers', '{"b": 1, "10": 2}'],
    ['names that are numbers within', '{"a": [{"b": {"1": 2}}]}'],
    ['zeros at the end', '{"a": 1.50}'],
    ['a zero of another form', '{"a": 0.0}'],
    ['a zero with a sign', '{"a": -0}'],
    ['more digits than a double tells apart', '{"a": 1234567890123456}'],
    ['a fraction with as many', '{"a": 0.1234567890123456}'],
    ['what needs an exponent', '{"a": 0.0000001}'],
    ['an exponent', '{"a": 1e5}'],
    ['an exponent with a sign', '{"a": 1.5E+300}'],
  ])('leaves %s to its caller', (_, json) => {
    expect(compact(json)).toBeUndefined();
  });

  it('writes what JSON.stringify makes of it, or nothing', () => {
    const digits = fc.stringMatching(/^-?(0|[1-9]\d{0,17})(\.\d{1,17})?(e-?\d{1,2})?$/);
    const number = fc.oneof(
      digits,
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.integer().map(String),
    );
    const text = fc.string({ unit: 'binary', maxLength: 8 }).map((value) => JSON.stringify(value));
    const blank = fc.constantFrom('', ' ');
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        number,
        text,
        fc.constantFrom('null', 'true', 'false'),
        tie('list'),
        tie('object'),
      ),
      list: fc.tuple(fc.array(tie('value'), { maxLength: 4 }), blank).map(([items, b]) => `[${items.join(`,${b}`)}]`),
      object: fc
        .tuple(fc.uniqueArray(fc.tuple(text, tie('value')), { maxLength: 4, selector: ([name]) => name }), blank)
        .map(([fields, b]) => `{${fields.map(([name, item]) => `${name}:${b}${item}`).join(`,${b}`)}}`),
    })).object as fc.Arbitrary<string>;
    fc.assert(
      fc.property(value, (json) => {
        const written = compact(json);
        if (written !== undefined) expect(written).toBe(throughObject(json));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('of what PostgreSQL prints', () => {
  const subject = testRepository();

  it('writes what JSON.stringify makes of it, or nothing; and writes much of it', async () => {
    const given = fc.sample(
      fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ stringUnit: 'grapheme' })),
      2000,
    );
    const { rows } = await subject().database.pool.query<[string]>({
      text: 'SELECT value::text FROM jsonb_array_elements($1::jsonb)',
      values: [JSON.stringify(given)],
      rowMode: 'array',
    });
    expect(rows).toHaveLength(given.length);
    let written = 0;
    for (const [json] of rows) {
      const text = compact(json);
      if (text === undefined) continue;
      expect(text).toBe(throughObject(json));
      written++;
    }
    expect(written).toBeGreaterThan(rows.length / 10);
  });
});
