import type { View } from './view.ts';

/** The filter of the screen that is shown. */
export function filterOf(view: View): string {
  return view.screen === 'events' ? view.events.filter : view.filter;
}

/** The view with another filter on the screen that is shown; its cursor begins at the top again. */
export function withFilter(view: View, filter: string): View {
  return view.screen === 'events' ? { ...view, events: { ...view.events, filter, row: 0 } } : { ...view, filter };
}

/** Whether a row with these texts passes: without regard to case, a leading "!" inverts. */
export function passes(filter: string, ...texts: readonly string[]): boolean {
  const inverted = filter.startsWith('!');
  const wanted = (inverted ? filter.slice(1) : filter).toLowerCase();
  return wanted === '' || texts.some((text) => text.toLowerCase().includes(wanted)) !== inverted;
}
