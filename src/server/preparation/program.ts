import type { FromPreparation, ToPreparation } from './messages.ts';

/**
 * The program that prepares the database, and ends. Signals may reach all processes of the server, from a terminal or
 * who ends a service: the server acts on them when it has started. So they are listened to before anything is loaded.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit());
process.once('message', async ({ config, databaseUrl }: ToPreparation) => {
  const { prepare } = await loading;
  const end = await prepare(config, databaseUrl, tell).then((): FromPreparation => ({ kind: 'done' }), failed);
  process.send?.(end, () => process.disconnect());
});
const loading = import('./prepare.ts');

function tell(level: 'info' | 'warn', text: string): void {
  process.send?.({ kind: 'notice', level, text } satisfies FromPreparation);
}

async function failed(error: unknown): Promise<FromPreparation> {
  const [{ isForeseen }, { serializeError }] = await Promise.all([
    import('../foreseen.ts'),
    import('../telemetry/redaction.ts'),
  ]);
  if (isForeseen(error)) return { kind: 'failed', foreseen: true, message: error.message };
  return { kind: 'failed', foreseen: false, message: JSON.stringify(serializeError(error)) };
}
