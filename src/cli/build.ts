/** Makes what the first start of each program would: `npm run build`, for images and packages. */
import { bundleServer } from '../server/bundle.ts';
import { bundleMonitor } from '../tui/bundle.ts';

await bundleMonitor();
await bundleServer();
