import { encodeValue, STAMP_BYTES, stamp } from './entry.ts';
import { FILL_TTL_MS, MARK_TTL_MS, MAX_TOKENS, type Step, valueTtlMs } from './protocol.ts';

/** Arguments a key. */
const ARGUMENTS = 4;

/**
 * The state machine of protocol.ts, one key a step: op, token, value (or the stamp a lease may
 * replace), time to live in milliseconds. Answers 1 or 0 a step. A key that holds no string is
 * treated as empty and overwritten. An X is "X TOKEN TOKEN ": tokens hold no spaces.
 */
export const STEP_SCRIPT = `
local answers = {}
for i, key in ipairs(KEYS) do
  local at = ${ARGUMENTS} * (i - 1)
  local op, token, value, ttl = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local now = redis.pcall('GET', key)
  local foreign = type(now) == 'table'
  if type(now) ~= 'string' then now = '' end
  local state = string.sub(now, 1, 1)
  local answer = 0
  if op == 'lease' then
    if now == '' or (value ~= '' and string.sub(now, 1, ${STAMP_BYTES}) == value) then
      redis.call('SET', key, 'F' .. token, 'PX', ttl)
      answer = 1
    end
  elseif op == 'fill' then
    if now == 'F' .. token then
      redis.call('SET', key, value, 'PX', ttl)
      answer = 1
    end
  elseif op == 'mark' then
    if state == 'P' then
      redis.call('SET', key, 'X ' .. string.sub(now, 2) .. ' ' .. token .. ' ', 'PX', ttl)
    elseif state == 'X' then
      local _, spaces = string.gsub(now, ' ', ' ')
      if spaces <= ${MAX_TOKENS} then now = now .. token .. ' ' end
      redis.call('SET', key, now, 'PX', ttl)
    else
      redis.call('SET', key, 'P' .. token, 'PX', ttl)
      answer = 1
    end
  elseif op == 'settle' then
    if now == 'P' .. token then
      if value == '' then redis.call('DEL', key) else redis.call('SET', key, value, 'PX', ttl) end
      answer = 1
    elseif state == 'X' then
      local from, to = string.find(now, ' ' .. token .. ' ', 1, true)
      if from then
        now = string.sub(now, 1, from) .. string.sub(now, to + 1)
        if now == 'X ' then redis.call('DEL', key) else redis.call('SET', key, now, 'PX', ${MARK_TTL_MS}) end
      end
    elseif state == 'F' or state == 'V' or foreign then
      redis.call('DEL', key)
    elseif state == 'P' then
      redis.call('SET', key, 'X ' .. string.sub(now, 2) .. ' ', 'PX', ${MARK_TTL_MS})
    end
  end
  answers[i] = answer
end
return answers
`;

/** Appends the arguments of one step. */
export function appendArguments(step: Step, args: (string | number | Buffer)[]): void {
  switch (step.op) {
    case 'lease':
      args.push('lease', step.token, step.over === undefined ? '' : stamp(step.over), FILL_TTL_MS);
      break;
    case 'mark':
      args.push('mark', step.token, '', MARK_TTL_MS);
      break;
    case 'fill':
    case 'settle':
      if (step.value === undefined) args.push('settle', step.token, '', 0);
      else {
        const { epoch, record } = step.value;
        args.push(step.op, step.token, encodeValue(epoch, record), valueTtlMs(record));
      }
  }
}
