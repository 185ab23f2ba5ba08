import { type Definitions, misfit, type Schema } from "./schema.ts";

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in: string; readonly required?: boolean; readonly schema?: Schema }[];
  readonly responses: Readonly<Record<string, { readonly schema?: Schema }>>;
}

/** The description as it is written. */
export interface Description {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly definitions: Definitions;
}

/** An operation of the API, and what stands in the request's path where the description has a parameter. */
export interface Matched {
  readonly operation: Operation;
  readonly inPath: string | undefined;
}

/** Firecracker's API as it is published: what a request and an answer may be. */
export class ApiDescription {
  readonly #description: Description;

  constructor(description: Description) {
    this.#description = description;
  }

  get version(): string {
    return this.#description.info.version;
  }

  match(method: string, path: string): Matched | undefined {
    for (const [pattern, operations] of Object.entries(this.#description.paths)) {
      const operation = operations[method.toLowerCase()];
      const found = new RegExp(`^${pattern.replace(/\{\w+\}/, "([^/]+)")}$`).exec(path);
      if (operation && found) return { operation, inPath: found[1] };
    }
    return undefined;
  }

  /** What is wrong with a request's body; nothing when it fits. */
  requestMisfit({ operation }: Matched, body: unknown): string | undefined {
    const wanted = operation.parameters?.find((parameter) => parameter.in === "body");
    if (!wanted?.schema) return body === undefined ? undefined : "a body where none belongs";
    if (body === undefined) return wanted.required ? "the body is missing" : undefined;
    return misfit(body, wanted.schema, this.#description.definitions);
  }

  /** What is wrong with an answer; nothing when it fits. */
  answerMisfit({ operation }: Matched, status: number, body: unknown): string | undefined {
    const wanted = operation.responses[String(status)] ?? operation.responses.default;
    if (!wanted) return `the status ${status} is not described`;
    if (!wanted.schema) return body === undefined ? undefined : "a body where none is described";
    return misfit(body, wanted.schema, this.#description.definitions);
  }
}
