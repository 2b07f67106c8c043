/**
 * About how many bytes a row takes on its way to us and on to the caller, without reading content, whose
 * length is known. Metadata are counted as they are printed, since jsonb writes out what JSON
 * abbreviates (1e300), and twice, since a message takes up to 11 bytes for the 3 of a "0, "; tags by
 * their number at most lengths. Never less than a third of the row's message.
 */
export function rowBytes(table: string): string {
  return `octet_length(${table}.content) + 130 * cardinality(${table}.tags)
          + 2 * coalesce(octet_length(${table}.metadata::text), 0) + 512`;
}
