import { SCREENS, tabOf } from '../state/screens.ts';
import type { MonitorState } from '../state/state.ts';
import { type Line, lineWidth, printable } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';

/** Where one is: every screen with its number, the shown one in brackets; or the way to an opened method. */
export function tabLine({ view }: MonitorState, room: number, { glyphs }: Theme): Line {
  if (view.screen === 'method') {
    return [
      { text: `Methods ${glyphs.separator} `, tone: 'dim' },
      { text: printable(view.selected ?? ''), tone: 'accent', bold: true },
    ];
  }
  const whole = tabs(view.screen, '  ', true);
  if (lineWidth(whole) <= room) return whole;
  const close = tabs(view.screen, ' ', true);
  return lineWidth(close) <= room ? close : tabs(view.screen, ' ', false);
}

/** @param titled whether the screens that are not shown have their titles too */
function tabs(shown: MonitorState['view']['screen'], gap: string, titled: boolean): Line {
  return SCREENS.flatMap(({ name, number, title }, i): Line => {
    const before = i === 0 ? [] : [gap];
    if (name === tabOf(shown)) return [...before, { text: `[${number} ${title}]`, tone: 'accent', bold: true }];
    return [...before, { text: titled ? `${number} ${title}` : String(number), tone: 'dim' }];
  });
}
