/** What can be configured, and where each value comes from. */
export { CONFIG_KEYS, type ConfigKey } from "./keys.ts";
export {
  type ConfigSource,
  type ConfigValue,
  type LoadConfigOptions,
  type LoadedConfig,
  loadConfig,
} from "./load-config.ts";
export { type Config, ConfigSchema, configJsonSchema } from "./schema.ts";
