/** A file of rules that cannot be used; the message names every fault and where it is. */
export class RulesFileError extends Error {
  override readonly name = 'RulesFileError';
}
