import { expect, it } from "vitest";
import { createRedactor } from "../governance/index.ts";
import { createLogger, type LogLevel } from "./index.ts";

function logged(level: LogLevel = "debug") {
  const lines: string[] = [];
  const output = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level, redactor: createRedactor("default"), output, fields: { node: "n1" } });
  return { logger, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

it("writes one JSON object a line, with time, level, ids and message", () => {
  const { logger, parsed } = logged();
  logger.info({ requestId: "r1" }, "request");
  logger.child({ sessionId: "s1" }).child({ executionId: "e1" }).warn({}, "slow");
  expect(parsed()).toEqual([
    { level: "info", time: expect.stringMatching(/^\d{4}-.*Z$/), node: "n1", requestId: "r1", message: "request" },
    { level: "warn", time: expect.any(String), node: "n1", sessionId: "s1", executionId: "e1", message: "slow" },
  ]);
});

it("masks secrets in messages, in fields, in fields of children, and in errors", () => {
  const { logger, parsed } = logged();
  const secret = `ghp_${"a1B2".repeat(9)}`;
  logger.child({ env: { API_KEY: "abcdef123" } }).error(
    {
      error: new Error(`with ${secret}`, { cause: new TypeError(secret) }),
      deep: [{ text: secret }],
      password: "hunter22",
    },
    `saw ${secret}`,
  );
  const [line] = parsed();
  expect(JSON.stringify(line)).not.toMatch(/a1B2|hunter22|abcdef123/);
  expect(line).toMatchObject({
    message: "saw ghp_[redacted]",
    error: { type: "Error", message: "with ghp_[redacted]", cause: { type: "TypeError" } },
  });
});

it("keeps to its level", () => {
  const { logger, parsed } = logged("warn");
  logger.debug({}, "a");
  logger.info({}, "b");
  logger.warn({}, "c");
  logger.error({}, "d");
  expect(parsed().map(({ message }) => message)).toEqual(["c", "d"]);
  const silent = logged("silent");
  silent.logger.error({}, "x");
  expect(silent.parsed()).toEqual([]);
});

it("survives errors that cause themselves, and cuts what is too long", async () => {
  const { logger, parsed } = logged();
  const loop = new Error("loop", {});
  loop.cause = loop;
  logger.error(
    { error: loop, text: "x".repeat(100_000), code: Object.assign(new Error("c"), { code: "ENOENT" }) },
    "odd",
  );
  await logger.flush();
  const [line] = parsed();
  expect(JSON.stringify(line).length).toBeLessThan(60_000);
  expect(line).toMatchObject({ code: { code: "ENOENT" } });
});
