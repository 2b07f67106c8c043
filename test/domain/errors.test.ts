import { afterEach, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';

const { stackTraceLimit } = Error;
afterEach(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

it('a ServiceError has no stack, and leaves those of other errors', () => {
  expect(new ServiceError('INTERNAL', 'told').stack).not.toContain('\n    at ');
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
});

it('also when it cannot be made, as where the stack is full', () => {
  const full = {
    toString() {
      throw new RangeError('Maximum call stack size exceeded');
    },
  };
  expect(() => new ServiceError('INTERNAL', full as never)).toThrow(RangeError);
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
});
