import { defineCommand } from '../define-command.ts';

export const serveCommand = defineCommand({
  command: 'serve',
  describe: 'Run the server; settings come from the environment and memory-hub.config.yaml',
  builder: (argv) => argv,
  handler: async () => {
    // Loaded only here: the other commands start in a fraction of the time.
    const { serve } = await import('../../server/main.ts');
    process.exitCode = await serve(process.env);
  },
});
