import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CONFIG_KEYS, configJsonSchema, loadConfig } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "glovebox-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const file = (text: string): string => {
  const path = join(folder, `config-${files++}.yaml`);
  writeFileSync(path, text);
  return path;
};
const bare = { env: { HOME: "/home/me" }, cwd: folder };

describe("the configuration", () => {
  it("has a default for everything", () => {
    const { config, values, file: read } = loadConfig(bare);
    expect(config).toMatchObject({
      host: "127.0.0.1",
      port: 7070,
      logLevel: "info",
      dataDir: "/home/me/.local/share/glovebox",
    });
    expect(new Set(values.map(({ source }) => source))).toEqual(new Set(["default"]));
    expect(values.map(({ key }) => key)).toEqual(CONFIG_KEYS.map(({ key }) => key));
    expect(read).toBeUndefined();
  });

  it("takes the redactor's profile and paths of fields, and refuses what is no path", () => {
    const redaction = (text: string) => loadConfig({ ...bare, file: file(`redaction: ${text}\n`) }).config.redaction;
    expect(redaction("{ profile: strict, fields: ['**.pin', user.*.phone] }")).toEqual({
      profile: "strict",
      fields: ["**.pin", "user.*.phone"],
    });
    for (const wrong of ["{ profile: most }", "{ fields: [''] }", "{ fields: [a..b] }", "{ fields: [a.] }"]) {
      expect(() => redaction(wrong)).toThrow(/redaction/);
    }
  });

  it("takes the file, then the environment, then flags, and remembers which", () => {
    const path = file(
      "port: 1000\nhost: a\nlogLevel: warn\nhttp:\n  docs: false\n  corsOrigins: [https://x.example]\n",
    );
    const env = { ...bare.env, GLOVEBOX_PORT: "2000", GLOVEBOX_HOST: "b", GLOVEBOX_DATA: "data" };
    const {
      config,
      values,
      file: read,
    } = loadConfig({ file: path, env, flags: { port: 3000, host: undefined }, cwd: folder });
    expect(config).toMatchObject({ port: 3000, host: "b", logLevel: "warn", dataDir: join(folder, "data") });
    expect(config.http).toMatchObject({ docs: false, corsOrigins: ["https://x.example"] });
    const source = (key: string) => values.find((value) => value.key === key)?.source;
    expect(["port", "host", "logLevel", "dataDir", "http.docs", "http.bodyBytes"].map(source)).toEqual([
      "flag",
      "environment",
      "file",
      "environment",
      "file",
      "default",
    ]);
    expect(read).toBe(path);
  });

  it("finds glovebox.yaml in the folder, or the one that GLOVEBOX_CONFIG names", () => {
    const own = mkdtempSync(join(folder, "own-"));
    writeFileSync(join(own, "glovebox.yaml"), "port: 1\n");
    expect(loadConfig({ ...bare, cwd: own }).config.port).toBe(1);
    expect(loadConfig({ env: { ...bare.env, GLOVEBOX_CONFIG: file("port: 2\n") }, cwd: own }).config.port).toBe(2);
    expect(loadConfig({ ...bare, file: file(""), cwd: own }).config.port).toBe(7070);
  });

  it("reads every kind of value from the environment", () => {
    const env = {
      ...bare.env,
      GLOVEBOX_AUTH_IP_ALLOW_LIST: "10.0.0.0/8, ::1",
      GLOVEBOX_AUTH_LOOPBACK_WITHOUT_TOKEN: "1",
      GLOVEBOX_HTTP_DOCS: "false",
      GLOVEBOX_RATE_LIMIT_PER_SECOND: "2.5",
      GLOVEBOX_RETENTION_EVENTS: "null",
      GLOVEBOX_UID_BASE: "100000",
      GLOVEBOX_TEST_WHATEVER: "x",
      GLOVEBOX_TOKEN: "secret",
    };
    const { config } = loadConfig({ env, cwd: folder });
    expect(config.auth).toMatchObject({ ipAllowList: ["10.0.0.0/8", "::1"], loopbackWithoutToken: true });
    expect(config.http.docs).toBe(false);
    expect(config.rateLimit.perSecond).toBe(2.5);
    expect(config.retention.events).toBeNull();
    expect(config.uidBase).toBe(100_000);
    expect(loadConfig({ ...bare, flags: { "http.docs": "false" } }).config.http.docs).toBe(false);
  });

  it.each([
    ["an unknown key", "colour: blue\n", "colour"],
    ["an unknown key in a section", "http:\n  colour: blue\n", "http.colour"],
    ["a value of the wrong type", "port: high\n", "port"],
    ["a value out of range", "http:\n  bodyBytes: 1\n", "http.bodyBytes"],
    ["a section that is none", "http: 5\n", "http"],
    ["a list", "- a\n", ""],
    ["a key twice", "port: 1\nport: 2\n", ""],
    ["no YAML", "a: [\n", ""],
    ["an item of a list", "http:\n  corsOrigins: [nonsense]\n", "http.corsOrigins"],
    ["a prototype", "__proto__:\n  port: 1\n", "__proto__"],
  ])("refuses %s in the file, and says where", (_name, text, path) => {
    const at = file(text);
    expect(() => loadConfig({ ...bare, file: at })).toThrowError(
      expect.objectContaining({
        code: "invalid_argument",
        message: expect.stringContaining(at),
        details: expect.objectContaining({ path, source: "file" }),
      }),
    );
  });

  it("refuses wrong values and unknown names in the environment and in flags", () => {
    const refused = (options: Parameters<typeof loadConfig>[0], path: string, source: string) =>
      expect(() => loadConfig({ ...bare, ...options })).toThrowError(
        expect.objectContaining({ code: "invalid_argument", details: expect.objectContaining({ path, source }) }),
      );
    refused({ env: { GLOVEBOX_PORT: "x" } }, "port", "environment");
    refused({ env: { GLOVEBOX_COLOUR: "x" } }, "GLOVEBOX_COLOUR", "environment");
    refused({ env: { GLOVEBOX_HTTP_DOCS: "maybe" } }, "http.docs", "environment");
    refused({ flags: { port: 70_000 } }, "port", "flag");
    refused({ flags: { colour: 1 } }, "colour", "flag");
  });

  it("says when a named file is missing, is a folder, or is too large", () => {
    expect(() => loadConfig({ ...bare, file: "nowhere.yaml" })).toThrowError(
      expect.objectContaining({ code: "not_found" }),
    );
    expect(() => loadConfig({ ...bare, file: folder })).toThrowError(
      expect.objectContaining({ code: "invalid_argument" }),
    );
    expect(() => loadConfig({ ...bare, file: file(`# ${"x".repeat(1 << 20)}\n`) })).toThrowError(
      expect.objectContaining({ code: "invalid_argument" }),
    );
  });

  it("publishes its schema, with a description of every setting", () => {
    const schema = configJsonSchema() as { properties: Record<string, { description?: string; properties?: object }> };
    expect(Object.keys(schema.properties)).toContain("http");
    for (const { path } of CONFIG_KEYS) {
      let at = schema as { description?: string; properties?: Record<string, unknown> };
      for (const name of path) at = (at.properties?.[name] ?? {}) as typeof at;
      expect([path.join("."), at.description ?? ""]).toEqual([path.join("."), expect.stringMatching(/\w{3}/)]);
    }
    expect(new Set(CONFIG_KEYS.map(({ env }) => env)).size).toBe(CONFIG_KEYS.length);
  });
});
