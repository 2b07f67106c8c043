import { describe, expect, it } from 'vitest';
import { alternate, quantile, ratioOf } from '../../load/alternate.ts';
import { flameGraph } from '../../load/flame.ts';
import { type CpuProfile, hotspots } from '../../load/profile.ts';
import { comparison } from '../../load/suite-report.ts';
import { judge, type Measured, type Row } from '../../load/verdict.ts';

function series(name: string, rates: number[], cpuUs: number[] = []) {
  return { name, rates, cpuUs, p95: [] };
}

function measured(rates: number[], goal = 0.9): Measured {
  const floor = series(
    'floor',
    rates.map(() => 100),
  );
  return { title: 'Get', goal, unit: 'calls', ours: series('ours', rates), floor, beside: [] };
}

function rowOf(rates: number[], goal: number): Row {
  return judge([measured(rates, goal)]);
}

describe('a measured row', () => {
  it('compares round by round, so that a slow machine slows both', () => {
    expect(ratioOf([80, 8, 40], [100, 10, 50]).median).toBeCloseTo(0.8);
  });

  it.each([
    ['reached', [90, 91, 92, 93, 94]],
    ['within noise', [70, 80, 89, 95, 99]],
    ['within noise', [80, 80, 92, 95, 99]],
    ['reached', [150, 160, 170, 180, 190]],
    ['missed', [70, 71, 72, 73, 74]],
  ])('is %s at %j of 100', (verdict, rates) => {
    expect(rowOf(rates, 0.9).verdict).toBe(verdict);
  });

  it('counts each start once, with the median of its rounds', () => {
    const starts = [measured([80, 90, 500]), measured([91, 92]), measured([10, 93, 94])];
    expect(judge(starts).ratio.median).toBeCloseTo(0.915);
    expect(judge(starts).ratio.low).toBeCloseTo(0.9075);
    expect(judge(starts).verdict).toBe('reached');
    expect(judge(starts).ours.rates).toEqual([80, 90, 500, 91, 92, 10, 93, 94]);
    expect(judge([...starts, measured([50, 50]), measured([50, 50])]).verdict).toBe('within noise');
  });

  it('has a ratio by processor time, the floor over ours, only when both were seen', () => {
    const both = { title: 'Get', goal: 0.9, unit: 'calls', floor: series('floor', [1, 1], [30, 30]), beside: [] };
    expect(judge([{ ...both, ours: series('ours', [1, 1], [40, 40]) }]).cpuRatio?.median).toBeCloseTo(0.75);
    expect(judge([{ ...both, ours: series('ours', [1, 1]) }]).cpuRatio).toBeUndefined();
  });

  it('is compared with an earlier run by its ratio, and told when the change is beyond the noise', () => {
    const report = (rates: number[]) => ({ run: {}, rows: [rowOf(rates, 0.9)], peak: { largest: 0 } });
    expect(comparison(report([50, 51, 52]), report([80, 81, 82]))).toMatch(/0\.51.*0\.81.*x 1\.59 \| beyond the noise/);
    expect(comparison(report([50, 60, 70]), report([55, 62, 66]))).not.toContain('beyond');
  });
});

describe('alternation', () => {
  it('runs the contenders in turn and leaves the first round out', async () => {
    const order: string[] = [];
    let round = 0;
    const contender = (name: string) => ({
      name,
      pid: 0,
      run: async () => {
        order.push(name);
        return { units: ++round * 10, seconds: 2 };
      },
    });
    const [a, b] = await alternate([contender('a'), contender('b')], 2, 1);
    expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
    expect(a?.rates).toEqual([15, 25]);
    expect(b?.rates).toEqual([20, 30]);
  });

  it('takes medians between the two middle values', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  });
});

describe('a profile', () => {
  const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
    id,
    children,
    callFrame: { functionName, url, lineNumber: 0 },
  });
  const taken: CpuProfile = {
    nodes: [
      node(1, '(root)', '', [2, 3]),
      node(2, '(idle)', ''),
      node(3, 'serve<T>', 'file:///x/src/server/a.ts', [4]),
      node(4, 'send', 'node:http2'),
    ],
    samples: [2, 3, 4],
    timeDeltas: [1000, 300, 100],
  };

  it('names the hottest functions by their share of the time that was not idle', () => {
    expect(hotspots(taken)).toEqual([
      { name: 'serve<T> src/server/a.ts:1', share: 0.75 },
      { name: 'send node:http2:1', share: 0.25 },
    ]);
  });

  it('is drawn with escaped names, callers over callees', () => {
    const svg = flameGraph(taken);
    expect(svg).toContain('serve&lt;T> src/server/a.ts:1 100.0 %');
    expect(svg).toContain('send node:http2:1 25.0 %');
    expect(svg).not.toContain('idle');
  });
});
