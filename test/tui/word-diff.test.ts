import { expect, test } from 'vitest';
import { memoryChanges } from '../../src/tui/state/memories/changes.ts';
import { wordDiff } from '../../src/tui/state/memories/word-diff.ts';
import { random } from './support/frames.ts';
import { memoryAt } from './support/memories.ts';

test('the words that changed are told, and the ones around them are left alone', () => {
  expect(wordDiff('deploys on Tuesdays at noon', 'deploys on Fridays at noon')).toEqual([
    { kind: 'same', text: 'deploys on ' },
    { kind: 'removed', text: 'Tuesdays ' },
    { kind: 'added', text: 'Fridays ' },
    { kind: 'same', text: 'at noon' },
  ]);
  expect(wordDiff('', 'new')).toEqual([{ kind: 'added', text: 'new' }]);
  expect(wordDiff('old', '')).toEqual([{ kind: 'removed', text: 'old' }]);
  expect(wordDiff('same', 'same')).toEqual([{ kind: 'same', text: 'same' }]);
});

test('whatever the texts, both can be read out of the difference', () => {
  const dice = random(7);
  const text = () =>
    Array.from(
      { length: Math.floor(dice() * 30) },
      () => ['a', 'b ', 'c\n', ' ', '記憶 ', '🚀'][Math.floor(dice() * 6)],
    ).join('');
  for (let round = 0; round < 500; round++) {
    const [before, after] = [text(), text()];
    const parts = wordDiff(before, after);
    const without = (kind: string) =>
      parts
        .filter((part) => part.kind !== kind)
        .map((part) => part.text)
        .join('');
    expect(without('added')).toBe(before);
    expect(without('removed')).toBe(after);
  }
});

test('texts too long to be compared word by word are replaced as a whole, at once', () => {
  const long = (word: string) => `start ${`${word} `.repeat(40_000)}end`;
  const startedAt = performance.now();
  expect(wordDiff(long('a'), long('b')).map(({ kind }) => kind)).toEqual(['same', 'removed', 'added', 'same']);
  expect(performance.now() - startedAt).toBeLessThan(5000);
});

test('changes are told by field, metadata by name; secrets are marked, and what every write changes is left out', () => {
  const before = memoryAt(0);
  const after = {
    ...before,
    revision: 4n,
    etag: '9',
    tags: ['deploy'],
    metadata: { ticket: 'OPS-0', api_token: 'another', added: { password: 'x', n: 1 } },
  };
  expect(memoryChanges(before, after)).toEqual([
    { name: 'tags', before: 'deploy, n0', after: 'deploy', isSecret: false },
    { name: 'metadata.steps', before: '[1,2]', after: undefined, isSecret: false },
    { name: 'metadata.api_token', before: '"tok-secret"', after: '"another"', isSecret: true },
    { name: 'metadata.added', before: undefined, after: '{"password":"******","n":1}', isSecret: false },
  ]);
});
