import { afterAll, beforeAll, expect, test } from "vitest";
import type { TemplateInput, TemplatePatch } from "../../core/index.ts";
import { NetworkSpec } from "../../core/schemas.ts";
import { openStage, type Stage, TENANT } from "../testing/stage.ts";
import { READY_MADE } from "./ready-made.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());
const templates = () => stage.services.templates;

test("every tenant finds the ready-made templates once; one that was deleted stays deleted", async () => {
  const names = async (tenant: string) => (await templates().list(tenant)).items.map(({ name }) => name).sort();
  const all = READY_MADE.map(({ name }) => name).sort();
  expect(await names("one")).toEqual(all);
  await templates().delete("one", "ci");
  expect(await names("one")).toEqual(all.filter((name) => name !== "ci"));
  expect(await names("two")).toEqual(all);
  const [mine, theirs] = [await templates().get("one", "python"), await templates().get("two", "python")];
  expect(mine.id).not.toBe(theirs.id);
  await expect(templates().get("one", theirs.id)).rejects.toMatchObject({ code: "not_found" });
});

test("defaults are filled in, short forms are stored as capabilities, and both always agree", async () => {
  const made = await templates().create(TENANT, {
    name: "full",
    isolation: "isolate",
    modules: ["fs"],
    env: { A: "1" },
    limits: { wallMs: 5_000 },
    libraries: ["lodash", "lodash"],
  });
  expect(made).toMatchObject({ version: 1, languages: ["javascript", "typescript"], libraries: ["lodash"] });
  expect(made.limits).toMatchObject({ wallMs: 5_000, memoryMb: 512 });
  expect(made.maxLimits.wallMs).toBe(5_000);
  expect(made.capabilities.map(({ kind, name }) => `${kind}/${name}`)).toEqual(["module/fs", "env/A"]);
  const more = await templates().addModule(TENANT, "full", "database");
  expect([more.version, more.modules]).toEqual([2, ["fs", "database"]]);
  const off = await templates().addCapability(TENANT, "full", {
    kind: "module",
    name: "fs",
    enabled: false,
    config: {},
  });
  expect([off.modules, off.capabilities.length]).toEqual([["database"], 3]);
  const gone = await templates().removeCapability(TENANT, "full", "env", "A");
  expect([gone.env, gone.version]).toEqual([{}, 4]);
  expect((await templates().get(TENANT, "full", 1)).env).toEqual({ A: "1" });
  const patched = await templates().update(TENANT, "full", { env: { B: "2" }, limits: { wallMs: 6_000 } });
  expect(patched).toMatchObject({ env: { B: "2" }, maxLimits: { wallMs: 6_000 }, version: 5 });
  const removed = await templates().removeLibrary(TENANT, "full", "lodash");
  expect(removed.libraries).toEqual([]);
  await expect(templates().removeModule(TENANT, "full", "exec")).rejects.toMatchObject({ code: "not_found" });
});

test("what could not be honoured is refused with its reason", async () => {
  const base = { isolation: "bubblewrap" } as const;
  const packages = { apt: [], python: ["numpy"], node: [], cargo: [] };
  const bad: [Omit<TemplateInput, "name">, string][] = [
    [{ ...base, packages }, "invalid_argument"],
    [{ ...base, packages: { ...packages, python: ["numpy==2.1.0"] } }, "unavailable"],
    [{ isolation: "isolate", packages }, "not_supported_by_isolation"],
    [{ ...base, packages: { apt: [], python: [], node: [], cargo: ["serde@1.0.0"] } }, "not_supported_by_isolation"],
    // The stage's services let nobody out.
    [{ ...base, network: NetworkSpec.parse({ mode: "open" }) }, "unavailable"],
    [{ ...base, capabilities: [{ kind: "net", name: "allowlist", enabled: true, config: {} }] }, "unavailable"],
    [{ isolation: "isolate", network: NetworkSpec.parse({ mode: "open" }) }, "not_supported_by_isolation"],
    [{ ...base, capabilities: [{ kind: "net", name: "everything", enabled: true, config: {} }] }, "invalid_argument"],
    [{ ...base, secrets: ["API_KEY"] }, "invalid_argument"],
    [{ ...base, pool: { min: 2, max: 1, refillConcurrency: 1 } }, "invalid_argument"],
    [{ ...base, snapshots: { auto: "never", rollbackOnFailure: true, keep: 1 } }, "invalid_argument"],
    [
      { isolation: "isolate", snapshots: { auto: "after_success", rollbackOnFailure: false, keep: 1 } },
      "not_supported_by_isolation",
    ],
    [{ ...base, image: "base" }, "not_supported_by_isolation"],
    [{ isolation: "isolate", image: "base" }, "not_supported_by_isolation"],
    [{ ...base, modules: ["fs"] }, "not_supported_by_isolation"],
    [{ ...base, libraries: ["lodash"] }, "not_supported_by_isolation"],
    [{ isolation: "isolate", modules: ["JSON"] }, "module_not_allowed"],
    [{ isolation: "isolate", modules: ["child_process"] }, "module_not_allowed"],
    [{ isolation: "isolate", libraries: ["left-pad"] }, "module_not_allowed"],
    [{ isolation: "isolate", languages: ["python"] }, "language_unavailable"],
    [{ isolation: "firecracker" }, "isolation_unavailable"],
    [{ ...base, limits: { wallMs: 10 }, maxLimits: { wallMs: 5 } }, "invalid_argument"],
    [{ ...base, capabilities: [{ kind: "global", name: "x", enabled: true, config: {} }] }, "module_not_allowed"],
    [
      { ...base, capabilities: [{ kind: "env", name: "1x", enabled: true, config: { value: "" } }] },
      "invalid_argument",
    ],
    [{ ...base, capabilities: [{ kind: "env", name: "x", enabled: true, config: {} }] }, "invalid_argument"],
    [{ ...base, startupFiles: [{ path: "../x.py", order: 1, mode: "eval" }] }, "invalid_path"],
    [{ ...base, startupFiles: [{ path: "noname", order: 1, mode: "eval" }] }, "invalid_argument"],
    [
      { ...base, languages: ["bash"], startupFiles: [{ path: "x.py", order: 1, mode: "eval" }] },
      "language_unavailable",
    ],
  ];
  for (const [input, code] of bad) {
    const made = templates().create(TENANT, { name: "bad", ...input });
    await expect(made, JSON.stringify(input)).rejects.toMatchObject({ code });
  }
  await expect(templates().get(TENANT, "bad")).rejects.toMatchObject({ code: "not_found" });
});

