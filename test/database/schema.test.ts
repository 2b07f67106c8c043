import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

test('a migrated database is what the entities describe', async () => {
  expect(await database().orm.schema.getUpdateSchemaSQL({ wrap: false, safe: false })).toBe('');
});
