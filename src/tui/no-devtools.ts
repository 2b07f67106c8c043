/** Stands in for react-devtools-core in the bundle: the monitor never connects to it. */
const devtools = { initialize(): void {}, connectToDevTools(): void {} };

// biome-ignore lint/style/noDefaultExport: Ink imports it so
export default devtools;
