import type { MemoryAccess } from '../state/memories/browser.ts';
import { type Line, wrapText } from '../terminal/line.ts';
import type { Tone } from '../terminal/palette.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';

/** What to do where there is no key that may read memories. */
export function accessPanel(name: string, access: MemoryAccess, width: number, height: number, theme: Theme): Block {
  const title: Line = [{ text: name, tone: 'title', bold: true }];
  return panel({ title, width, height, lines: accessLines(access, width - 4) }, theme);
}

/** The same without its border. */
export function accessLines(access: MemoryAccess, width: number): readonly Line[] {
  return access.kind === 'none' ? howTo(access, width) : REPLAYED;
}

const REPLAYED: readonly Line[] = [
  ['A recording holds what the server did, and neither memories nor settings.'],
  [{ text: 'Without --replay this screen shows those of a server.', tone: 'dim' }],
];

/** One line a thought; sentences break where the panel ends. */
function howTo({ lookedAt, why }: Extract<MemoryAccess, { kind: 'none' }>, width: number): readonly Line[] {
  const said = why ?? `No key was found at ${lookedAt}.`;
  const sentence = (text: string, tone?: Tone): Line[] =>
    wrapText(text, width).map((row): Line => [tone === undefined ? row : { text: row, tone }]);
  return [
    ...sentence(
      'Memories and settings need a key of role reader, writer or admin; the key of this monitor sees statistics only.',
    ),
    ...sentence(said, 'warn'),
    [],
    ...sentence('Give one, and start the monitor again:'),
    ...WAYS.map(
      ([way, what]): Line => [
        { text: `  ${way.padEnd(24)} `, tone: 'accent' },
        { text: what, tone: 'dim' },
      ],
    ),
    [],
    ...sentence('Texts stay hidden until x is pressed, and nothing here changes a memory.', 'dim'),
  ];
}

const WAYS = [
  ['--memory-key-file FILE', 'a file with such a key'],
  ['MEMORYHUB_API_KEY=mh_...', 'in the environment, as for the command line'],
  ['MEMORYHUB_DATA_DIR=DIR', 'the data directory of a server on this machine, with its admin.key'],
] as const;
