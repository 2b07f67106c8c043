/** What is used of the SDK, in a file of its own: loaded when it is wanted, and without what it could do besides. */
export { NodeSDK } from '@opentelemetry/sdk-node';
export { AlwaysOnSampler, ParentBasedSampler } from '@opentelemetry/sdk-trace';
