export { BubblewrapDriver } from "./driver.ts";
export type { BubblewrapOptions } from "./options.ts";
