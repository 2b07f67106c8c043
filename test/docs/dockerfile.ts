import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { cleanEnvironment } from '../support/server-process.ts';
import { ROOT } from './code-blocks.ts';

/** The instructions of a Dockerfile, one a line, without comments. */
export function instructions(dockerfile: string): string[] {
  return dockerfile
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
}

/** What the last stage of a Dockerfile comes to. */
export interface Image {
  /** What would be `/` in the container. */
  readonly root: string;
  /** Where programs start. */
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  /** ENTRYPOINT and CMD. */
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
}

/**
 * Takes the steps of a Dockerfile in folders, one a stage, with the Node.js this runs on for that of the
 * base image: no daemon is needed, and whether its steps fit together is found out all the same.
 */
export function buildWithoutDocker(dockerfile: string, folder: string): Image {
  const stages = new Map<string, string>();
  let root = folder;
  let workdir = '/';
  let env: Record<string, string> = {};
  const lists: Record<string, string[]> = {};
  const inside = (path: string) => join(root, resolve(workdir, path));

  for (const line of instructions(dockerfile)) {
    const [, word = '', rest = ''] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (word === 'FROM') {
      const name = / AS (\S+)$/.exec(rest)?.[1] ?? `${stages.size}`;
      root = join(folder, name);
      stages.set(name, root);
      workdir = '/';
      env = {};
    } else if (word === 'WORKDIR') {
      workdir = rest;
      mkdirSync(inside('.'), { recursive: true });
    } else if (word === 'ENV') {
      for (const pair of rest.split(' ')) env[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1);
    } else if (word === 'COPY') {
      const from = /^--from=(\S+) /.exec(rest);
      const paths = rest.slice(from?.[0].length ?? 0).split(' ');
      const base = from?.[1] === undefined ? ROOT : (stages.get(from[1]) ?? '');
      for (const path of paths.slice(0, -1)) copy(join(base, path), inside(paths.at(-1) ?? ''));
    } else if (word === 'RUN') run(rest, inside, env);
    else if (/^(ENTRYPOINT|CMD|HEALTHCHECK)$/.test(word)) lists[word] = JSON.parse(rest.slice(rest.indexOf('[')));
    else if (!/^(USER|VOLUME|EXPOSE)$/.test(word)) throw new Error(`what does ${word} do?`);
  }
  const { ENTRYPOINT = [], CMD = [], HEALTHCHECK = [] } = lists;
  return { root, workdir: inside('.'), env, command: [...ENTRYPOINT, ...CMD], healthcheck: HEALTHCHECK };
}

/** A folder's contents go into the target; a file goes into it too, where it is a folder. */
function copy(from: string, to: string): void {
  const target = !statSync(from).isDirectory() && statSync(to, { throwIfNoEntry: false })?.isDirectory();
  cpSync(from, target ? join(to, basename(from)) : to, { recursive: true });
}

function run(command: string, inside: (path: string) => string, env: Readonly<Record<string, string>>): void {
  // The only other step there is gives the folder of the data to the image's own user.
  const data = /^install -d -o node -g node -m (\d+) (\S+)$/.exec(command);
  if (data?.[1] !== undefined && data[2] !== undefined) {
    mkdirSync(inside(data[2]));
    chmodSync(inside(data[2]), Number.parseInt(data[1], 8));
    return;
  }
  const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
  execFileSync('sh', ['-c', command], { cwd: inside('.'), env: cleanEnvironment({ ...env, PATH }), stdio: 'pipe' });
}
