import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';

/** Field numbers of descriptor.proto, of which source locations are made. */
const FILE = { message: 4, enum: 5, service: 6 } as const;
const MESSAGE = { field: 2, nested: 3, enum: 4, oneof: 8 } as const;
const ENUM_VALUE = 2;
const METHOD = 2;

/** Something the contract declares. */
export interface Declaration {
  /** Full name: `memoryhub.v1.Memory.content`, `memoryhub.v1.SCOPE_TEAM`. */
  readonly name: string;
  readonly kind: 'message' | 'field' | 'oneof' | 'enum' | 'value' | 'service' | 'method';
  /** The comment above it, as one line; empty when there is none. */
  readonly comment: string;
  /** Of enum values and fields. */
  readonly number?: number;
}

/** The files of package memoryhub.v1 in a descriptor set. */
export function contractFiles(
  path: string | URL = new URL('../proto/memoryhub.binpb', import.meta.url),
): FileDescriptorProto[] {
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(path));
  return file.filter(({ package: name }) => name === 'memoryhub.v1');
}

/** Everything the contract declares, with its comments. */
export function declarations(files = contractFiles()): Declaration[] {
  return files.flatMap(declarationsOf);
}

function declarationsOf(file: FileDescriptorProto): Declaration[] {
  const comments = new Map(
    file.sourceCodeInfo?.location.map(({ path, leadingComments }) => [path.join(), oneLine(leadingComments)]),
  );
  const found: Declaration[] = [];
  const add = (kind: Declaration['kind'], name: string, path: readonly number[], number?: number) =>
    found.push({ name, kind, comment: comments.get(path.join()) ?? '', ...(number === undefined ? {} : { number }) });
  const addEnum = (scope: string, declared: EnumDescriptorProto, path: readonly number[]) => {
    add('enum', `${scope}.${declared.name}`, path);
    // Names of values stand beside their enum, not within it.
    declared.value.forEach(({ name, number }, i) => {
      add('value', `${scope}.${name}`, [...path, ENUM_VALUE, i], number);
    });
  };
  const addMessage = (scope: string, declared: DescriptorProto, path: readonly number[]) => {
    const name = `${scope}.${declared.name}`;
    add('message', name, path);
    declared.field.forEach((field, i) => {
      add('field', `${name}.${field.name}`, [...path, MESSAGE.field, i], field.number);
    });
    declared.oneofDecl.forEach((oneof, i) => {
      add('oneof', `${name}.${oneof.name}`, [...path, MESSAGE.oneof, i]);
    });
    declared.enumType.forEach((nested, i) => {
      addEnum(name, nested, [...path, MESSAGE.enum, i]);
    });
    declared.nestedType.forEach((nested, i) => {
      addMessage(name, nested, [...path, MESSAGE.nested, i]);
    });
  };
  file.messageType.forEach((message, i) => {
    addMessage(file.package, message, [FILE.message, i]);
  });
  file.enumType.forEach((declared, i) => {
    addEnum(file.package, declared, [FILE.enum, i]);
  });
  file.service.forEach((service, i) => {
    const name = `${file.package}.${service.name}`;
    add('service', name, [FILE.service, i]);
    service.method.forEach((method, j) => {
      add('method', `${name}.${method.name}`, [FILE.service, i, METHOD, j]);
    });
  });
  return found;
}

function oneLine(comment: string): string {
  return comment.trim().replace(/\s+/g, ' ');
}
