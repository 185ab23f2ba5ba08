import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly schema: object;
}

interface ApiOperation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly successStatus: number;
  readonly parameters: readonly Parameter[];
  readonly body?: object;
}

export interface CheckedRequest {
  readonly operation: string;
  readonly status: number;
  readonly params: Readonly<Record<string, string>>;
  /** What the request has against the description; empty when it is as it should be. */
  readonly problems: readonly string[];
}

const description = JSON.parse(readFileSync(new URL("github-api.json", import.meta.url), "utf8")) as {
  readonly operations: readonly ApiOperation[];
};
// The description has keywords of OpenAPI, and formats for people.
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addFormat("repo.nwo", /^[^/]+\/[^/]+$/);
/** Query and path values come as text. */
const coercing = new Ajv2020({ strict: false, coerceTypes: true });
formats.default(coercing);

const known = description.operations.map((operation) => ({
  ...operation,
  pattern: new RegExp(`^${operation.path.replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
  checkBody: operation.body === undefined ? undefined : ajv.compile(operation.body),
  checks: operation.parameters.map((parameter) => ({
    ...parameter,
    check: coercing.compile({ type: "object", properties: { value: parameter.schema } }),
  })),
}));

/** Holds a request against GitHub's published description; `undefined` when it has no such operation among those that are used. */
export function checkRequest(method: string, url: URL, body: unknown): CheckedRequest | undefined {
  for (const operation of known) {
    const match = operation.method === method ? operation.pattern.exec(url.pathname) : null;
    if (match === null) continue;
    const params = Object.fromEntries(
      Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
    );
    const problems: string[] = [];
    for (const { name, in: where, required, check } of operation.checks) {
      const value = where === "path" ? params[name] : (url.searchParams.get(name) ?? undefined);
      if (value === undefined && required) problems.push(`${where} ${name} is missing`);
      if (value !== undefined && !check({ value })) problems.push(...problemsOf(check, `${where} ${name}`));
    }
    const names = new Set(operation.checks.filter(({ in: where }) => where === "query").map(({ name }) => name));
    for (const name of url.searchParams.keys()) if (!names.has(name)) problems.push(`query ${name} is not known`);
    problems.push(...bodyProblems(operation, body));
    return { operation: operation.operationId, status: operation.successStatus, params, problems };
  }
  return undefined;
}

function bodyProblems({ checkBody, body: schema }: (typeof known)[number], body: unknown): string[] {
  if (checkBody === undefined) return body === undefined ? [] : ["a body is not expected"];
  const problems = checkBody(body ?? {}) ? [] : problemsOf(checkBody, "body");
  // GitHub takes fields that it does not know and does nothing with them: a mistake of ours.
  const { properties } = schema as { readonly properties?: object };
  for (const name of Object.keys((body ?? {}) as object)) {
    if (properties !== undefined && !Object.hasOwn(properties, name)) problems.push(`body ${name} is not known`);
  }
  return problems;
}

function problemsOf(check: ValidateFunction, where: string): string[] {
  return (check.errors ?? []).map(({ instancePath, message }) => `${where}${instancePath}: ${message}`);
}
