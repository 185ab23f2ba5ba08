// A reporter of node:test: says in a file, a JSON value per line, what came of each test of one file. Loaded by `--test-reporter`.
import { writeSync } from "node:fs";
import { inspect } from "node:util";

const file = process.env.GLOVEBOX_TEST_FILE ?? "?";
const fd = Number(process.env.GLOVEBOX_TEST_FD ?? "2");
const MAX_MESSAGE = 4_000;
const MAX_STACK = 16_000;

export default async function* report(events) {
  /** Names of the tests around the one at hand, by nesting. */
  const path = [];
  for await (const { type, data } of events) {
    if (type === "test:start") path[data.nesting] = data.name;
    if (type !== "test:pass" && type !== "test:fail") continue;
    path.length = data.nesting;
    const name = [...path, data.name].join(" > ");
    const error = data.details?.error;
    const isSuite = data.details?.type === "suite";
    // A suite fails with what is in it; alone it fails by its hooks.
    if (isSuite && (type === "test:pass" || error?.failureType === "subtestsFailed")) continue;
    if (!isSuite && error?.failureType === "subtestsFailed" && data.nesting === 0 && data.name === file) continue;
    put({ test: `${file}::${name}`, ...outcomeOf(type, data, error) });
  }
  yield "";
}

function outcomeOf(type, data, error) {
  if (data.skip !== undefined && data.skip !== false) return { status: "skipped", ...words(data.skip) };
  if (data.todo !== undefined && data.todo !== false) {
    return type === "test:pass" ? { status: "passed" } : { status: "skipped", ...words(data.todo) };
  }
  if (type === "test:pass") return { status: "passed" };
  const cause = error?.cause ?? error;
  const message =
    cause instanceof Error || cause?.message !== undefined ? nameAndMessage(cause) : inspect(cause, { depth: 2 });
  const status = statusOf(error, cause);
  const stack = typeof cause?.stack === "string" ? cause.stack : undefined;
  return { status, message: message.slice(0, MAX_MESSAGE), ...(stack && { stack: stack.slice(0, MAX_STACK) }) };
}

function statusOf(error, cause) {
  if (error?.failureType === "testTimeoutFailure") return "timeout";
  const isAssertion = cause?.code === "ERR_ASSERTION" || cause?.name === "AssertionError";
  return isAssertion || error?.failureType === "subtestsFailed" ? "failed" : "error";
}

function nameAndMessage(cause) {
  return `${cause.name ?? "Error"}: ${cause.message}`;
}

function words(reason) {
  return typeof reason === "string" && reason !== "" ? { message: reason.slice(0, MAX_MESSAGE) } : {};
}

function put(record) {
  let data = Buffer.from(`${JSON.stringify(record)}\n`);
  while (data.length > 0) data = data.subarray(writeSync(fd, data));
}
