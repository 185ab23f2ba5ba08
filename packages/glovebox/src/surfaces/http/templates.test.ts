import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, json } from "./testing/answers.ts";
import { startTestServer, type TestServer } from "./testing/server.ts";
import { realServices } from "./testing/services.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ services: realServices });
});
afterAll(async () => await server[Symbol.asyncDispose]());

describe("templates over HTTP", () => {
  it("changes templates in versions, and only from the version that the client saw", async () => {
    const made = await server.send("POST", "/v1/templates", {
      name: "mine",
      isolation: "bubblewrap",
      languages: ["python"],
    });
    expect([made.status, made.headers.get("etag")]).toEqual([201, '"1"']);
    expect(await codeOf(await server.send("POST", "/v1/templates", { name: "mine", isolation: "bubblewrap" }))).toEqual(
      [409, "already_exists"],
    );
    const patched = await server.send(
      "PATCH",
      "/v1/templates/mine",
      { limits: { memoryMb: 256 } },
      { "if-match": '"1"' },
    );
    expect([patched.status, patched.headers.get("etag")]).toEqual([200, '"2"']);
    expect(
      await codeOf(
        await server.send("PATCH", "/v1/templates/mine", { limits: { memoryMb: 300 } }, { "if-match": '"1"' }),
      ),
    ).toEqual([409, "version_conflict"]);
    expect(await codeOf(await server.send("PATCH", "/v1/templates/mine", {}, {}))).toEqual([400, "invalid_argument"]);
    expect(await codeOf(await server.send("PATCH", "/v1/templates/mine", { limits: {} }, { "if-match": "x" }))).toEqual(
      [400, "invalid_argument"],
    );
    const same = await server.request("/v1/templates/mine", { headers: { "if-none-match": '"2"' } });
    expect([same.status, await same.text()]).toEqual([304, ""]);
    expect(await json(await server.request("/v1/templates/mine?version=1"))).toMatchObject({ version: 1 });
    expect((await server.send("POST", "/v1/templates/mine/clone", { name: "copy" })).status).toBe(201);
    const names = (
      await json<{ items: { name: string }[] }>(await server.request("/v1/templates?limit=1000"))
    ).items.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["mine", "copy", "python", "bash"]));
    expect(
      await codeOf(await server.request("/v1/templates/mine", { method: "DELETE", headers: { "if-match": '"1"' } })),
    ).toEqual([409, "version_conflict"]);
    expect((await server.request("/v1/templates/mine", { method: "DELETE" })).status).toBe(204);
    expect(await codeOf(await server.request("/v1/templates/mine"))).toEqual([404, "not_found"]);
    expect((await server.request("/v1/templates/python")).status).toBe(200);
    expect(await codeOf(await server.request("/v1/templates/UPPER"))).toEqual([400, "invalid_argument"]);
  });

  it("adds and removes what a template is made of", async () => {
    await server.send("POST", "/v1/templates", { name: "parts", isolation: "isolate" });
    const base = "/v1/templates/parts";
    const add = (part: string, body: unknown) => server.send("POST", `${base}/${part}`, body);
    expect((await add("modules", { name: "fs" })).status).toBe(201);
    expect(await codeOf(await add("modules", { name: "json" }))).toEqual([422, "module_not_allowed"]);
    expect((await add("libraries", { name: "lodash" })).status).toBe(201);
    expect((await add("startup-files", { path: "b.js", order: 2, content: "1" })).status).toBe(201);
    expect((await add("startup-files", { path: "a/a.js", order: 1, content: "1" })).status).toBe(201);
    expect((await add("capabilities", { kind: "env", name: "COLOUR", config: { value: "blue" } })).status).toBe(201);
    const list = async (part: string) =>
      (await json<{ items: { name?: string; path?: string }[] }>(await server.request(`${base}/${part}`))).items;
    expect(await list("modules")).toEqual([{ name: "fs" }]);
    expect(await list("libraries")).toEqual([{ name: expect.stringContaining("lodash") }]);
    expect((await list("startup-files")).map(({ path }) => path)).toEqual(["a/a.js", "b.js"]);
    expect((await list("capabilities")).some(({ name }) => name === "COLOUR")).toBe(true);
    expect(await json(await server.request(`${base}/packages`))).toEqual({ apt: [], python: [], node: [], cargo: [] });
    expect(await codeOf(await add("packages", { manager: "apt", name: "curl" }))).toEqual([
      422,
      "not_supported_by_isolation",
    ]);
    const drop = (path: string) => server.request(`${base}/${path}`, { method: "DELETE" });
    expect(await codeOf(await drop("packages/apt/curl"))).toEqual([422, "not_supported_by_isolation"]);
    expect((await drop("modules/fs")).status).toBe(200);
    expect((await drop("libraries/lodash")).status).toBe(200);
    expect((await drop("startup-files?path=a/a.js")).status).toBe(200);
    expect((await drop("capabilities/env/COLOUR")).status).toBe(200);
    expect(await list("modules")).toEqual([]);
    expect((await list("startup-files")).map(({ path }) => path)).toEqual(["b.js"]);
    expect(
      await codeOf(await server.request(`${base}/modules/fs`, { method: "DELETE", headers: { "if-match": '"1"' } })),
    ).toEqual([409, "version_conflict"]);
  });

  it("lists what templates may name", async () => {
    for (const kind of ["modules", "libraries", "languages"]) {
      expect(
        (await json<{ items: unknown[] }>(await server.request(`/v1/catalog/${kind}`))).items.length,
      ).toBeGreaterThan(0);
    }
  });
});
