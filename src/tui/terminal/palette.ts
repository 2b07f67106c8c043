/** What a colour is for. Every meaning is also a word, a sign or a place: colour only repeats it. */
export type Tone = 'dim' | 'border' | 'title' | 'accent' | 'good' | 'warn' | 'bad' | `cool${Step}` | `warm${Step}`;

/** Strength within a ramp. */
export type Step = 0 | 1 | 2 | 3 | 4;

/** How many colours the terminal can show. */
export type ColorDepth = 'none' | '16' | '256' | 'truecolor';

type Rgb = readonly [red: number, green: number, blue: number];

interface Colour {
  readonly rgb: Rgb;
  /** SGR foreground on terminals with 16 colours. */
  readonly basic: number;
}

export type PaletteName = 'blue-orange' | 'high-contrast';

/** Blue and orange are told apart with every common kind of colour blindness, on dark and on light ground. */
const BLUE_ORANGE: Record<Tone, Colour> = {
  dim: { rgb: [128, 138, 150], basic: 90 },
  border: { rgb: [82, 94, 110], basic: 90 },
  title: { rgb: [150, 196, 240], basic: 96 },
  accent: { rgb: [86, 180, 233], basic: 94 },
  good: { rgb: [86, 180, 233], basic: 94 },
  warn: { rgb: [240, 173, 78], basic: 33 },
  bad: { rgb: [255, 122, 41], basic: 93 },
  cool0: { rgb: [44, 86, 130], basic: 34 },
  cool1: { rgb: [50, 112, 168], basic: 34 },
  cool2: { rgb: [62, 140, 200], basic: 94 },
  cool3: { rgb: [92, 172, 226], basic: 94 },
  cool4: { rgb: [146, 206, 246], basic: 96 },
  warm0: { rgb: [138, 88, 40], basic: 33 },
  warm1: { rgb: [180, 108, 40], basic: 33 },
  warm2: { rgb: [222, 132, 44], basic: 33 },
  warm3: { rgb: [245, 158, 66], basic: 93 },
  warm4: { rgb: [255, 196, 122], basic: 93 },
};

const WHITE: Colour = { rgb: [255, 255, 255], basic: 97 };
const YELLOW: Colour = { rgb: [255, 255, 0], basic: 93 };

const HIGH_CONTRAST = Object.fromEntries(
  Object.keys(BLUE_ORANGE).map((tone) => [tone, /^(warn|bad|warm)/.test(tone) ? YELLOW : WHITE]),
) as Record<Tone, Colour>;

export const PALETTES: Record<PaletteName, Record<Tone, Colour>> = {
  'blue-orange': BLUE_ORANGE,
  'high-contrast': HIGH_CONTRAST,
};

/** The escape parameters of a tone's foreground; empty where there are no colours. */
export function foreground(tone: Tone, depth: ColorDepth, palette: PaletteName): string {
  const { rgb, basic } = PALETTES[palette][tone];
  switch (depth) {
    case 'none':
      return '';
    case '16':
      return String(basic);
    case '256':
      return `38;5;${nearest256(rgb)}`;
    case 'truecolor':
      return `38;2;${rgb.join(';')}`;
  }
}

/** xterm's levels of the 6x6x6 cube. */
const LEVELS = [0, 95, 135, 175, 215, 255];

function nearest256([red, green, blue]: Rgb): number {
  const spread = Math.max(red, green, blue) - Math.min(red, green, blue);
  // Greys have a finer ramp of their own: 24 steps of 10 from 8.
  if (spread < 24) return 232 + Math.min(23, Math.max(0, Math.round(((red + green + blue) / 3 - 8) / 10)));
  return 16 + 36 * nearestLevel(red) + 6 * nearestLevel(green) + nearestLevel(blue);
}

function nearestLevel(value: number): number {
  let best = 0;
  LEVELS.forEach((level, i) => {
    if (Math.abs(level - value) < Math.abs((LEVELS[best] as number) - value)) best = i;
  });
  return best;
}
