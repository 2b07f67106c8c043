import type { ScreenName } from './screens.ts';
import type { MonitorState } from './state.ts';

/** The screens with a filter of their own; the others share that of the methods. */
const OWN: Partial<Record<ScreenName, 'events' | 'clients' | 'settings'>> = {
  events: 'events',
  clients: 'clients',
  settings: 'settings',
};

/** The filter of the screen that is shown: of memories, the one that is typed. */
export function filterOf({ view, memories }: MonitorState): string {
  if (view.screen === 'memories') return view.filterBefore === undefined ? memories.filter : memories.draft;
  const own = OWN[view.screen];
  return own === undefined ? view.filter : view[own].filter;
}

/** Another filter on the screen that is shown; its cursor begins at the top again. That of memories asks the server, with Enter. */
export function withFilter(state: MonitorState, filter: string): MonitorState {
  const { view, memories } = state;
  if (view.screen === 'memories') return { ...state, memories: { ...memories, draft: filter } };
  const own = OWN[view.screen];
  const change = own === undefined ? { filter } : { [own]: { ...view[own], filter, row: 0 } };
  return { ...state, view: { ...view, ...change } };
}

/** Whether a row with these texts passes: without regard to case, a leading "!" inverts. */
export function passes(filter: string, ...texts: readonly string[]): boolean {
  const inverted = filter.startsWith('!');
  const wanted = (inverted ? filter.slice(1) : filter).toLowerCase();
  return wanted === '' || texts.some((text) => text.toLowerCase().includes(wanted)) !== inverted;
}
