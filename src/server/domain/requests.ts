/**
 * What the use cases are asked, in the shape in which the wire decodes it, so that nothing is copied
 * on the way: every field is there, absent ones with their default, and nothing is checked yet.
 */

/** A point in time or a span: whole seconds, and nanoseconds on top. */
export interface Seconds {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** The fields of a memory a caller may set; output fields are not read. */
export interface MemoryInput extends KeyInput {
  readonly id: string;
  readonly category: string;
  readonly content: string;
  readonly tags: readonly string[];
  readonly metadata: { [name: string]: unknown } | undefined;
  readonly etag: string;
  readonly expireTime: Seconds | undefined;
  readonly ttl: Seconds | undefined;
}

export interface KeyInput {
  readonly scope: number;
  readonly userId: string;
  readonly team: string;
  readonly key: string;
}

/** Common to all mutations. */
export interface MutationInput {
  readonly note: string;
  readonly requestId: string;
}

export interface SaveInput extends MutationInput {
  readonly memory: MemoryInput | undefined;
  readonly createOnly: boolean;
  readonly validateOnly: boolean;
}

export interface UpdateInput extends MutationInput {
  readonly memory: MemoryInput | undefined;
  readonly updateMask: readonly string[] | undefined;
  readonly validateOnly: boolean;
}

export interface DeleteInput extends MutationInput {
  readonly id: string;
  readonly etag: string;
  readonly allowMissing: boolean;
}

export interface RestoreInput extends MutationInput {
  readonly id: string;
  readonly revision: bigint;
  readonly etag: string;
}

export interface BatchSaveInput extends MutationInput {
  readonly memories: readonly MemoryInput[];
  readonly validateOnly: boolean;
}

export interface BatchDeleteInput extends MutationInput {
  readonly targets: readonly { readonly id: string; readonly etag: string }[];
  readonly allowMissing: boolean;
}

/** Common to all reads of memories. */
export interface ReadInput {
  readonly view: number;
  readonly consistency: number;
}

export interface GetInput extends ReadInput {
  readonly target: { readonly $case: 'id'; readonly value: string } | KeyTarget | undefined;
  readonly showDeleted: boolean;
}

interface KeyTarget {
  readonly $case: 'key';
  readonly value: KeyInput;
}

export interface BatchGetInput extends ReadInput {
  readonly ids: readonly string[];
}

export interface ListInput extends ReadInput {
  readonly filter: string;
  readonly orderBy: string;
  readonly limit: number;
  readonly pageToken: string;
  readonly showDeleted: boolean;
}

export interface ExportInput {
  readonly filter: string;
  readonly format: number;
  readonly resumeToken: string;
  readonly showDeleted: boolean;
  readonly revealSensitive: boolean;
}

export interface ListRevisionsInput {
  readonly memoryId: string;
  readonly limit: number;
  readonly pageToken: string;
}

export interface GetRevisionInput {
  readonly memoryId: string;
  readonly revision: bigint;
}
