import { ServiceError } from '../domain/errors.ts';
import type { Comparator, Comparison, Filter } from '../domain/filter/ast.ts';
import { type SqlValue, timestampOf } from './statements/statement.ts';

/** Parameters of a statement, numbered as they are added. Values never become part of the text. */
export class Parameters {
  readonly values: SqlValue[] = [];

  /** @returns the parameter with its type, for instance "$3::text" */
  add(value: string | number, type: string): string {
    this.values.push(String(value));
    return `$${this.values.length}::${type}`;
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * A filter as a condition on columns of `memories` or `memory_revisions`. Every part is true or false,
 * never NULL, so that NOT means what it says. Texts are compared byte by byte, whatever the
 * database's collation.
 *
 * @param table alias the columns belong to
 * @throws ServiceError INVALID_FILTER for text with U+0000, which no memory can hold
 */
export function filterSql(filter: Filter, parameters: Parameters, table: string): string {
  switch (filter.op) {
    case 'and':
    case 'or':
      if (filter.operands.length === 0) return filter.op === 'and' ? 'true' : 'false';
      return `(${filter.operands.map((operand) => filterSql(operand, parameters, table)).join(` ${filter.op.toUpperCase()} `)})`;
    case 'not':
      return `NOT ${filterSql(filter.operand, parameters, table)}`;
    default:
      return comparisonSql(filter, parameters, table);
  }
}

function comparisonSql(filter: Comparison, parameters: Parameters, table: string): string {
  switch (filter.op) {
    case 'text':
      if (filter.field === 'id') return idSql(filter.comparator, filter.value, parameters, table);
      return textSql(
        `${table}.${filter.field}`,
        filter.field === 'content',
        filter.comparator,
        filter.value,
        parameters,
      );
    case 'scope':
      return `${table}.scope ${sqlOperator(filter.comparator)} ${parameters.add(filter.value, 'int2')}`;
    case 'tag':
      return `${parameters.add(storable(filter.value), 'text')} = ANY(${table}.tags)`;
    case 'revision':
      return `${table}.revision ${sqlOperator(filter.comparator)} ${parameters.add(filter.value, 'numeric')}`;
    case 'time': {
      const column = `${table}.${filter.field}`;
      const value = timestampOf(parameters.add(filter.value, 'int8'));
      // A memory without an expire_time matches no comparison but !=.
      return filter.comparator === '!='
        ? `${column} IS DISTINCT FROM ${value}`
        : `coalesce(${column} ${sqlOperator(filter.comparator)} ${value}, false)`;
    }
    case 'metadata':
      return metadataSql(filter, parameters, table);
  }
}

function textSql(
  column: string,
  contains: boolean,
  comparator: Comparator | 'has',
  value: string,
  parameters: Parameters,
): string {
  const wanted = parameters.add(storable(value), 'text');
  if (comparator === 'has') return contains ? `strpos(${column}, ${wanted}) > 0` : `${column} = ${wanted}`;
  if (comparator === '=' || comparator === '!=') return `${column} ${sqlOperator(comparator)} ${wanted}`;
  return `${column} COLLATE "C" ${comparator} ${wanted}`;
}

/** Whole ids are compared as UUIDs, so that the primary key serves; anything else as text. */
function idSql(comparator: Comparator | 'has', value: string, parameters: Parameters, table: string): string {
  if (!UUID.test(value)) return textSql(`${table}.id::text`, false, comparator, value, parameters);
  const operator = comparator === 'has' ? '=' : sqlOperator(comparator);
  return `${table}.id ${operator} ${parameters.add(value, 'uuid')}`;
}

function metadataSql(filter: Comparison & { op: 'metadata' }, parameters: Parameters, table: string): string {
  const { comparator, value } = filter;
  // Steps of the path are parameters one by one: an array literal would have to be quoted again.
  const path = filter.path.map((step) => parameters.add(storable(step), 'text')).join(', ');
  const found = `(${table}.metadata #> ARRAY[${path}])`;
  if (comparator === 'has' && value === '*') return `${found} IS NOT NULL`;
  if (typeof value === 'string' && comparator !== 'has' && comparator !== '=' && comparator !== '!=') {
    const wanted = parameters.add(storable(value), 'text');
    return `CASE WHEN jsonb_typeof(${found}) = 'string' THEN (${found} #>> '{}') COLLATE "C" ${comparator} ${wanted} ELSE false END`;
  }
  const wanted = jsonbSql(value, parameters);
  switch (comparator) {
    case 'has':
      // For jsonb an array contains a scalar that is one of its elements.
      return `coalesce(${found} @> ${wanted}, false)`;
    case '=':
      return `coalesce(${found} = ${wanted}, false)`;
    case '!=':
      return `coalesce(${found} <> ${wanted}, true)`;
    default:
      return `coalesce(jsonb_typeof(${found}) = jsonb_typeof(${wanted}) AND ${found} ${comparator} ${wanted}, false)`;
  }
}

function jsonbSql(value: string | number | boolean | null, parameters: Parameters): string {
  if (value === null) return `'null'::jsonb`;
  if (typeof value === 'boolean') return `'${value}'::jsonb`;
  if (typeof value === 'number') return `to_jsonb(${parameters.add(value, 'numeric')})`;
  return `to_jsonb(${parameters.add(storable(value), 'text')})`;
}

function sqlOperator(comparator: Comparator): string {
  return comparator === '!=' ? '<>' : comparator;
}

/** @throws ServiceError INVALID_FILTER for text with U+0000 */
export function storable(value: string): string {
  if (value.includes('\0')) throw new ServiceError('INVALID_FILTER', 'a filter cannot contain the character U+0000');
  return value;
}
