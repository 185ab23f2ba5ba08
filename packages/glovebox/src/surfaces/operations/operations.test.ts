import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ERROR_CODES, ROLE_ORDER } from "../../core/index.ts";
import { ERROR_STATUS } from "../error-status.ts";
import { buildOpenApi } from "../http/openapi.ts";
import { OPERATIONS, type Operation } from "./index.ts";

const table = Object.entries(OPERATIONS) as [string, Operation][];

describe("the table of operations", () => {
  it("names each operation once, under one method and path", () => {
    const routes = table.map(([, { method, path }]) => `${method} ${path}`);
    expect(new Set(routes).size).toBe(routes.length);
    for (const [id] of table) expect(id).toMatch(/^[a-z][A-Za-z]*(\.[a-z][A-Za-z]*)+$/);
  });

  it.each(table)("%s is complete in itself", (_id, operation) => {
    const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    expect(Object.keys(operation.params?.shape ?? {}).sort()).toEqual(inPath.sort());
    const place = operation.signed ? /^\/webhooks\// : operation.answer === "text" ? /^\/metrics$/ : /^\/v1\//;
    expect(operation.path).toMatch(place);
    expect(operation.summary).toMatch(/^[A-Z]/);
    if (operation.minimumRole !== "public") expect(ROLE_ORDER).toContain(operation.minimumRole);
    const answersJson = operation.answer === "json" || operation.answer === "json-or-sse";
    expect(operation.response !== undefined).toBe(answersJson);
    expect(operation.status === 204).toBe(operation.answer === "none");
    if (operation.body !== undefined) expect(["POST", "PUT", "PATCH"]).toContain(operation.method);
    if (operation.method === "GET") expect(operation.idempotent).toBeUndefined();
    for (const where of [operation.sdk, operation.cli]) {
      if (typeof where === "string") expect(where).toMatch(/^\S/);
      else expect(where.leftOut.length).toBeGreaterThan(5);
    }
  });

  it.each(table)("%s takes no field that it does not know", (_id, { query, body, dialect }) => {
    if (dialect !== undefined) return;
    for (const schema of [query, body]) {
      if (!(schema instanceof z.ZodObject)) continue;
      const result = schema.safeParse({ "no such field": 1 });
      expect(result.error?.issues.some(({ code }) => code === "unrecognized_keys")).toBe(true);
    }
  });

  it("maps every error code to a status", () => {
    expect(Object.keys(ERROR_STATUS).sort()).toEqual([...ERROR_CODES].sort());
    for (const { http } of Object.values(ERROR_STATUS)) expect(http === 200 || (http >= 400 && http <= 504)).toBe(true);
  });
});

describe("the OpenAPI description", () => {
  const document = buildOpenApi("1.2.3") as unknown as {
    paths: object;
    components: { schemas: Record<string, object> };
  };

  it("links only to what it has", () => {
    const links = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(links.length).toBeGreaterThan(50);
    for (const link of new Set(links)) {
      expect(link).toMatch(/^#\/components\/schemas\//);
      expect(Object.keys(document.components.schemas)).toContain(link.slice("#/components/schemas/".length));
    }
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining(["Session", "Execution", "Template", "Event", "Error", "Token"]),
    );
  });

  it("has no leftovers of JSON Schema documents of their own", () => {
    expect(JSON.stringify(document)).not.toMatch(/\$defs|"\$schema"/);
  });
});
