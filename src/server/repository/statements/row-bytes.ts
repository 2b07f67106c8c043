/**
 * About how many bytes a row takes on its way to us, without reading content, whose length is known.
 * Metadata are counted as they are printed, since jsonb writes out what JSON abbreviates (1e300), and
 * tags by their number at most lengths. Never less than half of what really travels.
 */
export function rowBytes(table: string): string {
  return `octet_length(${table}.content) + 130 * cardinality(${table}.tags)
          + coalesce(octet_length(${table}.metadata::text), 0) + 512`;
}
