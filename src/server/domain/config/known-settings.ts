import type { JsonValue } from '../memory.ts';
import { keyFault } from './provider-keys.ts';

/** A setting whose form is known. */
export interface KnownSetting {
  /** What is wrong with a value; undefined: nothing. Never a part of it. */
  readonly fault: (value: JsonValue) => string | undefined;
  /** The built-in value; undefined: none. */
  readonly default: JsonValue | undefined;
  readonly description: string;
  /** What is allowed, as a phrase that completes "it must be ...". */
  readonly allowed: string;
}

/** A setting whose values are good or not. */
function known(
  description: string,
  allowed: string,
  isAllowed: (value: JsonValue) => boolean,
  byDefault?: JsonValue,
): KnownSetting {
  const fault = (value: JsonValue) => (isAllowed(value) ? undefined : `is not ${allowed}`);
  return { fault, default: byDefault, description, allowed };
}

/** Of text alone. */
function text(
  description: string,
  allowed: string,
  isAllowed: (value: string) => boolean,
  byDefault?: string,
): KnownSetting {
  return known(description, allowed, (value) => typeof value === 'string' && isAllowed(value), byDefault);
}

function oneOf(description: string, values: readonly string[], byDefault?: string): KnownSetting {
  return text(description, `one of ${values.join(', ')}`, (value) => values.includes(value), byDefault);
}

function number(
  description: string,
  [min, max]: readonly [number, number],
  byDefault: number,
  isKind: (value: number) => boolean = Number.isSafeInteger,
): KnownSetting {
  const kind = isKind === Number.isSafeInteger ? 'a whole number' : 'a number';
  const isAllowed = (value: JsonValue) => typeof value === 'number' && isKind(value) && value >= min && value <= max;
  return known(description, `${kind} from ${min} to ${max}`, isAllowed, byDefault);
}

function line(description: string, max: number): KnownSetting {
  const isLine = (value: string) => value.length >= 1 && value.length <= max && /^\P{Cc}*$/u.test(value);
  return text(description, `one line of 1 to ${max} characters`, isLine);
}

function url(description: string): KnownSetting {
  const isAddress = (value: string) => value.length <= 2048 && /^https?:$/.test(URL.parse(value)?.protocol ?? '');
  return text(description, 'an http:// or https:// address', isAddress);
}

function providerKey(provider: Parameters<typeof keyFault>[0], description: string): KnownSetting {
  const allowed = 'a key of the provider';
  const fault = (value: JsonValue) => (typeof value === 'string' ? keyFault(provider, value) : `is not ${allowed}`);
  return { fault, default: undefined, description, allowed };
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
    'display.language': text(
      'Language of what people see, as in BCP 47.',
      'a language tag such as "en" or "ko-KR"',
      (value) => /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(value),
      'en',
    ),
    'display.theme': oneOf('Colours of what people see.', ['dark', 'light', 'high-contrast'], 'dark'),
    'display.time_zone': text(
      'Time zone in which times are shown.',
      'a name of the IANA time zone database such as "Asia/Seoul"',
      (value) => value.length <= 64 && isTimeZone(value),
      'UTC',
    ),
    'google.api_key': providerKey('google', 'Key for the API of Google.'),
    'llm.base_url': url('Where the provider is called, when not at its usual address.'),
    'llm.max_tokens': number('Longest answer of a model, in tokens.', [1, 1_000_000], 4096),
    'llm.model': line('Name of the model at its provider.', 200),
    'llm.provider': oneOf(
      'Whose models answer.',
      ['anthropic', 'azure_openai', 'custom', 'google', 'ollama', 'openai'],
      'openai',
    ),
    'llm.temperature': number('How freely a model chooses its words.', [0, 2], 0.7, Number.isFinite),
    'llm.timeout_seconds': number('Longest wait for a model.', [1, 600], 60),
    'openai.api_key': providerKey('openai', 'Key for the API of OpenAI.'),
    'openai.organization': text(
      'Organization that calls to OpenAI are billed to.',
      '"org-" and 10 to 64 letters and digits',
      (value) => /^org-[A-Za-z0-9]{10,64}$/.test(value),
    ),
    'storage.default_category': line('Category of memories that name none.', 128),
    'storage.default_scope': oneOf('Scope of memories that name none.', ['personal', 'team', 'workspace'], 'personal'),
    'storage.list_limit': number('Memories a list shows at a time.', [1, 1000], 20),
    'superthread.api_key': providerKey('superthread', 'Key for the API of Superthread.'),
    'superthread.workspace_id': line('Workspace at Superthread.', 128),
  }),
);

/** What is wrong with the value of a known setting; undefined: nothing, or the setting is not known. Never the value. */
export function valueFault(name: string, value: JsonValue): string | undefined {
  return KNOWN_SETTINGS.get(name)?.fault(value);
}
