import { type CpuProfile, isIdle, nameOf, type ProfileNode, selfTimes } from './profile.ts';

const WIDTH = 1400;
const LINE = 17;
/** Narrower frames are left out. */
const LEAST = 1.5;

/** A flame graph in SVG: callers above, callees below, width is time of the processor. */
export function flameGraph(taken: CpuProfile): string {
  const byId = new Map(taken.nodes.map((node) => [node.id, node]));
  const self = selfTimes(taken);
  const totals = new Map<number, number>();
  const total = (node: ProfileNode): number => {
    const own = isIdle(node) ? 0 : (self.get(node.id) ?? 0);
    const sum = (node.children ?? []).reduce((all, id) => all + total(byId.get(id) as ProfileNode), own);
    totals.set(node.id, sum);
    return sum;
  };
  const [root] = taken.nodes;
  if (!root) return '';
  const all = total(root) || 1;
  const frames: string[] = [];
  let depth = 0;
  const draw = (node: ProfileNode, x: number, level: number) => {
    const width = ((totals.get(node.id) ?? 0) / all) * WIDTH;
    if (width < LEAST) return;
    depth = Math.max(depth, level);
    frames.push(frame(node, x, level, width, (totals.get(node.id) ?? 0) / all));
    let left = x;
    for (const id of node.children ?? []) {
      draw(byId.get(id) as ProfileNode, left, level + 1);
      left += ((totals.get(id) ?? 0) / all) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const height = (depth + 1) * LINE;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="monospace" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
${frames.join('\n')}
</svg>
`;
}

function frame(node: ProfileNode, x: number, level: number, width: number, share: number): string {
  const name = nameOf(node).replace(/&/g, '&amp;').replace(/</g, '&lt;');
  const y = level * LINE;
  const shown = width > 40 ? `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${name.slice(0, width / 6.7)}</text>` : '';
  return `<g><title>${name} ${(share * 100).toFixed(1)} %</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${LINE - 1}" fill="${colour(node)}"/>${shown}</g>`;
}

/** Ours, grpc-js and other libraries, Node.js, and what is no JavaScript. */
function colour({ callFrame: { url } }: ProfileNode): string {
  if (url.includes('node_modules')) return '#f6c667';
  if (url.startsWith('node:')) return '#a9cfe8';
  return url ? '#ef8a62' : '#d0d0d0';
}
