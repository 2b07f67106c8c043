import { join } from 'node:path';
import { upToDate } from '../shared/bundle.ts';
import { PACKAGE_ROOT } from '../shared/package-root.ts';

/**
 * Bundles the monitor when a source is newer than the bundle: Node strips types, but not JSX, and
 * one file starts in a third of the time.
 *
 * @returns URL of the bundle, to be imported
 */
export function bundleMonitor(folder = join(PACKAGE_ROOT, 'dist')): Promise<string> {
  return upToDate({
    programs: { monitor: 'src/tui/main.tsx' },
    folder,
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
