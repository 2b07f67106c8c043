import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';

/** Values that mean something to the server the test has filled: without them every call ends at its first field. */
export interface Vocabulary {
  readonly ids: readonly string[];
  readonly keys: readonly string[];
  readonly users: readonly string[];
  readonly teams: readonly string[];
  readonly tokens: readonly string[];
  readonly requestIds: readonly string[];
  readonly workspaces: readonly string[];
}

type WriteValue = (writer: BinaryWriter) => void;

/** As deep as messages are put within each other; metadata may be 16. */
const MAX_DEPTH = 20;
/** Fields that are set in the outer messages; further in it is one, or they would never end. */
const MAX_FIELDS = 5;

/** Bytes of texts: of every kind that has broken some program, and some that are no UTF-8 at all. */
const ODD_TEXTS: readonly Uint8Array[] = [
  '',
  ' ',
  ' a',
  '\u0000',
  'a\u0000b',
  '\ufeff',
  '\ufffd',
  '\u202eright to left\u202c',
  'e\u0301',
  '\u00e9',
  '가',
  '\u1112\u1161\u11ab',
  '👩‍👩‍👧‍👦',
  'İıſK',
  '%_\\',
  "'; DROP TABLE memories; --",
  '" OR 1=1',
  '\\u0000',
  '__proto__',
  'constructor',
  'toString',
  "a & b | !c <-> 'd':*",
  '(?:a+)+$',
  '$1',
  '../../etc/passwd',
  '-1',
  '9223372036854775808',
  'NaN',
  '1e999',
  'x'.repeat(128),
  'x'.repeat(129),
  'ü'.repeat(64),
  'x'.repeat(513),
  'x'.repeat(5_000),
].map((text) => Buffer.from(text));
const NOT_UTF8: readonly Uint8Array[] = [
  Buffer.of(0xff),
  Buffer.of(0xed, 0xa0, 0x80),
  Buffer.of(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80),
  Buffer.of(0xc0, 0x80),
  Buffer.of(0x61, 0xf0, 0x9f, 0x98),
  Buffer.of(0xf4, 0x90, 0x80, 0x80),
];

