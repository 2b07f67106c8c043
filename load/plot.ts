import type { Row } from './verdict.ts';

const WIDTH = 860;
const LEFT = 270;
const LINE = 34;
const COLOURS = { reached: '#2e7d32', 'within noise': '#b28704', missed: '#c62828' } as const;

/** The ratios as bars with their spread, and the goals as marks, in SVG. The right edge is the floor itself, or beyond. */
export function ratioPlot(rows: readonly Row[]): string {
  const most = Math.max(1, ...rows.map(({ ratio }) => ratio.high));
  const x = (value: number) => LEFT + ((WIDTH - LEFT - 60) * value) / most;
  const bars = rows.map(({ title, ratio, goal, verdict }, index) => {
    const y = 30 + index * LINE;
    const middle = y + 9;
    return [
      `<text x="${LEFT - 10}" y="${y + 13}" text-anchor="end">${title}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${(x(ratio.median) - LEFT).toFixed(1)}" height="18" fill="${COLOURS[verdict]}" fill-opacity="0.75"/>`,
      line(x(ratio.low), middle, x(ratio.high), middle, '#222'),
      line(x(goal), y - 4, x(goal), y + 22, '#1565c0'),
      `<text x="${(x(ratio.high) + 6).toFixed(1)}" y="${y + 13}">${ratio.median.toFixed(2)}</text>`,
    ].join('\n');
  });
  const height = 50 + rows.length * LINE;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
${bars.join('\n')}
${line(x(1), 20, x(1), height - 24, '#999')}
<text x="${x(1).toFixed(1)}" y="${height - 8}" text-anchor="middle" fill="#555">the floor</text>
<text x="${LEFT}" y="${height - 8}" fill="#1565c0">| goal</text>
</svg>
`;
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1}" x2="${x2.toFixed(1)}" y2="${y2}" stroke="${colour}" stroke-width="2"/>`;
}
