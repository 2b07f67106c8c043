import { hash } from 'node:crypto';

/**
 * A statement of the repository. `name` makes it prepared once per connection; statements whose
 * text depends on a filter have none, because a connection would keep every text it ever saw.
 */
export interface Statement {
  /** One word for statistics, the same for every shape of the statement. */
  readonly kind: string;
  readonly name: string | undefined;
  readonly text: string;
}

/**
 * What the plan test needs of a statement: values to plan it with and the indexes it must use.
 * Every file of this folder that has SQL exports `planCases`; a file without fails the test.
 */
export interface PlanCase {
  readonly title: string;
  readonly statement: Statement;
  readonly values: readonly SqlValue[];
  /**
   * Every index the plan uses; any other, and any sequential scan, fails. 'one': whichever the planner
   * takes to be the shortest way through a workspace.
   */
  readonly indexes: readonly string[] | 'one';
}

/** What the driver is handed: text of a parameter, or NULL. */
export type SqlValue = string | null;

/** Microseconds since 1970 as a timestamptz; exact, because doubles hold every whole number used. */
export function timestampOf(micros: string): string {
  return `(timestamptz 'epoch' + ${micros} * interval '1 microsecond')`;
}
/** More rows than a page asks for: in the text, so that the planner knows how few are wanted of an index. */
export function limitOf({ pageSize }: { readonly pageSize: number }): number {
  return Math.max(pageSize, 1000) + 1;
}

/** A name for a text that is put together, for those of which there are few: the same text, the same name. */
export function nameOf(text: string): string {
  return `page_${hash('sha256', text, 'hex').slice(0, 24)}`;
}