test("a change needs the version it was made on, if one is named; without, racing changes all come through", async () => {
  await templates().create(TENANT, { name: "raced", isolation: "bubblewrap" });
  const patch: TemplatePatch = { idleTimeoutMs: 5_000 };
  await expect(templates().update(TENANT, "raced", patch, 7)).rejects.toMatchObject({ code: "version_conflict" });
  await Promise.all(
    ["a.py", "b.py", "c.py"].map((path) =>
      templates().addStartupFile(TENANT, "raced", { path, order: 1, mode: "eval", content: "1" }),
    ),
  );
  const raced = await templates().get(TENANT, "raced");
  expect(raced.startupFiles.map(({ path }) => path).sort()).toEqual(["a.py", "b.py", "c.py"]);
  expect(raced.version).toBe(4);
  const fewer = await templates().removeStartupFile(TENANT, "raced", "b.py");
  expect(fewer.startupFiles).toHaveLength(2);
  await expect(templates().create(TENANT, { name: "raced", isolation: "isolate" })).rejects.toMatchObject({
    code: "already_exists",
  });
});

test("a clone is its own template; one in use is not deleted, and a deleted one's sessions stay readable", async () => {
  const clone = await templates().clone(TENANT, "bash", "mine");
  expect(clone).toMatchObject({ name: "mine", version: 1, languages: ["bash"] });
  const id = await stage.session({ template: "mine" });
  await expect(templates().delete(TENANT, "mine")).rejects.toMatchObject({ code: "template_in_use" });
  await templates().update(TENANT, "mine", { env: { LATER: "1" } });
  expect(await stage.services.sessions.get(TENANT, id)).toMatchObject({ templateVersion: 1, env: {} });
  await stage.services.sessions.close(TENANT, id);
  await templates().delete(TENANT, "mine");
  await expect(templates().get(TENANT, "mine")).rejects.toMatchObject({ code: "not_found" });
  expect((await stage.services.sessions.get(TENANT, id)).templateId).toBe(clone.id);
});

test("the catalogue names modules, libraries and who runs which language", async () => {
  const { modules, libraries, languages } = await templates().catalog();
  expect(modules.map(({ name }) => name)).toEqual(["fs", "exec", "database"]);
  expect(libraries.map(({ name, global }) => `${name} as ${global}`)).toContain("lodash as _");
  expect(languages.find(({ name }) => name === "javascript")?.isolations).toEqual(["bubblewrap", "isolate"]);
});

test("startup files run in order and share their globals; import runs them as files", async () => {
  await templates().create(TENANT, {
    name: "started",
    isolation: "bubblewrap",
    languages: ["python"],
    startupFiles: [
      { path: "b.py", order: 2, mode: "eval", content: "both = first + 1" },
      { path: "dir/a.py", order: 1, mode: "import", content: "first = 1" },
    ],
  });
  const id = await stage.session({ template: "started" });
  expect((await stage.py(id, "both")).execution.result?.json).toBe(2);
  const runs = await stage.services.executions.list(TENANT, { sessionId: id, kind: ["startup"] });
  expect(runs.items.map(({ path, status }) => `${path} ${status}`)).toEqual(["b.py ok", "dir/a.py ok"]);
});

test("a startup file that is not there fails the session, which stays readable", async () => {
  const startupFiles: TemplateInput["startupFiles"] = [{ path: "none.py", order: 1, mode: "import" }];
  await templates().create(TENANT, { name: "lacking", isolation: "bubblewrap", languages: ["python"], startupFiles });
  const failure = await stage.session({ template: "lacking" }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "startup_failed" });
  const { sessionId } = (failure as { details: { sessionId: string } }).details;
  expect(await stage.services.sessions.get(TENANT, sessionId)).toMatchObject({
    status: "crashed",
    lastError: { code: "startup_failed" },
  });
});
