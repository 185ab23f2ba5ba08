export { GvisorDriver } from "./driver.ts";
export type { GvisorOptions } from "./options.ts";
