/** Metrics cannot be served where they should be. */
export class MetricsListenError extends Error {
  override readonly name = 'MetricsListenError';
}
