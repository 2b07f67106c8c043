import type { Histogram, StatementStats } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram } from '../../shared/histogram.ts';
import { addHistogram } from '../../shared/histogram-wire.ts';
import type { StatementObserver } from '../domain/call-context.ts';
import { drainHistogram } from './method-counters.ts';
import { wholeBigint } from './whole.ts';

interface Statement {
  readonly latency: LatencyHistogram;
  rows: number;
  errors: number;
}

/** More kinds than the server has statements: a guard against a kind made from data. */
const KINDS_MAX = 64;

/** Database statements by kind since the last drain. */
export class StatementTable implements StatementObserver {
  readonly #byKind = new Map<string, Statement>();

  statement(kind: string, startedAt: number, rows: number, failed: boolean): void {
    const statement = this.#byKind.get(kind) ?? this.#add(kind);
    statement.latency.record((performance.now() - startedAt) * 1000);
    statement.rows += rows;
    if (failed) statement.errors++;
  }

  /** Those since the last drain, and the time of all of them together. */
  drain(): { statements: StatementStats[]; query: Histogram | undefined } {
    const statements: StatementStats[] = [];
    let query: Histogram | undefined;
    for (const [kind, statement] of this.#byKind) {
      const latency = drainHistogram(statement.latency);
      if (latency === undefined) continue;
      query = addHistogram(query, latency);
      statements.push({ kind, latency, rows: wholeBigint(statement.rows), errors: wholeBigint(statement.errors) });
      statement.rows = 0;
      statement.errors = 0;
    }
    return { statements, query };
  }

  #add(kind: string): Statement {
    const name = this.#byKind.size < KINDS_MAX - 1 ? kind : 'other';
    const statement = this.#byKind.get(name) ?? { latency: new LatencyHistogram(), rows: 0, errors: 0 };
    this.#byKind.set(name, statement);
    return statement;
  }
}
