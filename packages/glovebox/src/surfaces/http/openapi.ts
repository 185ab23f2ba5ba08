import { z } from "zod";
import { ERROR_CODES } from "../../core/index.ts";
import { Execution, Session, Template, TemplateInput, Token } from "../../core/schemas.ts";
import { ERROR_STATUS } from "../error-status.ts";
import { EventSchema } from "../operations/fields.ts";
import { OPERATIONS, type Operation } from "../operations/index.ts";
import { Run, RunRecord } from "../operations/run-fields.ts";

type Json = Record<string, unknown>;

const ErrorEnvelopeSchema = z.strictObject({
  error: z.strictObject({
    code: z.enum(ERROR_CODES),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
    requestId: z.string(),
    traceId: z.string(),
  }),
});

const NAMED: Readonly<Record<string, z.ZodType>> = {
  Template,
  TemplateInput,
  Session,
  Execution,
  Event: EventSchema,
  Run,
  RunRecord,
  Token,
  Error: ErrorEnvelopeSchema,
};

/** The OpenAPI 3.1 description of the whole table. */
export function buildOpenApi(version: string): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) registry.add(schema as z.ZodObject, { id });
  const components: Json = {};
  const convert = (schema: z.ZodType, io: "input" | "output", prefix: string) =>
    toSchema(schema, io, prefix, registry, components);
  convert(ErrorEnvelopeSchema, "output", "error");
  const paths: Record<string, Json> = {};
  for (const [id, operation] of Object.entries(OPERATIONS) as [string, Operation][]) {
    const path = paths[operation.path] ?? {};
    paths[operation.path] = path;
    path[operation.method.toLowerCase()] = describeOperation(id, operation, convert);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Glovebox",
      version,
      description: "Runs code that nobody has reviewed, in sealed sandboxes.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(Object.keys(OPERATIONS).map(tagOf))].map((name) => ({ name })),
    security: [{ bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
      },
    },
  };
}

type Convert = (schema: z.ZodType, io: "input" | "output", prefix: string) => Json;

function tagOf(id: string): string {
  return id.split(".")[0] ?? id;
}

function describeOperation(id: string, operation: Operation, convert: Convert): Json {
  return {
    operationId: id,
    tags: [tagOf(id)],
    summary: operation.summary,
    "x-glovebox-minimum-role": operation.minimumRole,
    ...(operation.minimumRole === "public" ? { security: [] } : {}),
    parameters: [
      ...parametersOf(operation.params, "path", id, convert),
      ...parametersOf(operation.query, "query", id, convert),
      ...headersOf(operation),
    ],
    ...requestBodyOf(id, operation, convert),
    responses: {
      [operation.status]: { description: "Success", ...contentOf(id, operation, convert) },
      ...Object.fromEntries(
        Object.entries(operation.otherStatuses ?? {}).map(([status, description]) => [
          status,
          { description, ...contentOf(id, operation, convert) },
        ]),
      ),
      default: {
        description: `An error; the status follows from its code: ${ERROR_SUMMARY}`,
        content: { "application/json": { schema: errorSchemaOf(operation) } },
      },
    },
  };
}

function errorSchemaOf({ dialect }: Operation): Json {
  if (dialect === undefined) return { $ref: "#/components/schemas/Error" };
  const properties = Object.fromEntries(["message", "type", "param", "code"].map((name) => [name, {}]));
  return { type: "object", properties: { error: { type: "object", properties } } };
}

const ERROR_SUMMARY = Object.entries(ERROR_STATUS)
  .map(([code, status]) => `${code} ${status.http}`)
  .join(", ");

function parametersOf(schema: z.ZodObject | undefined, where: "path" | "query", id: string, convert: Convert): Json[] {
  if (schema === undefined) return [];
  return Object.entries(schema.shape).map(([name, field]) => {
    const { description, ...rest } = convert(field as z.ZodType, "input", `${id}.${name}`);
    return {
      name,
      in: where,
      required: where === "path" || !(field as z.ZodType).safeParse(undefined).success,
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function headersOf(operation: Operation): Json[] {
  const header = (name: string, description: string): Json => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  });
  const headers: Json[] = [];
  if (operation.idempotent) {
    headers.push(
      header("Idempotency-Key", "Kept 24 h: the same request with it again gives the first answer's entity"),
    );
  }
  if (operation.versioned && operation.method !== "GET") {
    headers.push(header("If-Match", "The version that must be the current one, as given in ETag"));
  }
  const isResumable = operation.answer === "json-or-sse" && operation.query?.shape.afterSeq !== undefined;
  if (isResumable) headers.push(header("Last-Event-ID", "Resumes a live stream after this seq"));
  return headers;
}

function requestBodyOf(id: string, operation: Operation, convert: Convert): Json {
  if (operation.upload !== undefined) {
    const type = operation.upload === "tar" ? "application/x-tar" : "application/octet-stream";
    return { requestBody: { required: true, content: { [type]: {} } } };
  }
  if (operation.body === undefined) return {};
  const schema = convert(operation.body, "input", `${id}.body`);
  return { requestBody: { required: true, content: { "application/json": { schema } } } };
}

function contentOf(id: string, operation: Operation, convert: Convert): Json {
  const content: Json = {};
  if (operation.response !== undefined) {
    content["application/json"] = { schema: convert(operation.response, "output", `${id}.response`) };
  }
  if (operation.answer === "sse" || operation.answer === "json-or-sse") {
    content["text/event-stream"] = { schema: { type: "string" } };
  }
  if (operation.answer === "jsonl") content["application/x-ndjson"] = { schema: { type: "string" } };
  if (operation.answer === "text") content["text/plain"] = { schema: { type: "string" } };
  if (operation.answer === "bytes") content["application/octet-stream"] = {};
  if (operation.answer === "tar") content["application/x-tar"] = {};
  return Object.keys(content).length === 0 ? {} : { content };
}

/** JSON Schema of one part; named schemas become components, and so do those that refer to themselves. */
function toSchema(
  schema: z.ZodType,
  io: "input" | "output",
  prefix: string,
  registry: z.core.$ZodRegistry<{ id: string }>,
  components: Json,
): Json {
  const {
    $schema: _s,
    $defs,
    ...json
  } = z.toJSONSchema(schema, { io, metadata: registry, unrepresentable: "any" }) as Json;
  const rename = (name: string) => (name in NAMED ? name : `${prefix}.${name}`.replaceAll(/[^A-Za-z0-9._-]/g, "_"));
  const relink = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (key, item: unknown) =>
        key === "$ref" && typeof item === "string"
          ? item.replace(/^#\/\$defs\/(.*)$/, (_, name: string) => `#/components/schemas/${rename(name)}`)
          : item,
      ),
    );
  for (const [name, definition] of Object.entries(($defs ?? {}) as Json)) {
    components[rename(name)] ??= relink(definition);
  }
  const id = registry.get(schema as z.ZodObject)?.id;
  if (id === undefined) return relink(json) as Json;
  const { id: _id, ...body } = json;
  components[id] ??= relink(body);
  return { $ref: `#/components/schemas/${id}` };
}
