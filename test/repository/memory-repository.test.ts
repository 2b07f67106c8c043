import { describe } from 'vitest';
import { memoryRepositoryContract } from '../contract/memory-repository.ts';
import { testRepository } from './support/repository.ts';

const subject = testRepository();

describe('PostgresMemoryRepository', () => memoryRepositoryContract(() => subject().newHub()));
