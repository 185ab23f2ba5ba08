/** The isolation of QuickJS in WebAssembly, for JavaScript and TypeScript. */
export type { CompanionFactory } from "./companion.ts";
export { IsolateDriver, type IsolateOptions } from "./driver.ts";
