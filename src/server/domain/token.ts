/**
 * Seals what the service hands to a caller to bring back: page and resume tokens. Only holders of
 * the server's key can make or read one, so what is inside need not be checked again.
 */
export interface TokenSealer {
  /**
   * @param context what the token is good for; opening it for anything else fails
   * @returns text of URL-safe characters
   */
  seal(payload: Uint8Array, context: string): string;
  /**
   * @param field of the request it came in, for the refusal
   * @throws ServiceError INVALID_TOKEN when it is damaged, foreign, or made for another context
   */
  open(token: string, context: string, field: string): Uint8Array;
}
