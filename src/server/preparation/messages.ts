import type { Config } from '../config.ts';

export interface ToPreparation {
  readonly config: Config;
  readonly databaseUrl: string;
}

export type FromPreparation =
  | { readonly kind: 'notice'; readonly level: 'info' | 'warn'; readonly text: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string; readonly foreseen: boolean };
