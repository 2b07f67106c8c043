const OWN_PACKAGE = 'memoryhub.v1.';
const shortNames = new Map<string, string>();

/**
 * The name an operator reads: "GetMemory" for methods of this service, "Health/Check" for others.
 * Each name is made once, so that 15 minutes of frames share their strings.
 */
export function shortMethodName(method: string): string {
  const known = shortNames.get(method);
  if (known !== undefined) return known;
  const slash = method.lastIndexOf('/');
  const service = method.slice(0, Math.max(slash, 0));
  const name = method.slice(slash + 1);
  const short =
    service === '' || service.startsWith(OWN_PACKAGE) ? name : `${service.slice(service.lastIndexOf('.') + 1)}/${name}`;
  shortNames.set(method, short);
  return short;
}

/**
 * Streams that live as long as their reader: their duration says nothing about speed, so they are
 * left out of every latency.
 */
export function isWatch(shortName: string): boolean {
  const name = shortName.slice(shortName.lastIndexOf('/') + 1);
  return name.startsWith('Watch') || name === 'ServerReflectionInfo';
}

/**
 * Calls that move much or watch long: their duration says nothing about how fast the service answers,
 * so they are no part of the service level "API".
 */
export function isBulk(shortName: string): boolean {
  return isWatch(shortName) || /(^|\/)(Export|Import|Capture)/.test(shortName);
}
