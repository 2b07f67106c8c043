import type { ColorDepth } from './palette.ts';

/**
 * How many colours to use. NO_COLOR (https://no-color.org) wins over everything, FORCE_COLOR over
 * what the terminal says of itself.
 */
export function colorDepth(env: NodeJS.ProcessEnv, isTerminal: boolean): ColorDepth {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return 'none';
  switch (env.FORCE_COLOR) {
    case '0':
    case 'false':
      return 'none';
    case '1':
    case 'true':
    case '':
      return '16';
    case '2':
      return '256';
    case '3':
      return 'truecolor';
  }
  const term = env.TERM ?? '';
  if (!isTerminal || term === 'dumb') return 'none';
  if (/^(truecolor|24bit)$/i.test(env.COLORTERM ?? '')) return 'truecolor';
  if (/256|kitty|alacritty|ghostty|wezterm|foot/.test(term)) return '256';
  return '16';
}

/** Whether the locale is known to be another than UTF-8; without a word about it, UTF-8 is what terminals are. */
export function wantsAscii(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  if (env.TERM === 'linux' || env.TERM === 'dumb') return true;
  // C and POSIX are what containers leave unset terminals with; only a named other charset says ASCII.
  return /\.(?!utf-?8)[\w-]+$/i.test(locale);
}

/**
 * Settles what Ink and chalk read from the environment when they are imported: they know nothing of
 * NO_COLOR on a terminal, and an empty `CI=` makes Ink draw nothing until the end.
 */
export function settleColorEnvironment(env: NodeJS.ProcessEnv, depth: ColorDepth): void {
  env.FORCE_COLOR = { none: '0', '16': '1', '256': '2', truecolor: '3' }[depth];
  if (env.CI === '') delete env.CI;
}
