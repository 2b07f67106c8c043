import { type MemoryJson, memoryToJson } from '../../shared/memory-json.ts';
import type { OpenedMemory } from '../state/memories/browser.ts';
import { withoutSecrets } from '../state/memories/secrets.ts';
import { type Line, wrapText } from '../terminal/line.ts';

/** Instead of a text that is hidden. */
const HIDDEN = 'hidden';

/** The memory in the JSON of exports; its texts only while texts are shown. */
export function jsonLines({ memory, withText }: OpenedMemory, textShown: boolean, width: number): readonly Line[] {
  if (memory === undefined || (textShown && !withText)) return [[{ text: 'loading', tone: 'dim' }]];
  const whole = memoryToJson(memory);
  const json = textShown ? { ...whole, metadata: withoutSecrets(whole.metadata) } : withoutTexts(whole);
  return wrapText(JSON.stringify(json, undefined, 2), width).map((text): Line => [text]);
}

function withoutTexts(json: MemoryJson): MemoryJson {
  const { metadata } = json;
  const names = typeof metadata === 'object' && metadata !== null ? Object.keys(metadata) : [];
  return {
    ...json,
    content: HIDDEN,
    metadata: names.length === 0 ? HIDDEN : Object.fromEntries(names.map((name) => [name, HIDDEN])),
  };
}
