import { connect } from 'node:net';
import { bad, type Check, type Finding, ok, skipped } from '../finding.ts';

const TIMEOUT_MS = 3_000;

export const metrics: Check = {
  name: 'metrics',
  about: 'whether statistics, the Prometheus endpoint and the OTLP receiver are reachable',
  async run({ onThisMachine, config, stats }) {
    const { methods, processes } = await stats();
    const told = ok(`GetStats tells of ${methods.length} methods and ${processes.length} processes.`);
    if (!onThisMachine) return [told, skipped('The server runs elsewhere: where it exports to is not seen from here.')];
    const { metrics_listen, otlp_endpoint } = config;
    const findings: Finding[] = [told];
    if (metrics_listen !== undefined) findings.push(await scraped(metrics_listen));
    if (otlp_endpoint !== undefined) findings.push(await reached(new URL(otlp_endpoint)));
    if (findings.length === 1) {
      findings.push(skipped('Neither MEMORYHUB_METRICS_LISTEN nor OTEL_EXPORTER_OTLP_ENDPOINT is set.'));
    }
    return findings;
  },
};

async function scraped({ host, port }: { readonly host: string; readonly port: number }): Promise<Finding> {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics`;
  const advice =
    'See whether the server was started with this MEMORYHUB_METRICS_LISTEN, and whether the port is free for it.';
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const families = (await answer.text()).match(/^# TYPE /gm)?.length ?? 0;
    if (answer.ok && families > 0) return ok(`${url} answers with ${families} metrics.`);
    return bad(`${url} answers ${answer.status} with ${families} metrics.`, advice);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return bad(`${url} does not answer: ${cause instanceof Error ? cause.message || cause.name : cause}.`, advice);
  }
}

async function reached(url: URL): Promise<Finding> {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const where = `${url.hostname}:${port}`;
  const failure = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port, timeout: TIMEOUT_MS });
    const end = (result?: string) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end());
    socket.once('timeout', () => end('no answer in time'));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
  if (failure === undefined) return ok(`The OTLP receiver at ${where} takes connections.`);
  return bad(
    `The OTLP receiver at ${where} takes no connections: ${failure}.`,
    'Start it, or mend OTEL_EXPORTER_OTLP_ENDPOINT.',
  );
}
