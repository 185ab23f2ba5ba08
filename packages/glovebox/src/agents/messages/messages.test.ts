import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GloveboxError } from "../../core/index.ts";
import { Artifact } from "./artifact.ts";
import { messageSchemas } from "./json-schema.ts";
import { LIMITS } from "./limits.ts";
import { errorOf, resultOf, summary } from "./make-message.ts";
import { parseMessage } from "./parse-message.ts";
import { RepositoryPath, TaskType } from "./parts.ts";
import { AgentError, AgentResult } from "./result.ts";
import { AgentTask } from "./task.ts";

const TASK: AgentTask = {
  type: "codegen",
  id: "codegen-1",
  runId: "run",
  agent: "codegen",
  payload: { goal: "é" },
  constraints: { timeoutMs: 1_000, deterministic: true, idempotencyKey: "k", budget: { tokens: 10 } },
  traceId: "trace",
  protocolVersion: 1,
};
const DIFF = { format: "unified", text: "", files: [{ path: "a", baseHash: null, newHash: "0".repeat(64) }] };
const RESULT = resultOf(TASK, {
  ...summary("done", { data: { n: 1 } }),
  artifacts: [
    { kind: "analysis", target: "f", details: "d", severity: "warn", suggestions: ["s"], path: "a.py", line: 3 },
    { kind: "coverage", files: [{ path: "a", executable: 2, covered: 1, missed: [[1, 2]] }], lineRate: 0.5 },
  ],
  newTasks: [{ id: "t2", type: "x-own", payload: {}, after: ["codegen-1"] }],
});
const ERROR = errorOf(TASK, new GloveboxError("queue_full", "full", { details: { max: 1 } }), () => true);

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return "taken";
  } catch (error) {
    return error instanceof GloveboxError ? error.code : String(error);
  }
};

