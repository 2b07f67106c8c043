import { Scope } from '../../../shared/gen/memoryhub/v1/memory.ts';
import { RpcError } from '../../../shared/rpc-error.ts';
import { byId } from '../by-id.ts';
import { bad, type Check, type Finding, ok, warn } from '../finding.ts';

/** Calls that keys of each role must not get through, made with keys of the doctor's own. */
export const roles: Check = {
  name: 'roles',
  about: 'that each role gets no further than it should',
  async run(context) {
    const admin = context.connect('admin');
    const [writer, reader, monitor] = [
      context.connect('writer'),
      context.connect('reader'),
      context.connect('monitor'),
    ];
    const nobody = context.connect('nobody');
    const foreign = { content: "somebody else's", scope: Scope.PERSONAL, userId: 'somebody-else' };
    const { id } = await admin.memories.saveMemory({ memory: foreign });
    const trials: readonly (readonly [title: string, codes: readonly string[], call: () => Promise<unknown>])[] = [
      ['a reader saves', ['PERMISSION_DENIED'], () => reader.memories.saveMemory({ memory: { content: 'x' } })],
      ["a reader reads another user's memory", ['NOT_FOUND'], () => reader.memories.getMemory(byId(id))],
      [
        "a writer changes another user's memory",
        ['NOT_FOUND'],
        () => writer.memories.updateMemory({ memory: { id, content: 'x' }, updateMask: ['content'] }),
      ],
      [
        'a writer makes a key',
        ['PERMISSION_DENIED'],
        () => writer.admin.createApiKey({ apiKey: { name: 'x', role: 1 } }),
      ],
      ['a monitor reads a memory', ['PERMISSION_DENIED'], () => monitor.memories.getMemory(byId(id))],
      ['an operator reads a memory', ['PERMISSION_DENIED'], () => context.operator.memories.getMemory(byId(id))],
      ["an admin reads the server's statistics", ['PERMISSION_DENIED'], () => admin.stats.getStats({})],
      ['nobody reads a memory', ['UNAUTHENTICATED'], () => nobody.memories.getMemory(byId(id))],
    ];
    const through: string[] = [];
    for (const [title, codes, call] of trials) {
      const code = await codeOf(call);
      if (!codes.includes(code)) through.push(`${title} (${code})`);
    }
    const held = `${trials.length - through.length} of ${trials.length} calls beyond a role were refused`;
    const first =
      through.length === 0
        ? ok(`${held}.`)
        : bad(
            `${held}; not refused as they must be: ${through.join(', ')}.`,
            'Do not put this server into service; report it.',
          );
    return [first, await introspection(() => nobody.stats.getStats({}))];
  },
};

async function introspection(call: () => Promise<unknown>): Promise<Finding> {
  if ((await codeOf(call)) === 'UNAUTHENTICATED') return ok('Statistics are told to nobody without a key.');
  return warn('Statistics are told without a key.', 'Unset MEMORYHUB_OPEN_INTROSPECTION outside of development.');
}

async function codeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return 'OK';
  } catch (error) {
    return error instanceof RpcError ? error.codeName : String(error);
  }
}
