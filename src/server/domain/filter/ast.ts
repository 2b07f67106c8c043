/** A parsed filter. Every comparison is already typed and checked; storage only translates it. */
export type Filter =
  | { readonly op: 'and' | 'or'; readonly operands: readonly Filter[] }
  | { readonly op: 'not'; readonly operand: Filter }
  | Comparison;

export type Comparator = '=' | '!=' | '<' | '<=' | '>' | '>=';

export type Comparison =
  /** Text fields; ":" is "contains" for content and equality otherwise (op 'has'). */
  | { readonly op: 'text'; readonly field: TextField; readonly comparator: Comparator | 'has'; readonly value: string }
  | { readonly op: 'scope'; readonly comparator: '=' | '!='; readonly value: number }
  /** tags:"x" - the memory has the tag. */
  | { readonly op: 'tag'; readonly value: string }
  | { readonly op: 'revision'; readonly comparator: Comparator; readonly value: number }
  /** Value in microseconds since 1970. */
  | { readonly op: 'time'; readonly field: TimeField; readonly comparator: Comparator; readonly value: number }
  /**
   * metadata.a.b compared with a value of one JSON type; a metadata value of another type, or none,
   * matches no comparison but !=. Numbers compare as numbers: 9 < 10. 'has' is "the path exists"
   * when value is "*", else "equals, or is an array that contains".
   */
  | {
      readonly op: 'metadata';
      readonly path: readonly string[];
      readonly comparator: Comparator | 'has';
      readonly value: string | number | boolean | null;
    };

export type TextField = 'id' | 'key' | 'user_id' | 'team' | 'category' | 'content' | 'author';
export type TimeField = 'create_time' | 'update_time' | 'expire_time';
