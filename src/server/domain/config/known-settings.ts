import { z } from 'zod';
import type { JsonValue } from '../memory.ts';
import { keyFault } from './provider-keys.ts';

/** A setting whose form is known. */
export interface KnownSetting {
  readonly schema: z.ZodType;
  /** The built-in value; undefined: none. */
  readonly default: JsonValue | undefined;
  readonly description: string;
  /** What is allowed, as a phrase that completes "it must be ...". */
  readonly allowed: string;
}

function oneOf(description: string, values: readonly [string, ...string[]], byDefault?: string): KnownSetting {
  return { schema: z.enum(values), default: byDefault, description, allowed: `one of ${values.join(', ')}` };
}

function number(
  description: string,
  [min, max]: readonly [number, number],
  byDefault: number,
  schema = z.number().int(),
): KnownSetting {
  const kind = schema.def.checks?.length ? 'a whole number' : 'a number';
  return {
    schema: schema.min(min).max(max),
    default: byDefault,
    description,
    allowed: `${kind} from ${min} to ${max}`,
  };
}

function line(description: string, max: number): KnownSetting {
  const schema = z
    .string()
    .min(1)
    .max(max)
    .regex(/^\P{Cc}*$/u);
  return { schema, default: undefined, description, allowed: `one line of 1 to ${max} characters` };
}

function url(description: string): KnownSetting {
  const schema = z
    .string()
    .max(2048)
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''));
  return { schema, default: undefined, description, allowed: 'an http:// or https:// address' };
}

function providerKey(provider: Parameters<typeof keyFault>[0], description: string): KnownSetting {
  const schema = z.string().superRefine((key, context) => {
    const fault = keyFault(provider, key);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault, params: { isFault: true } });
  });
  return { schema, default: undefined, description, allowed: 'a key of the provider' };
}

const isTimeZone = (text: string) => {
  try {
    return Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

/** Every setting with a known form, once: docs/settings.md is tested against this. Other names are free JSON. */
export const KNOWN_SETTINGS: ReadonlyMap<string, KnownSetting> = new Map(
  Object.entries({
    'anthropic.api_key': providerKey('anthropic', 'Key for the API of Anthropic.'),
    'display.language': {
      schema: z.string().regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/),
      default: 'en',
      description: 'Language of what people see, as in BCP 47.',
      allowed: 'a language tag such as "en" or "ko-KR"',
    },
    'display.theme': oneOf('Colours of what people see.', ['dark', 'light', 'high-contrast'], 'dark'),
    'display.time_zone': {
      schema: z.string().max(64).refine(isTimeZone),
      default: 'UTC',
      description: 'Time zone in which times are shown.',
      allowed: 'a name of the IANA time zone database such as "Asia/Seoul"',
    },
    'google.api_key': providerKey('google', 'Key for the API of Google.'),
    'llm.base_url': url('Where the provider is called, when not at its usual address.'),
    'llm.max_tokens': number('Longest answer of a model, in tokens.', [1, 1_000_000], 4096),
    'llm.model': line('Name of the model at its provider.', 200),
    'llm.provider': oneOf(
      'Whose models answer.',
      ['anthropic', 'azure_openai', 'custom', 'google', 'ollama', 'openai'],
      'openai',
    ),
    'llm.temperature': number('How freely a model chooses its words.', [0, 2], 0.7, z.number()),
    'llm.timeout_seconds': number('Longest wait for a model.', [1, 600], 60),
    'openai.api_key': providerKey('openai', 'Key for the API of OpenAI.'),
    'openai.organization': {
      schema: z.string().regex(/^org-[A-Za-z0-9]{10,64}$/),
      default: undefined,
      description: 'Organization that calls to OpenAI are billed to.',
      allowed: '"org-" and 10 to 64 letters and digits',
    },
    'storage.default_category': line('Category of memories that name none.', 128),
    'storage.default_scope': oneOf('Scope of memories that name none.', ['personal', 'team', 'workspace'], 'personal'),
    'storage.list_limit': number('Memories a list shows at a time.', [1, 1000], 20),
    'superthread.api_key': providerKey('superthread', 'Key for the API of Superthread.'),
    'superthread.workspace_id': line('Workspace at Superthread.', 128),
  }),
);

/** What is wrong with the value of a known setting; undefined: nothing, or the setting is not known. Never the value. */
export function valueFault(name: string, value: JsonValue): string | undefined {
  const known = KNOWN_SETTINGS.get(name);
  const result = known?.schema.safeParse(value);
  if (known === undefined || result === undefined || result.success) return undefined;
  const custom = result.error.issues.find((issue) => issue.code === 'custom' && issue.params?.isFault === true);
  return custom?.message ?? `is not ${known.allowed}`;
}
