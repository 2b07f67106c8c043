/** The screens of the tab line: the number that is pressed, and what the line calls it. */
export const SCREENS = [
  { name: 'overview', number: 1, title: 'Overview' },
  { name: 'methods', number: 2, title: 'Methods' },
  { name: 'memories', number: 3, title: 'Memories' },
  { name: 'store', number: 4, title: 'Store' },
  { name: 'clients', number: 5, title: 'Clients' },
  { name: 'events', number: 6, title: 'Events' },
  { name: 'settings', number: 7, title: 'Settings' },
] as const;

export type TabName = (typeof SCREENS)[number]['name'];

/** What can be looked at: the screens of the tab line, and one method, which is opened from a table. */
export type ScreenName = TabName | 'method';

/** The tab a screen belongs to. */
export function tabOf(screen: ScreenName): TabName {
  return screen === 'method' ? 'methods' : screen;
}

/** The tab so many places to the right, around the end. */
export function tabBeside(screen: ScreenName, places: number): TabName {
  const at = SCREENS.findIndex(({ name }) => name === tabOf(screen));
  return (SCREENS[(at + places + SCREENS.length) % SCREENS.length] ?? SCREENS[0]).name;
}
