/**
 * A count as protobuf takes it. What a source gives that is no whole number (a division by zero, an
 * average) becomes one, since an encoder would throw and take the whole frame with it.
 */
export function whole(value: number): number {
  return Number.isFinite(value) ? Math.max(0, Math.round(value)) : 0;
}

/** The same for 64-bit fields. */
export function wholeBigint(value: number): bigint {
  return BigInt(whole(value));
}
