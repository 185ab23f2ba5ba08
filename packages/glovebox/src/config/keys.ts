import { z } from "zod";
import { ConfigSchema } from "./schema.ts";

/** One setting, as a path into the configuration. */
export interface ConfigKey {
  /** `http.bodyBytes` */
  readonly key: string;
  readonly path: readonly string[];
  /** `GLOVEBOX_HTTP_BODY_BYTES` */
  readonly env: string;
  readonly type: "string" | "number" | "boolean" | "list";
  readonly nullable: boolean;
}

/** The one that had its name before there was a rule. */
const ENV_NAMES: Readonly<Record<string, string>> = { dataDir: "GLOVEBOX_DATA" };

/** Every setting, in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = collect(ConfigSchema, []);

function collect(schema: z.ZodObject, path: readonly string[]): ConfigKey[] {
  return Object.entries(schema.shape).flatMap(([name, field]) => {
    const { inner, nullable } = unwrap(field as z.ZodType);
    const here = [...path, name];
    if (inner instanceof z.ZodObject) return collect(inner, here);
    const key = here.join(".");
    return [{ key, path: here, env: ENV_NAMES[key] ?? envName(here), type: typeOf(inner), nullable }];
  });
}

function unwrap(schema: z.ZodType): { readonly inner: z.ZodType; readonly nullable: boolean } {
  let inner = schema;
  let nullable = false;
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodNullable
  ) {
    nullable ||= inner instanceof z.ZodNullable;
    inner = inner.unwrap() as z.ZodType;
  }
  return { inner, nullable };
}

function typeOf(schema: z.ZodType): ConfigKey["type"] {
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodBoolean) return "boolean";
  return schema instanceof z.ZodArray ? "list" : "string";
}

function envName(path: readonly string[]): string {
  return `GLOVEBOX_${path.map((part) => part.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join("_")}`;
}
