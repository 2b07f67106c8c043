import type { StatementRunner } from './memory-statements.ts';
import { ANALYZE } from './statements/analyze.ts';

/** Rows written by this process after which the planner is told. */
const MILESTONES = [250, 1000, 4000, 16_000, 64_000];

/**
 * Keeps the planner informed while tables grow fast. Autovacuum looks once a minute; a table that
 * grows from nothing to a million rows meanwhile would be read and written all that time with plans
 * made for an empty one, because prepared plans are kept until statistics change. ANALYZE reads a
 * sample and makes every session, of every process, plan anew.
 */
export class TableStatistics {
  readonly #runner: StatementRunner;
  #rows = 0;
  #milestone = 0;
  #running: Promise<unknown> = Promise.resolve();

  constructor(runner: StatementRunner) {
    this.#runner = runner;
  }

  /** To be told about rows that were written. */
  written(rows: number): void {
    this.#rows += rows;
    const next = MILESTONES[this.#milestone];
    if (next === undefined || this.#rows < next) return;
    this.#milestone++;
    // Plans are only slower without it: the next milestone, or autovacuum, makes up for a failure.
    this.#running = this.#runner.run(ANALYZE, []).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#running;
  }
}
