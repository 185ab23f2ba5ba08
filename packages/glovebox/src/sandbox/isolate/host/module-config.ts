import { GloveboxError } from "../../../core/index.ts";
import type { KernelOptions } from "../../driver.ts";

/** What a session offers of the host modules; a module that is absent is not offered. */
export interface ModuleConfig {
  readonly fs?: { readonly readOnly: boolean };
  readonly exec?: Readonly<Record<string, never>>;
  readonly database?: { readonly readOnly: boolean };
}

/** Host modules with the options that each takes. */
const MODULES: Readonly<Record<string, readonly string[]>> = {
  fs: ["readOnly"],
  exec: [],
  database: ["readOnly"],
};

/** Reads the modules of a template. `module_not_allowed` for one that there is not, `invalid_argument` for an unknown option. */
export function moduleConfig(options: KernelOptions | undefined): ModuleConfig {
  const config: Record<string, { readonly readOnly: boolean }> = {};
  for (const [name, given] of Object.entries(options?.modules ?? {})) {
    const known = Object.hasOwn(MODULES, name) ? MODULES[name] : undefined;
    if (!known) throw new GloveboxError("module_not_allowed", `an isolate has no module ${JSON.stringify(name)}`);
    const settings = Object.entries(typeof given === "object" && given !== null ? given : {});
    for (const [option, value] of settings) {
      if (known.includes(option) && typeof value === "boolean") continue;
      throw new GloveboxError("invalid_argument", `the module ${name} has no such option: ${option}`);
    }
    config[name] = { readOnly: Object.fromEntries(settings).readOnly === true };
  }
  return config as ModuleConfig;
}
