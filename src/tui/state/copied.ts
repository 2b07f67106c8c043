import { clientRows } from './client-rows.ts';
import { copiedId } from './commands/memories.ts';
import { methodDetail } from './method-detail.ts';
import type { MonitorState } from './state.ts';

/** What a copying key takes, with what it is called. */
export interface Copied {
  readonly what: string;
  readonly text: string;
}

/** What `y` copies on the screen that is shown; undefined: there is nothing. */
export function copied(state: MonitorState): Copied | undefined {
  const { screen, selected, clients, slowRow } = state.view;
  switch (screen) {
    case 'method':
      return named('trace id', methodDetail(state, selected ?? '').slowest[slowRow]?.traceId);
    case 'memories':
      return named('memory id', copiedId(state));
    case 'clients': {
      const rows = clientRows(state);
      return named('key id', rows[Math.min(clients.row, rows.length - 1)]?.keyId);
    }
    default:
      return undefined;
  }
}

/** What `Y` copies: the trace of the last call of the memory browser. */
export function copiedTrace({ memories }: MonitorState): Copied | undefined {
  return named('trace id', memories.lastCall?.traceId);
}

function named(what: string, text: string | undefined): Copied | undefined {
  return text === undefined || text === '' ? undefined : { what, text };
}
