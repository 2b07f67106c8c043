/** Opens the monitor, which reads its own flags; resolves to its exit code. */
export async function monitorCommand(argv: readonly string[]): Promise<number> {
  const { keepHeapSmall } = await import('../../tui/terminal/heap.ts');
  keepHeapSmall(argv.some((arg) => arg.startsWith('--replay')));
  const { bundleMonitor } = await import('../../tui/bundle.ts');
  const { runMonitor } = (await import(await bundleMonitor())) as typeof import('../../tui/main.tsx');
  return runMonitor(argv);
}
