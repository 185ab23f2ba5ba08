export type { BuiltinHook } from "./define-builtin.ts";
export { BUILTIN_HOOKS, builtinHook } from "./registry.ts";
export type { BuiltinHookServices } from "./services.ts";