const INTEGERS = [
  0n,
  1n,
  -1n,
  2n,
  20n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const DOUBLES = [0, -0, 1, 0.1, -1e308, 5e-324, 2 ** 53 + 2, NaN, Infinity, -Infinity];

const FIELDS = ['id', 'key', 'scope', 'user_id', 'category', 'content', 'tags', 'author', 'revision', 'create_time'];
const VALUES = [
  '"x"',
  '"\\u0000"',
  '"\\ud800"',
  '"%"',
  '1',
  '-1e400',
  '99999999999999999999',
  'true',
  'null',
  '*',
  'TEAM',
];
const FILTERS = [
  '',
  'content:"a"',
  'tags:"x" AND create_time > "2026-01-01T00:00:00Z"',
  'metadata.a >= 9 OR metadata."b c".d:*',
  'create_time > "9999999-99-99T99:99:99Z"',
  `${'('.repeat(17)}id="x"${')'.repeat(17)}`,
  'NOT '.repeat(1_000),
  'a'.repeat(4_097),
  'metadata.__proto__ = 1',
  Array.from({ length: 200 }, () => 'content:"a"').join(' OR '),
];
const ORDERS = ['', 'create_time', 'update_time desc', 'update_time asc', 'create_time  desc', 'id', 'create_time; --'];
const MASKS = ['*', 'content', 'tags', 'metadata', 'category', 'expire_time', 'ttl', 'id', 'metadata.a', 'scope', ''];

/** The bytes of a message with arbitrary fields of the right types, now and then with something else among them. */
export function messageBytes(message: DescMessage, words: Vocabulary): fc.Arbitrary<Uint8Array> {
  function content(type: DescMessage, depth: number): fc.Arbitrary<WriteValue> {
    if (depth > MAX_DEPTH || type.fields.length === 0) return stray();
    const some = fc
      .subarray([...type.fields], { maxLength: Math.min(type.fields.length, depth < 2 ? MAX_FIELDS : 1) })
      .chain((fields) => fc.tuple(...fields.map((field) => occurrences(field, depth))));
    return fc.tuple(some, fc.option(stray(), { freq: 40, nil: undefined })).map(([fields, extra]) => (writer) => {
      for (const write of fields) write(writer);
      extra?.(writer);
    });
  }

  function occurrences(field: DescField, depth: number): fc.Arbitrary<WriteValue> {
    const repeats = depth > 2 ? 1 : field.fieldKind === 'list' || field.fieldKind === 'map' ? 3 : 2;
    return fc.array(value(field, depth), { minLength: 1, maxLength: repeats }).map((values) => (writer) => {
      for (const write of values) write(writer);
    });
  }

  function value(field: DescField, depth: number): fc.Arbitrary<WriteValue> {
    const { number } = field;
    if (field.fieldKind === 'map') {
      return fc
        .tuple(text('map key'), content(field.message as DescMessage, depth + 2))
        .map(([key, write]) => (writer) => {
          writer.tag(number, WireType.LengthDelimited).fork();
          writer.tag(1, WireType.LengthDelimited).bytes(key);
          writer.tag(2, WireType.LengthDelimited).fork();
          write(writer);
          writer.join().join();
        });
    }
    if (field.message !== undefined) {
      return content(field.message, depth + 1).map((write) => (writer) => {
        writer.tag(number, WireType.LengthDelimited).fork();
        write(writer);
        writer.join();
      });
    }
    return scalar(field).map((write) => (writer) => write(writer));
  }

  function scalar({ number, scalar: type, enum: choices, name }: DescField): fc.Arbitrary<WriteValue> {
    if (choices !== undefined) {
      const known = choices.values.map((each) => BigInt(each.number));
      return fc.constantFrom(...known, ...known, ...INTEGERS).map((choice) => varint(number, choice));
    }
    switch (type) {
      case ScalarType.STRING:
      case ScalarType.BYTES:
        return text(name).map((bytes) => (writer) => writer.tag(number, WireType.LengthDelimited).bytes(bytes));
      case ScalarType.DOUBLE:
        return fc
          .oneof(fc.constantFrom(...DOUBLES), fc.double())
          .map((double) => (writer) => writer.tag(number, WireType.Bit64).double(double));
      case ScalarType.BOOL:
        return fc.constantFrom(0n, 1n, 2n).map((flag) => varint(number, flag));
      default:
        return fc
          .oneof(fc.constantFrom(...INTEGERS), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
          .map((integer) => varint(number, integer));
    }
  }

  function text(name: string): fc.Arbitrary<Uint8Array> {
    const meant = wordsFor(name, words).map((word) => Buffer.from(word));
    return fc.oneof(
      ...(meant.length > 0 ? [{ weight: 12, arbitrary: fc.constantFrom(...meant) }] : []),
      { weight: 3, arbitrary: fc.constantFrom(...ODD_TEXTS) },
      { weight: 2, arbitrary: fc.string({ unit: 'grapheme' }).map((given) => Buffer.from(given)) },
      { weight: 1, arbitrary: fc.constantFrom(...NOT_UTF8) },
      ...(name === 'filter' ? [{ weight: 12, arbitrary: filters() }] : []),
    );
  }

  return content(message, 0).map((write) => {
    const writer = new BinaryWriter();
    write(writer);
    return writer.finish();
  });
}

function varint(number: number, value: bigint): WriteValue {
  return (writer) => writer.tag(number, WireType.Varint).int64(value);
}

/** A field that the message does not have, or has with another wire type. */
function stray(): fc.Arbitrary<WriteValue> {
  return fc.tuple(fc.constantFrom(1, 2, 3, 15, 16, 1_000, 536_870_911), fc.integer({ min: 0, max: 3 })).map(
    ([number, kind]): WriteValue =>
      (writer) => {
        if (kind === 0) writer.tag(number, WireType.Varint).int64(7n);
        else if (kind === 1) writer.tag(number, WireType.Bit64).double(1);
        else if (kind === 2) writer.tag(number, WireType.LengthDelimited).bytes(Buffer.from('stray'));
        else writer.tag(number, WireType.Bit32).fixed32(1);
      },
  );
}

function filters(): fc.Arbitrary<Uint8Array> {
  const comparison = fc
    .tuple(
      fc.constantFrom(...FIELDS, 'metadata.a', 'nothing'),
      fc.constantFrom('=', '!=', '<', '>=', ':'),
      fc.constantFrom(...VALUES),
    )
    .map(([field, operator, operand]) => `${field} ${operator} ${operand}`);
  const built = fc
    .array(fc.tuple(comparison, fc.constantFrom(' AND ', ' OR ', ' AND NOT ', ' ')), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.map(([each, join], index) => (index > 0 ? join : '') + each).join(''));
  return fc.oneof(built, fc.constantFrom(...FILTERS)).map((filter) => Buffer.from(filter));
}

function wordsFor(name: string, words: Vocabulary): readonly string[] {
  switch (name) {
    case 'id':
    case 'ids':
    case 'memory_id':
      return words.ids;
    case 'key':
      return words.keys;
    case 'user_id':
      return words.users;
    case 'team':
    case 'teams':
      return words.teams;
    case 'page_token':
    case 'resume_token':
      return words.tokens;
    case 'request_id':
      return words.requestIds;
    case 'order_by':
      return ORDERS;
    case 'paths':
      return MASKS;
    case 'etag':
      return ['1', '2', '0', '-1', '18446744073709551616'];
    case 'content':
    case 'note':
      return ['some text', 'other text'];
    case 'name':
      return ['mail', 'openai.api_key', 'llm.model', 'llm.temperature', 'some.name', ...words.workspaces];
    case 'map key':
      return ['a', 'b', 'api_key', 'password', 'deep'];
    case 'workspace':
      return words.workspaces;
    case 'string_value':
      return ['some text', 'sk-0123456789abcdef0123456789abcdef', 'claude', '<sealed>'];
    case 'action':
      return ['CreateApiKey', 'SetConfig', 'EraseUser'];
    case 'methods':
    case 'detail_methods':
      return ['GetMemory', 'MemoryService/SaveMemory'];
    default:
      return [];
  }
}
