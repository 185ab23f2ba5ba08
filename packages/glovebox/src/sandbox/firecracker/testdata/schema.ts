/** As much of JSON Schema as Swagger 2 takes from it and Firecracker's description uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

export type Definitions = Readonly<Record<string, Schema>>;

/** What is wrong with a value, with where; nothing when it fits. What a schema does not name is wrong, too: Firecracker refuses it. */
export function misfit(value: unknown, schema: Schema, definitions: Definitions, at = "body"): string | undefined {
  if (schema.$ref !== undefined) return misfit(value, resolved(schema.$ref, definitions), definitions, at);
  if (schema.enum && !schema.enum.includes(value)) return `${at} is none of ${schema.enum.join(", ")}`;
  switch (schema.type ?? "object") {
    case "string":
      return typeof value === "string" ? undefined : `${at} is no string`;
    case "boolean":
      return typeof value === "boolean" ? undefined : `${at} is no boolean`;
    case "integer":
      return number(value, schema, at);
    case "array":
      return array(value, schema, definitions, at);
    case "object":
      return object(value, schema, definitions, at);
    default:
      throw new Error(`the description has a type that is not known here: ${schema.type}`);
  }
}

function resolved(ref: string, definitions: Definitions): Schema {
  const schema = definitions[ref.replace("#/definitions/", "")];
  if (!schema) throw new Error(`the description lacks ${ref}`);
  return schema;
}

function number(value: unknown, { minimum, maximum }: Schema, at: string): string | undefined {
  if (!Number.isSafeInteger(value)) return `${at} is no integer`;
  if (minimum !== undefined && Number(value) < minimum) return `${at} is less than ${minimum}`;
  return maximum !== undefined && Number(value) > maximum ? `${at} is more than ${maximum}` : undefined;
}

function array(value: unknown, { items }: Schema, definitions: Definitions, at: string): string | undefined {
  if (!Array.isArray(value)) return `${at} is no list`;
  return first(value.map((item, i) => (items ? misfit(item, items, definitions, `${at}[${i}]`) : undefined)));
}

function object(value: unknown, schema: Schema, definitions: Definitions, at: string): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return `${at} is no object`;
  const { properties = {}, required = [], additionalProperties = false } = schema;
  const missing = required.find((name) => !(name in value));
  if (missing !== undefined) return `${at} lacks ${missing}`;
  return first(
    Object.entries(value).map(([name, item]) => {
      const known = properties[name] ?? additionalProperties;
      if (known === false) return `${at} has ${name}, which is not known`;
      return known === true ? undefined : misfit(item, known, definitions, `${at}.${name}`);
    }),
  );
}

function first(found: readonly (string | undefined)[]): string | undefined {
  return found.find((wrong) => wrong !== undefined);
}
