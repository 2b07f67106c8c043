import fc from 'fast-check';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecordArray, setRecordType } from '../../src/server/repository/statements/record-array.ts';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let client: Client;
let type: number;

beforeAll(async () => {
  client = await database().openWriteConnection();
  await client.query(
    'CREATE TYPE pg_temp.sample AS (a int4, b int2, c int8, d bool, e uuid, f text, g text[], h jsonb, i bytea)',
  );
  const { rows } = await client.query<{ type: number }>(`SELECT 'pg_temp.sample'::regtype::oid AS type`);
  type = Number(rows[0]?.type);
});
afterAll(() => client.end());

const text = fc.string({ unit: 'grapheme', maxLength: 200 }).filter((value) => !/\0|\p{Surrogate}/u.test(value));
const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const record = fc.record({
  a: fc.integer(),
  b: optional(fc.integer({ min: -32_768, max: 32_767 })),
  c: optional(fc.maxSafeInteger()),
  d: fc.boolean(),
  e: optional(fc.uuid()),
  f: optional(text),
  g: optional(fc.array(text, { maxLength: 5 })),
  h: optional(fc.dictionary(text, text, { maxKeys: 4, noNullPrototype: true })),
  i: optional(fc.uint8Array({ maxLength: 40 })),
});
type Sample = typeof record extends fc.Arbitrary<infer T> ? T : never;

function written(samples: readonly Sample[], sizeBytes: number): Buffer {
  const array = new RecordArray(9, sizeBytes);
  for (const { a, b, c, d, e, f, g, h, i } of samples) {
    array.begin();
    array.int4(a);
    array.int2(b);
    array.int8(c);
    array.bool(d);
    array.uuid(e);
    array.text(f);
    array.textArray(g);
    array.jsonb(h && JSON.stringify(h));
    array.bytea(i);
  }
  const bytes = array.finish();
  setRecordType(bytes, type);
  return bytes;
}

async function read(bytes: Buffer): Promise<(readonly unknown[])[]> {
  const text = `SELECT a, b, c::text, d, e, f, g, h, encode(i, 'hex') FROM unnest($1::pg_temp.sample[])`;
  const { rows } = await client.query<unknown[]>({ text, values: [bytes], rowMode: 'array' });
  return rows;
}

describe('an array of records', () => {
  it('brings every value of every type to PostgreSQL as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 4 }), fc.constantFrom(0, 4096), async (samples, sizeBytes) => {
        expect(await read(written(samples, sizeBytes))).toEqual(
          samples.map(({ a, b = null, c, d, e = null, f = null, g = null, h = null, i }) => {
            return [a, b, c === undefined ? null : String(c), d, e, f, g, h, i ? Buffer.from(i).toString('hex') : null];
          }),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('takes whole numbers that are not exact as the largest that are', async () => {
    const sample = { a: 1, b: 1, d: true, e: undefined, f: undefined, g: undefined, h: undefined, i: undefined };
    const rows = await read(
      written(
        [2 ** 63, -(2 ** 63)].map((c) => ({ ...sample, c })),
        0,
      ),
    );
    expect(rows.map((row) => row[2])).toEqual(['9007199254740991', '-9007199254740991']);
  });
});
