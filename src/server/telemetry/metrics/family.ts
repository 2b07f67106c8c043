/** Labels of a sample under OpenTelemetry's names, which may have dots. */
export type Labels = Readonly<Record<string, string>>;

interface Described {
  /** OpenTelemetry's name: "memoryhub.postgres.pool.size". */
  readonly name: string;
  /** One sentence without its full stop. */
  readonly help: string;
  /** UCUM: "s", "By", "1" for a ratio, "{row}" for things; empty for a flag. */
  readonly unit: string;
}

export interface NumberSample {
  readonly labels: Labels;
  readonly value: number;
}

/** A call that lies in a bucket, with the trace that tells more about it. */
export interface Exemplar {
  readonly traceId: string;
  readonly value: number;
  readonly atMs: number;
}

export interface HistogramSample {
  readonly labels: Labels;
  /** How many values were in each bucket: one more than there are bounds, the last is the rest. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** By bucket; most have none. */
  readonly exemplars: ReadonlyMap<number, Exemplar>;
}

/** Goes up only, from the start of the server on. */
export interface CounterFamily extends Described {
  readonly type: 'counter';
  readonly samples: readonly NumberSample[];
}

export interface GaugeFamily extends Described {
  readonly type: 'gauge';
  readonly samples: readonly NumberSample[];
}

export interface HistogramFamily extends Described {
  readonly type: 'histogram';
  /** Upper ends of the buckets, in the unit. */
  readonly bounds: readonly number[];
  readonly samples: readonly HistogramSample[];
}

/** One metric with all its samples. */
export type Family = CounterFamily | GaugeFamily | HistogramFamily;

type Rows<T> = readonly (readonly [labels: Labels, value: T])[];

export function counter(name: string, unit: string, help: string, rows: Rows<bigint | number>): CounterFamily {
  return { type: 'counter', name, unit, help, samples: rows.map(numberSample) };
}

export function gauge(name: string, unit: string, help: string, rows: Rows<bigint | number | boolean>): GaugeFamily {
  return { type: 'gauge', name, unit, help, samples: rows.map(numberSample) };
}

function numberSample([labels, value]: readonly [Labels, bigint | number | boolean]): NumberSample {
  return { labels, value: Number(value) };
}
