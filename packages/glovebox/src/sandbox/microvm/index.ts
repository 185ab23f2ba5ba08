/** Machines of their own kernel, by QEMU. */
export { MicrovmDriver } from "./driver.ts";
export type { MicrovmOptions } from "./options.ts";
