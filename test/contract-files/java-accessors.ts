import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

/**
 * Getters that protoc's Java classes would have twice, which javac refuses: a string `table` brings
 * getTableBytes(), and so does a number `table_bytes`. After the list of accessors in the Java
 * Generated Code Guide of Protocol Buffers.
 *
 * @returns "Message: getter" for each
 */
export function javaClashes(message: DescriptorProto): string[] {
  const fields = message.field.flatMap((field) => [...new Set(gettersOf(field))]);
  const oneofs = message.oneofDecl.map(({ name }) => `get${camel(name)}Case()`);
  const all = [...fields, ...oneofs];
  const twice = all.filter((getter, i) => all.indexOf(getter) !== i);
  return [...twice.map((getter) => `${message.name}: ${getter}`), ...message.nestedType.flatMap(javaClashes)];
}

/** With "(i)" for those that take an index; overloads do not clash. */
function gettersOf({ name, type, label }: FieldDescriptorProto): string[] {
  const getter = `get${camel(name)}`;
  const endings = [''];
  if (type === Type.STRING) endings.push('Bytes');
  if (type === Type.ENUM) endings.push('Value');
  if (type === Type.MESSAGE) endings.push('Builder', 'OrBuilder');
  if (label !== Label.REPEATED) return endings.map((ending) => `${getter}${ending}()`);
  const indexed = endings.map((ending) => `${getter}${ending}(i)`);
  const lists = endings.filter((ending) => ending !== 'Bytes').map((ending) => `${getter}${ending}List()`);
  return [...indexed, ...lists, `${getter}Count()`];
}

function camel(name: string): string {
  return name.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
