import { loadAll, YAMLException } from 'js-yaml';

/**
 * What a file of one YAML document holds; of none, as when all of it is comments, an empty mapping.
 *
 * @throws YAMLException saying what is wrong, and where
 */
export function parseYaml(text: string): unknown {
  const documents = loadAll(text);
  if (documents.length > 1) throw new YAMLException(`there are ${documents.length} documents in it, not one`);
  return documents[0] ?? {};
}

/** Why a text is no YAML, without the names that are quoted of it: in a file of settings they may be of a secret. */
export function yamlFault({ reason }: YAMLException): string {
  return reason.replace(/: .*| ".*"| !<.*>/gs, '');
}
