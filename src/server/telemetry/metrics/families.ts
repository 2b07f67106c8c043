import { callFamilies } from './call-families.ts';
import type { Family } from './family.ts';
import { processFamilies } from './process-families.ts';
import { storeFamilies } from './store-families.ts';
import type { MetricsView } from './view.ts';

/** Every metric of the server, made from what the statistics say: nothing is counted for it. */
export function familiesOf(view: MetricsView): Family[] {
  return [...callFamilies(view), ...storeFamilies(view), ...processFamilies(view)].filter(
    ({ samples }) => samples.length > 0,
  );
}
