/** Machines of their own kernel, by Firecracker. Never booted by us: see README.md. */
export { FirecrackerDriver } from "./driver.ts";
export type { FirecrackerOptions } from "./options.ts";
