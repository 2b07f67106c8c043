/** The issuer's keys cannot be had. */
export class KeySetUnavailable extends Error {
  override readonly name = 'KeySetUnavailable';
}
