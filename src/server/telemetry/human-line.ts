/** Levels of pino, and how a terminal shows them. */
const LEVELS: Readonly<Record<number, readonly [name: string, colour: number]>> = {
  10: ['trace', 90],
  20: ['debug', 90],
  30: ['', 0],
  40: ['warn', 33],
  50: ['error', 31],
  60: ['fatal', 31],
};

/** What a terminal would obey instead of showing it. Line ends of stacks stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * A JSON line of the log as a person reads it: time, level unless it is "info", text, the rest.
 *
 * @param colour whether the terminal shows colours
 */
export function humanLine(json: string, colour: boolean): string {
  const { level, time, msg = '', err, ...rest } = JSON.parse(json);
  const [name, code] = LEVELS[level] ?? ['', 0];
  const clock = new Date(time).toISOString().slice(11, 19);
  const label = name === '' ? '' : `${paint(name, code, colour)}  `;
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const head = [`${paint(clock, 90, colour)}  ${label}${clean(msg)}`, ...fields.map(clean)].join('  ');
  return `${head}${err === undefined ? '' : clean(errorText(err))}\n`;
}

function errorText(error: { type: string; message?: string; code?: string; stack?: string; cause?: never }): string {
  const { type, message, code, stack, cause } = error;
  const what = [type, code, message].filter((part) => part !== undefined).join(' ');
  const because = cause === undefined ? '' : errorText(cause);
  return `\n    ${what}${stack === undefined ? '' : `\n${stack}`}${because}`;
}

function clean(text: string): string {
  return text.replace(CONTROLS, '\ufffd');
}

function paint(text: string, code: number, colour: boolean): string {
  return colour && code !== 0 ? `\u001b[${code}m${text}\u001b[0m` : text;
}
