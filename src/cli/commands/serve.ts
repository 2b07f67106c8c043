import { defineCommand } from '../define-command.ts';

export const serveCommand = defineCommand({
  command: 'serve',
  describe: 'Run the server; settings come from the environment and memory-hub.config.yaml',
  builder: (argv) => argv,
  handler: runServer,
});

/** Runs the server to its end. */
export async function runServer(): Promise<void> {
  const { serve, warnings } = await loadServer();
  process.exitCode = await serve(process.env, warnings);
}

type Server = Pick<typeof import('../../server/main.ts'), 'serve'>;

/** Loaded only here: the other commands start in a fraction of the time. */
async function loadServer(): Promise<Server & { readonly warnings: readonly string[] }> {
  const { bundleServer } = await import('../../server/bundle.ts');
  let bundle: string;
  try {
    bundle = await bundleServer();
  } catch (error) {
    // Installed without what is for development, or where it may not write: it runs from its sources as well.
    const reason = error instanceof Error ? error.message : String(error);
    const { serve } = await import('../../server/main.ts');
    return { serve, warnings: [`the server is not bundled, and each of its processes takes 40 MB more: ${reason}`] };
  }
  const { serve } = (await import(bundle)) as Server;
  return { serve, warnings: [] };
}
