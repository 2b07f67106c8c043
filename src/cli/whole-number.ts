import { CommandFailure } from './failure.ts';

/**
 * A flag that takes a whole number. yargs' own numbers are NaN for a word, and 1.5 where that makes no sense.
 *
 * @param flag as people write it, for the refusal
 */
export function wholeNumber(flag: string, min: number, max: number) {
  return {
    type: 'string',
    requiresArg: true,
    coerce: (given: string | number): number => {
      const value = /^[+-]?\d+$/.test(String(given).trim()) ? Number(given) : Number.NaN;
      if (value >= min && value <= max) return value;
      throw new CommandFailure(`${flag} ${JSON.stringify(given)} must be a whole number from ${min} to ${max}`, 2);
    },
  } as const;
}
