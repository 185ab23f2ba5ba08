import fc from "fast-check";
import { expect, test } from "vitest";
import type { CiConclusion, CiJob, CiRun } from "../../core/index.ts";
import type { Workflow } from "../workflow/workflow.ts";
import { conclusionOf } from "./conclusion.ts";
import { instanceKey, jobKeys } from "./job-keys.ts";
import { keptJobs } from "./kept-jobs.ts";
import { parseLabels, templateFor } from "./runs-on.ts";
import { lastDue } from "./schedules.ts";

const workflowOf = (ids: readonly string[]) => ({ jobs: ids.map((id) => ({ id })) }) as unknown as Workflow;

test("keys of jobs are plain where they can be, fit, and are never the same twice", () => {
  expect([...jobKeys(workflowOf(["build", "Test", "a.b"])).values()]).toEqual(["build", "test", "a-b"]);
  const id = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,60}$/);
  const tricky = fc.constantFrom("a", "A", "a-m1", "a-j1", "a-w-b", "a-j2", "b");
  fc.assert(
    fc.property(fc.uniqueArray(fc.oneof(id, tricky), { minLength: 1, maxLength: 20 }), (ids) => {
      const own = [...jobKeys(workflowOf(ids)).values()];
      const all = own.flatMap((key) => [key, instanceKey(key, 0), instanceKey(key, 1)]);
      const called = own.flatMap((key) => [...jobKeys(workflowOf(["a", "b"]), key).values()]);
      const keys = [...all, ...called];
      expect(new Set(keys).size).toBe(keys.length);
      for (const key of keys) expect(key).toMatch(/^[a-z0-9_-]{1,80}$/);
    }),
  );
});

test("labels choose a template; what is not known, or fits two, is refused by name", () => {
  const labels = parseLabels(["GPU=big", "ubuntu-22.04=old"]);
  expect(templateFor("ubuntu-latest", {}, labels)).toBe("ci");
  expect(templateFor("ubuntu-22.04", {}, labels)).toBe("old");
  expect(templateFor(["self-hosted", "linux", "gpu"], {}, labels)).toBe("big");
  expect(templateFor(["self-hosted", "X64"], {}, labels)).toBe("ci");
  expect(templateFor("${{ matrix.os }}", { matrix: { os: "gpu" } }, labels)).toBe("big");
  expect(templateFor('${{ fromJSON(\'["linux", "gpu"]\') }}', {}, labels)).toBe("big");
  expect(templateFor({ labels: ["gpu"] }, {}, labels)).toBe("big");
  expect(() => templateFor("macos-latest", {}, labels)).toThrow(/macos-latest/);
  expect(() => templateFor(["gpu", "ubuntu-latest"], {}, labels)).toThrow(/several templates/);
  expect(() => templateFor({ group: "g", labels: "gpu" }, {}, labels)).toThrow(/group/);
  expect(() => parseLabels(["x="])).toThrow(/label=template/);
});

test("a schedule is due once, also when the look is late; weekdays and time zones count", () => {
  const at = (text: string) => Date.parse(`2026-01-${text}Z`);
  const quarter = { cron: "*/15 * * * *" };
  expect(lastDue(quarter, at("05T10:14:59"), at("05T10:15:00"))).toBe(at("05T10:15:00"));
  expect(lastDue(quarter, at("05T10:15:00"), at("05T10:29:59"))).toBeUndefined();
  expect(lastDue(quarter, at("05T10:00:00"), at("05T10:50:00"))).toBe(at("05T10:45:00"));
  expect(lastDue({ cron: "0 3 * * 1-5", timezone: "Europe/Berlin" }, at("05T01:00:00"), at("05T02:00:30"))).toBe(
    at("05T02:00:00"),
  );
  expect(lastDue({ cron: "0 3 * * 1-5" }, at("03T02:00:00"), at("04T12:00:00"))).toBeUndefined();
});

test("another attempt keeps what succeeded and depends on nothing that is done again", () => {
  const job = (key: string, conclusion: CiConclusion, needs: readonly string[] = [], id = key): CiJob => {
    return { key, id, name: id, matrix: {}, needs, status: "completed", conclusion, outputs: { k: key }, steps: [] };
  };
  const run = {
    jobs: [
      job("lint", "success"),
      job("test-m1", "success", ["lint"], "test"),
      job("test-m2", "failure", ["lint"], "test"),
      job("always", "success", ["test"]),
      job("call-w-x", "success", [], "call / x"),
      job("call-w-y", "failure", ["call / x"], "call / y"),
      job("end", "success", ["call"]),
      job("docs", "success", ["lint"]),
      job("off", "skipped"),
    ],
  } as unknown as CiRun;
  const keys = (request: Parameters<typeof keptJobs>[1]) => Object.keys(keptJobs(run, request) ?? {});
  expect(keptJobs(run, {})).toBeUndefined();
  expect(keys({ failedOnly: true })).toEqual(["lint", "test-m1", "call-w-x", "docs"]);
  expect(keys({ job: "lint" })).toEqual(["call-w-x", "end"]);
  expect(keptJobs(run, { failedOnly: true })?.lint).toEqual({ conclusion: "success", outputs: { k: "lint" } });
  expect(() => keptJobs(run, { job: "none" })).toThrow(/no job/);
  expect(() => keptJobs(run, { job: "test" })).toThrow(/several/);
});

test("jobs come to one conclusion", () => {
  expect(conclusionOf(["success", "failure", "cancelled"], true)).toBe("failure");
  expect(conclusionOf(["success", "cancelled"], false)).toBe("cancelled");
  expect(conclusionOf(["success"], true)).toBe("cancelled");
  expect(conclusionOf(["skipped", "success"], false)).toBe("success");
  expect(conclusionOf(["skipped"], false)).toBe("skipped");
});
