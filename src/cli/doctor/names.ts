/** The checklist in its order: what is quick and most often wrong first, what loads the server last. */
export const CHECK_NAMES = [
  'tls',
  'symptoms',
  'keys',
  'roles',
  'secrets',
  'files',
  'error-handling',
  'migrations',
  'index-use',
  'pool',
  'redis',
  'cache',
  'logging',
  'metrics',
  'clock',
  'disk',
  'service-levels',
  'memory-growth',
] as const;

export type CheckName = (typeof CHECK_NAMES)[number];
