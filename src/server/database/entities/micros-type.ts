import { Type } from '@mikro-orm/core';

/**
 * timestamptz as microseconds since 1970 in UTC. JavaScript's Date, MikroORM's own choice, keeps
 * only milliseconds, so that a cursor made of one could skip rows.
 */
export class MicrosType extends Type<number, string> {
  override convertToJSValue(value: string | number): number {
    return Number(value);
  }

  override convertToJSValueSQL(key: string): string {
    return `(extract(epoch from ${key}) * 1000000)::bigint`;
  }

  override convertToDatabaseValueSQL(key: string): string {
    return `(timestamptz 'epoch' + ${key} * interval '1 microsecond')`;
  }

  override getColumnType(): string {
    return 'timestamptz(6)';
  }

  override compareAsType(): string {
    return 'number';
  }
}
