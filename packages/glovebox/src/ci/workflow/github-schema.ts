import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { dirname, join } from "node:path";
import { JSONObjectReader } from "@actions/workflow-parser/templates/json-object-reader";
import { TemplateSchema } from "@actions/workflow-parser/templates/schema/template-schema";

export type SchemaName = "workflow" | "action";

const loaded = new Map<SchemaName, TemplateSchema>();

/** Read while modules load: a program of a durable run may parse workflows, and may not read files. */
const TEXTS: Readonly<Record<SchemaName, string>> = { workflow: schemaText("workflow"), action: schemaText("action") };

function schemaText(name: SchemaName): string {
  const manifest = findPackageJSON("@actions/workflow-parser", import.meta.url);
  if (manifest === undefined) throw new Error("The package @actions/workflow-parser is not installed.");
  return readFileSync(join(dirname(manifest), "dist", `${name}-v1.0.min.json`), "utf8");
}

/**
 * GitHub's schema of workflow or action files. The library imports it as JSON in a way that Node refuses, so it is read as a file,
 * and only those of the library's modules are loaded that do not import it (docs/decisions/0018). Making it of its text takes some 50 ms, once.
 */
export function githubSchema(name: SchemaName): TemplateSchema {
  let schema = loaded.get(name);
  if (schema === undefined) {
    schema = TemplateSchema.load(new JSONObjectReader(undefined, TEXTS[name]));
    loaded.set(name, schema);
  }
  return schema;
}
