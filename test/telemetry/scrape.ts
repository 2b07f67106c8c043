/** One sample of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar: string | undefined;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*?)\})? (\S+)(?: # (\{.*?\} \S+ \S+))?$/;

/**
 * Reads what an endpoint wrote, in either format.
 *
 * @throws Error naming the line that neither format allows
 */
export function readScrape(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const match = LINE.exec(line);
    if (!match) throw new Error(`not a sample: ${line}`);
    const [, name = '', labels = '', value = '', exemplar] = match;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text = '']) => [label, text]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value), exemplar };
  });
}

/** The one sample of this name with at least these labels. */
export function sampleOf(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): Sample {
  const found = samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  if (found.length !== 1) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(labels)}`);
  return found[0] as Sample;
}

/** The address of the endpoint in what a server logged. */
export function metricsUrl(output: string): string {
  const url = /"url":"(http:[^"]+\/metrics)"/.exec(output)?.[1];
  if (url === undefined) throw new Error(`serves no metrics:\n${output}`);
  return url;
}
