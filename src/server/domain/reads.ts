import type { CallContext } from './call-context.ts';
import { Consistency } from './memory.ts';
import type { GetInput, ReadInput } from './requests.ts';
import { checkReach, readKeyedId, readOwner } from './validation/owner.ts';
import { checkEnum, readUuid } from './validation/text.ts';
import type { Violations } from './validation/violations.ts';

const LAST_VIEW = 2;

/** How fresh a read must be; READ_YOUR_WRITES unless it says otherwise. */
export function readConsistency(violations: Violations, input: ReadInput): Consistency {
  checkEnum(violations, 'view', input.view, LAST_VIEW);
  checkEnum(violations, 'consistency', input.consistency, Consistency.STRONG);
  return (input.consistency as Consistency | 0) || Consistency.READ_YOUR_WRITES;
}

/**
 * The id that a get asks for.
 *
 * @throws ServiceError INVALID_FIELD; MEMORY_NOT_FOUND for the key of somebody out of reach
 */
export function readGetTarget(violations: Violations, call: CallContext, target: GetInput['target']): string {
  if (target?.$case === 'key') {
    violations.at('key');
    const owner = readOwner(violations, target.value, call.access);
    const id = readKeyedId(violations, target.value, owner, call.workspace);
    violations.check();
    checkReach(call, owner);
    return id;
  }
  const id = readUuid(violations, 'id', target?.value ?? '');
  violations.check();
  return id;
}
