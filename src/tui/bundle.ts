import { join } from 'node:path';
import { upToDate } from '../shared/bundle.ts';
import { PACKAGE_ROOT } from '../shared/package-root.ts';

const OUTPUT = join(PACKAGE_ROOT, 'dist/monitor.mjs');

/**
 * Bundles the monitor when a source is newer than the bundle: Node strips types, but not JSX, and
 * one file starts in a third of the time.
 *
 * @returns URL of the bundle, to be imported
 */
export function bundleMonitor(output = OUTPUT): Promise<string> {
  return upToDate({
    entry: 'src/tui/main.tsx',
    output,
    sources: ['src/tui', 'src/shared', 'package.json'],
    options: {
      jsx: 'automatic',
      // React's development build is slower by half and warns into the frame.
      define: { 'process.env.NODE_ENV': '"production"' },
      // Ink imports it only when DEV=true, and esbuild cannot know.
      alias: { 'react-devtools-core': join(PACKAGE_ROOT, 'src/tui/no-devtools.ts') },
      // CommonJS packages within call require().
      banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
    },
  });
}
