import type { ConfigService } from '../../domain/config/config-service.ts';
import type { AnyMethod } from '../method.ts';
import { deleteConfig } from './delete-config.ts';
import { exportConfig } from './export-config.ts';
import { getConfig } from './get-config.ts';
import { importConfig } from './import-config.ts';
import { listConfig } from './list-config.ts';
import { listConfigHistory } from './list-config-history.ts';
import { revealSecret } from './reveal-secret.ts';
import { setConfig } from './set-config.ts';

/** The RPCs of ConfigService. */
export function configMethods(service: ConfigService): AnyMethod[] {
  return [
    getConfig(service),
    setConfig(service),
    deleteConfig(service),
    listConfig(service),
    exportConfig(service),
    importConfig(service),
    revealSecret(service),
    listConfigHistory(service),
  ];
}