/** Every object of a value, with its path. */
function objectsOf(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [];
  const below = Object.entries(value).flatMap(([key, item]) =>
    objectsOf(item, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return Array.isArray(value) ? below : [path, ...below];
}

function at(value: unknown, path: readonly (string | number)[]): Record<string, unknown> {
  return path.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value) as Record<
    string,
    unknown
  >;
}

describe("messages", () => {
  test("are what their constructors make, and nothing is lost on the way over JSON", () => {
    for (const [schema, message] of [
      [AgentTask, TASK],
      [AgentResult, RESULT],
      [AgentError, ERROR],
    ] as const) {
      expect(parseMessage(schema as typeof AgentTask, JSON.parse(JSON.stringify(message)), "it")).toEqual(message);
    }
    expect(ERROR).toMatchObject({ error: { code: "queue_full", retryable: true, details: { max: 1 } } });
    expect(errorOf(TASK, new Error("x".repeat(9_000)), () => false).error.message).toHaveLength(LIMITS.lineChars);
  });

  test("have no field that is not known, at any place but within what is free", () => {
    const isFree = (path: readonly (string | number)[]) =>
      /^payload(?:\.delta\.data|$)/.test(path.join(".")) && path.join(".") !== "payload";
    for (const path of objectsOf(RESULT)) {
      const copy = structuredClone(RESULT) as unknown;
      at(copy, path)["no such field"] = 1;
      const isTaken = isFree(path) || path.join(".").endsWith("newTasks.0.payload");
      expect(
        codeOf(() => parseMessage(AgentResult, copy, "it")),
        path.join("."),
      ).toBe(isTaken ? "taken" : "invalid_argument");
    }
    for (const field of Object.keys(TASK)) {
      const { [field as "id"]: _left, ...rest } = TASK;
      expect(
        codeOf(() => parseMessage(AgentTask, rest, "it")),
        field,
      ).toBe("invalid_argument");
    }
  });

  test("of another protocol, of no known type, with paths that lead out, are refused with the place", () => {
    const bad: [Record<string, unknown>, RegExp][] = [
      [{ protocolVersion: 2 }, /protocolVersion/],
      [{ protocolVersion: "1" }, /protocolVersion/],
      [{ type: "unknown" }, /type/],
      [{ type: "x-UPPER" }, /type/],
      [{ id: "a/b" }, /id/],
      [{ id: "-a" }, /id/],
      [{ agent: "A" }, /agent/],
      [{ constraints: { timeoutMs: 0 } }, /timeoutMs/],
      [{ constraints: { timeoutMs: LIMITS.timeoutMs + 1 } }, /timeoutMs/],
      [{ constraints: { budget: { tokens: -1 } } }, /tokens/],
      [{ payload: [] }, /payload/],
    ];
    for (const [change, where] of bad) {
      expect(() => parseMessage(AgentTask, { ...TASK, ...change }, "the task")).toThrow(where);
    }
    for (const path of ["../a", "/a", "a/../b", ".", "..", "a//b", "", "a/", "a\n/..", "a\0b", "a/./b"]) {
      expect(RepositoryPath.safeParse(path).success, JSON.stringify(path)).toBe(false);
    }
    for (const path of ["a", "a/b.py", "..a/b..", ".github/x", "a b/é"]) expect(RepositoryPath.parse(path)).toBe(path);
  });

  test("are bounded in depth, values and bytes before anything else looks at them", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 200_000; i += 1) deep = [deep];
    const sizes: [unknown, string][] = [
      [deep, "depth"],
      [Array.from({ length: LIMITS.values + 1 }, () => 0), "values"],
      ["é".repeat(LIMITS.messageBytes / 2 + 1), "bytes"],
      [Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`${i}${"k".repeat(100)}`, 1])), "bytes"],
    ];
    for (const [big, limit] of sizes) {
      try {
        parseMessage(AgentTask, { ...TASK, payload: { big } }, "the task");
        expect.unreachable();
      } catch (error) {
        expect(error).toMatchObject({ code: "payload_too_large", details: { limit } });
      }
    }
    const own = JSON.parse('{"__proto__": {"polluted": true}}') as unknown;
    expect(codeOf(() => parseMessage(AgentTask, { ...TASK, payload: own }, "it"))).toBe("invalid_argument");
  });

  test("whatever comes is taken as it is or refused, never anything else", { timeout: 30_000 }, () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(TASK, RESULT, ERROR, DIFF, null, undefined, Number.NaN, () => 0),
    );
    const field = fc.oneof(fc.constantFrom(...Object.keys({ ...TASK, ...RESULT, ...ERROR })), fc.string());
    const message = fc.oneof(
      value,
      fc
        .tuple(fc.constantFrom(TASK, RESULT, ERROR), fc.dictionary(field, value))
        .map(([base, change]) => ({ ...base, ...change })),
    );
    fc.assert(
      fc.property(message, (given) => {
        for (const schema of [AgentTask, AgentResult, AgentError]) {
          const code = codeOf(() => {
            const taken = parseMessage(schema as typeof AgentTask, given, "it");
            expect(parseMessage(schema as typeof AgentTask, JSON.parse(JSON.stringify(taken)), "it")).toEqual(
              JSON.parse(JSON.stringify(taken)),
            );
          });
          expect(["taken", "invalid_argument", "payload_too_large"]).toContain(code);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("paths and types of any text are read in time that grows with it", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        const isPath = RepositoryPath.safeParse(text).success;
        const parts = text.split("/");
        expect(isPath).toBe(
          !text.includes("\0") && parts.every((part) => part !== "" && part !== "." && part !== ".."),
        );
        expect(TaskType.safeParse(`x-${text}`).success).toBe(/^[a-z0-9_-]{1,38}$/.test(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test("are published as JSON Schema from what validates them", () => {
    const schemas = messageSchemas();
    expect(Object.keys(schemas).toSorted()).toEqual([
      "AgentError",
      "AgentResult",
      "AgentTask",
      "Artifact",
      "Delta",
      "Diff",
      "NewTask",
    ]);
    for (const [name, schema] of Object.entries(schemas)) {
      expect(schema.$schema, name).toBe("https://json-schema.org/draft/2020-12/schema");
    }
    expect(schemas.AgentTask).toMatchObject({
      additionalProperties: false,
      required: expect.arrayContaining(["protocolVersion"]),
    });
    const kinds = Artifact.options.map((option) => option.shape.kind.value);
    expect(JSON.stringify(schemas.Artifact)).toContain('"analysis"');
    expect(new Set(kinds).size).toBe(10);
  });
});
