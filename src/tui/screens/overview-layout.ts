import { PANELS, type PanelName } from '../state/view.ts';

/** Rows of each part of the overview, borders included; they add up to the room there is. */
export interface OverviewHeights {
  readonly graphs: number;
  readonly methods: number;
  readonly gauges: number;
  /** The service levels in a row of their own; 0 where they have no room, or stand beside the gauges. */
  readonly levels: number;
  readonly events: number;
}

/** 13 bands of latency with border, percentiles and a row to spare. */
const MAX_GRAPHS = 16;
/** From so many columns on the service levels stand beside the gauges. */
export const LEVELS_BESIDE = 144;
/** Header and footer. */
export const FRAME_ROWS = 3;

/** Where everything goes: gauges and events take what they need, graphs and methods share the rest. */
export function overviewHeights(columns: number, rows: number, methodCount: number): OverviewHeights {
  const room = rows - FRAME_ROWS;
  const gauges = rows < 24 ? 4 : rows < 36 ? 5 : columns >= LEVELS_BESIDE ? 8 : 6;
  const levels = rows < 28 || columns >= LEVELS_BESIDE ? 0 : 1;
  const events = rows < 24 ? 1 : rows < 36 ? 2 : Math.min(10, 3 + Math.floor((rows - 36) / 3));
  const rest = room - gauges - levels - events;
  const tallGraphs = Math.max(6, Math.floor(rest * 0.45));
  // Border and heading are three rows; a short table leaves its rows to the graphs.
  const methods = Math.min(rest - tallGraphs, Math.max(8, methodCount + 3));
  const graphs = Math.min(rest - methods, MAX_GRAPHS);
  return { graphs, methods: rest - graphs, gauges, levels, events };
}

/** The panel shown where there is room for one. */
export function panelAt(index: number): PanelName {
  return PANELS[index % PANELS.length] ?? 'methods';
}
