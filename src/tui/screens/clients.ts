import { CLIENT_SORTS, type ClientRow, clientRows } from '../state/client-rows.ts';
import { type MonitorState, shownSlots } from '../state/state.ts';
import { type Line, printable, type Span } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatCount, formatPeriod, formatShare } from '../widgets/format.ts';
import { type TableColumn, tableLines } from '../widgets/table.ts';
import { FRAME_ROWS } from './overview-layout.ts';

/** Above this share of refused or failed calls a caller is marked. */
const MUCH = 0.05;

/** Who calls: how much, how much of it is turned away or fails, and which streams are open. */
export function clientsScreen(state: MonitorState, width: number, rows: number, theme: Theme): Block {
  const { clients, windowMs } = state.view;
  const shown = clientRows(state);
  const height = rows - FRAME_ROWS;
  const cursor = Math.min(clients.row, Math.max(0, shown.length - 1));
  const table = tableLines(
    { columns: columnsOf(state, shown), rows: shown, cursor, width: width - 4, height: height - 2 },
    theme,
  );
  const filter: Line = clients.filter === '' ? [] : [{ text: '  filter ', tone: 'dim' }, printable(clients.filter)];
  const title: Line = [{ text: `Clients (${shown.length})`, tone: 'title', bold: true }, ...filter];
  const note: Line = [{ text: `over ${formatPeriod(windowMs)}`, tone: 'dim' }];
  const lines = shown.length > 0 ? table : [...table, [], hint(state)];
  return panel({ title, note, width, height, lines }, theme);
}

function hint(state: MonitorState): Line {
  if (state.view.clients.filter !== '') {
    return [{ text: '  No client passes the filter. Esc drops it.', tone: 'dim' }];
  }
  const text = shownSlots(state).length === 0 ? '  No data yet.' : '  Nobody called in this window.';
  return [{ text, tone: 'dim' }];
}

/** Open streams whose readers do not read: seldom any, and then what everybody looks for. */
const UNREAD: TableColumn<ClientRow> = { title: 'UNREAD', width: 8, cell: ({ stalled }) => counted(stalled, 'bad') };

function columnsOf({ view }: MonitorState, rows: readonly ClientRow[]): readonly TableColumn<ClientRow>[] {
  const { sort, reversed } = view.clients;
  const sorted = (name: (typeof CLIENT_SORTS)[number]) => {
    if (CLIENT_SORTS[sort] !== name) return undefined;
    const falls = (name === 'keyName' || name === 'peer') === reversed;
    return falls ? 'falling' : 'rising';
  };
  return [
    { title: 'KEY', width: 14, maxWidth: 36, left: true, cell: nameCell, sorted: sorted('keyName') },
    { title: 'PEER', width: 15, left: true, cell: ({ peer }) => printable(peer) || '-', sorted: sorted('peer') },
    { title: 'CALLS/S', width: 8, cell: ({ rate }) => formatCount(rate), sorted: sorted('rate') },
    { title: 'CALLS', width: 7, cell: ({ calls }) => formatCount(calls), weight: 1 },
    { title: 'ERR%', width: 7, cell: shareCell, weight: 3 },
    { title: 'ERRORS', width: 7, cell: ({ errors }) => counted(errors, 'warn'), sorted: sorted('errors') },
    { title: 'REFUSED', width: 9, cell: ({ refused }) => counted(refused, 'bad'), sorted: sorted('refused') },
    { title: 'STREAMS', width: 8, cell: ({ streams }) => counted(streams), sorted: sorted('streams'), weight: 2 },
    ...(rows.some(({ stalled }) => stalled > 0) ? [UNREAD] : []),
    {
      title: '  KEY ID',
      width: 38,
      left: true,
      cell: ({ keyId }) => ({ text: `  ${printable(keyId)}`, tone: 'dim' }),
      weight: 0,
    },
  ];
}

/** Callers whose key the server does not know have neither id nor name. */
function nameCell({ keyId, keyName }: ClientRow): Span | string {
  if (keyName !== '') return printable(keyName);
  return keyId === '' ? { text: 'no valid key', tone: 'warn' } : printable(keyId);
}

function shareCell({ errorShare, errors }: ClientRow): Span | string {
  if (errors === 0) return { text: '0%', tone: 'dim' };
  const much = errorShare >= MUCH;
  return { text: `${much ? '!' : ''}${formatShare(errorShare)}`, tone: much ? 'bad' : 'warn' };
}

function counted(count: number, tone?: 'warn' | 'bad'): Span | string {
  if (count === 0) return { text: '0', tone: 'dim' };
  return tone === undefined ? formatCount(count) : { text: `${tone === 'bad' ? '! ' : ''}${formatCount(count)}`, tone };
}
