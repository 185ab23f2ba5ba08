import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DnsServer, startDnsServer } from "../../packages/glovebox/src/governance/egress/testing/dns-server.ts";
import {
  type OriginServer,
  startOrigin as startSecureOrigin,
} from "../../packages/glovebox/src/governance/egress/testing/origin-servers.ts";
import { createTestAuthority } from "../../packages/glovebox/src/governance/egress/testing/test-authority.ts";
import { execute } from "../support/execute.ts";
import { RawClient } from "../support/http.ts";
import { type Origin, startOrigin } from "../support/origins.ts";
import { cleanEnv, glovebox, startServer, type TestServer } from "../support/server.ts";

const SECRET = "s3cr3t-value-that-never-enters-0123456789";

const hasPip = await execute(["/usr/bin/python3", "-m", "pip", "--version"], { cwd: tmpdir() }).then(
  () => true,
  () => false,
);

let origin: Origin;
let secure: OriginServer;
let names: DnsServer;
let server: TestServer;
let box: Glovebox;
let http: RawClient;
let dataDir: string;

const start = () =>
  startServer({
    dataDir,
    env: {
      GLOVEBOX_EGRESS_PERMIT_ADDRESSES: "127.0.0.1/32",
      GLOVEBOX_EGRESS_NAME_SERVERS: names.address,
      GLOVEBOX_EGRESS_AUTHORITIES_FILE: join(dataDir, "world.pem"),
      GLOVEBOX_PACKAGES_NODE: `http://registry.test:${origin.port}/`,
      GLOVEBOX_PACKAGES_PYTHON: `http://registry.test:${origin.port}/simple/`,
      GLOVEBOX_PACKAGES_APT_SOURCES_FILE: join(dataDir, "sources.list"),
    },
  });

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "glovebox-e2e-"));
  origin = await startOrigin();
  const world = await createTestAuthority();
  secure = await startSecureOrigin("127.0.0.1", { tls: world });
  await writeFile(join(dataDir, "world.pem"), world.certificate);
  await writeFile(join(dataDir, "sources.list"), `deb [trusted=yes] http://registry.test:${origin.port}/debian ./\n`);
  names = await startDnsServer();
  for (const name of ["allowed", "forbidden", "registry", "secure"]) names.set(`${name}.test`, ["127.0.0.1"]);
  names.set("inside.test", ["10.0.0.1"]);
  names.set("metadata.test", ["169.254.169.254"]);
  server = await start();
  box = await Glovebox.connect({ url: server.url, token: server.token });
  http = new RawClient(server);
  const { port } = origin;
  const put = await http.request("PUT", "/v1/secrets/API_KEY", {
    value: SECRET,
    hosts: [`allowed.test:${port}`, `secure.test:${secure.port}`],
  });
  expect(put.status, JSON.stringify(put.body)).toBeLessThan(300);
  const allow = [
    `http://allowed.test:${port}/*`,
    `registry.test:${port}`,
    `inside.test:${port}`,
    `metadata.test:80`,
    `GET https://secure.test:${secure.port}/v1/*`,
  ];
  await box.templates.create({
    name: "out",
    isolation: "bubblewrap",
    network: { mode: "allowlist", allow },
    secrets: ["API_KEY"],
  });
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await secure?.[Symbol.asyncDispose]();
  await names?.[Symbol.asyncDispose]();
  await origin?.[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

const at = (host: string, path: string) => `http://${host}:${origin.port}${path}`;

/** Runs a shell line in a new session and gives what it printed, both streams. */
async function shell(line: string, template = "out") {
  await using session = await box.sessions.create({ template });
  const { stdout, stderr, execution } = await session.exec(["bash", "-c", line]);
  const events = await http.get<{
    items: { payload: { code?: string; details?: { reason?: string; host?: string } } }[];
  }>(`/v1/sessions/${session.id}/events?limit=1000`);
  return { stdout, stderr, status: execution.status, exitCode: execution.exitCode, events: events.body.items };
}

describe("what a template allows", () => {
  it.each([
    ["curl", (url: string) => `curl -sS --fail ${url}`],
    [
      "wget-like Python",
      (url: string) => `python3 -c "import urllib.request as u; print(u.urlopen('${url}').read().decode())"`,
    ],
    ["Node's fetch", (url: string) => `node -e "fetch('${url}').then(r => r.text()).then(console.log)"`],
  ])("is reached by %s", async (_, command) => {
    const { stdout, stderr } = await shell(command(at("allowed.test", "/hello")));
    expect(stdout.trim(), stderr).toBe("hello from outside");
  });

  it("is reached by git, over HTTP", async () => {
    const { stdout, stderr } = await shell(
      `git clone -q ${at("allowed.test", "/git/repo.git")} there && cat there/README`,
    );
    expect(stdout, stderr).toBe("from afar\n");
  });

  it("is reached by npm, which installs a package", async () => {
    const line = `npm install --registry ${at("registry.test", "/")} --cache /tmp/.npm --no-audit --no-fund tiny-mitten@1.0.0 >/dev/null && node -p "require('tiny-mitten')()"`;
    const { stdout, stderr } = await shell(line);
    expect(stdout, stderr).toBe("warm\n");
  });
});

describe("where a rule names methods and paths", () => {
  const url = (path: string) => `https://secure.test:${secure.port}${path}`;

  it.each([
    ["curl", (to: string) => `curl -sS --fail -H "authorization: Bearer $API_KEY" ${to}`],
    [
      "Python",
      (to: string) =>
        `python3 -c "import os, urllib.request as u; print(u.urlopen(u.Request('${to}', headers={'authorization': 'Bearer ' + os.environ['API_KEY']})).read().decode())"`,
    ],
    [
      "Node",
      (to: string) =>
        `node -e "fetch('${to}', {headers: {authorization: 'Bearer ' + process.env.API_KEY}}).then(r => r.text()).then(console.log)"`,
    ],
  ])("%s trusts the tenant's authority, and its secret is put in", async (_, command) => {
    secure.seen.length = 0;
    const { stdout, stderr } = await shell(command(url("/v1/things")));
    expect(stdout, stderr).toContain("hello from");
    expect(secure.seen.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${SECRET}`]);
  });

  it.each([
    ["another path", "curl -sS --fail", "/v2/things"],
    ["a path that leads out", "curl -sS --fail --path-as-is", "/v1/../v2/things"],
    ["another method", "curl -sS --fail -X DELETE", "/v1/things"],
  ])("refuses %s", async (_, command, path) => {
    secure.seen.length = 0;
    const { status } = await shell(`${command} ${url(path)}`);
    expect({ status, seen: secure.seen }).toEqual({ status: "error", seen: [] });
  });
});

it("a sandbox that was ready has its session's way out when it is taken: its rules, its trust, and a placeholder of its own", async () => {
  const ready = async () => (await box.pools.show("out")).ready;
  await box.pools.set("out", { min: 2, max: 2 });
  try {
    await expect.poll(ready, { timeout: 60_000 }).toBe(2);
    await using one = await box.sessions.create({ template: "out" });
    await using other = await box.sessions.create({ template: "out" });
    expect(await box.pools.show("out")).toMatchObject({ hits: 2, misses: { total: 0 } });
    const placeholders = [];
    for (const session of [one, other]) {
      secure.seen.length = 0;
      const url = `https://secure.test:${secure.port}/v1/things`;
      const code = `import os, urllib.request as u; u.urlopen(u.Request('${url}', headers={'authorization': os.environ['API_KEY']})); os.environ['API_KEY']`;
      const { value, execution } = await session.run(code);
      expect(execution.status, JSON.stringify(execution.error)).toBe("ok");
      expect(secure.seen.map(({ headers }) => headers.authorization)).toEqual([SECRET]);
      placeholders.push(value?.json);
      const { execution: refused } = await session.exec(["curl", "-sS", "--fail", at("forbidden.test", "/hello")]);
      expect(refused.status).toBe("error");
    }
    expect(placeholders[0]).not.toBe(placeholders[1]);
  } finally {
    await box.pools.set("out", { reset: true });
  }
});

describe("what it does not allow", () => {
  it.each([
    ["another host", "forbidden.test", "not_in_allow_list"],
    ["an address", "127.0.0.1", "not_in_allow_list"],
    ["a name that leads inside", "inside.test", "private_address"],
  ])("is refused: %s", async (_, host, reason) => {
    const { stdout, status, events } = await shell(`curl -sS --fail --noproxy '' ${at(host, "/hello")}`);
    expect({ stdout, status }).toEqual({ stdout: "", status: "error" });
    const refused = events.filter(({ payload }) => payload.code === "egress_refused");
    expect(refused.map(({ payload }) => [payload.details?.host, payload.details?.reason])).toContainEqual([
      host,
      reason,
    ]);
  });

  it("is refused also when the name leads to the machine's metadata", async () => {
    const { status, events } = await shell("curl -sS --fail http://metadata.test/latest");
    expect(status).toBe("error");
    expect(
      events.some(({ payload }) => payload.details?.host === "metadata.test" && payload.code === "egress_refused"),
    ).toBe(true);
  });

  it("cannot be reached by a redirect", async () => {
    const to = encodeURIComponent(at("forbidden.test", "/hello"));
    const { stdout } = await shell(`curl -sSL --fail ${at("allowed.test", `/redirect?to=${to}`)}`);
    expect(stdout).not.toContain("hello from outside");
  });

  it("cannot be reached without the proxy", async () => {
    const code = `import socket
for host, port in [("127.0.0.1", ${origin.port}), ("192.0.2.1", 80), ("1.1.1.1", 53), ("forbidden.test", ${origin.port})]:
    try:
        s = socket.create_connection((host, port), 3); s.sendall(b"GET /hello HTTP/1.0\\r\\nHost: forbidden.test\\r\\n\\r\\n")
        print("open" if b"hello" in s.recv(4096) else "closed")
    except OSError as error:
        print("closed")`;
    await using session = await box.sessions.create({ template: "out" });
    expect((await session.exec(["python3", "-c", code])).stdout.split("\n")).not.toContain("open");
  });

  it("is everything, without a network", async () => {
    const { stdout } = await shell(
      `curl -sS -m 3 -x http://127.0.0.1:3128 ${at("allowed.test", "/hello")}; env | grep -i proxy`,
      "bash",
    );
    expect(stdout).toBe("");
  });
});

describe("a secret", () => {
  it("is put in on its way to its host, and nowhere else is more than a placeholder", async () => {
    const { stdout } = await shell(
      `echo "in: $API_KEY"; curl -sS -H "Authorization: Bearer $API_KEY" "${at("allowed.test", "/echo?k=")}$API_KEY" -d "body=$API_KEY"; env; cat /proc/self/environ /proc/1/environ 2>/dev/null | tr '\\0' '\\n'; cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '`,
    );
    expect(stdout).not.toContain(SECRET);
    expect(stdout).toMatch(/in: \S{16,}/);
    const asked = origin.asked.findLast(({ url }) => url.startsWith("/echo"));
    expect(asked?.headers.authorization).toBe(`Bearer ${SECRET}`);
    expect(asked?.url).toContain(SECRET);
    expect(asked?.body).toBe(`body=${SECRET}`);
  });

  it("is refused on its way anywhere else", async () => {
    const before = origin.asked.length;
    const { stdout, events } = await shell(`curl -sS --fail -H "X-Key: $API_KEY" ${at("registry.test", "/echo")}`);
    expect(stdout).toBe("");
    expect(events.map(({ payload }) => payload.details?.reason)).toContain("placeholder_elsewhere");
    expect(origin.asked.length).toBe(before);
  });

  it("is the only thing its variable can hold, and needs a network", async () => {
    const network = { mode: "allowlist" as const, allow: ["allowed.test"] };
    const base = { isolation: "bubblewrap" as const, secrets: ["API_KEY"] };
    const twice = box.templates.create({ ...base, name: "twice", network, env: { API_KEY: "x" } });
    await expect(twice).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(box.templates.create({ ...base, name: "shut" })).rejects.toMatchObject({ code: "invalid_argument" });
    const shadowed = box.sessions.create({ template: "out", env: { API_KEY: "x" } });
    await expect(shadowed).rejects.toMatchObject({ code: "invalid_argument" });
    await box.templates.create({ ...base, name: "lacking", network, secrets: ["NO_SUCH_KEY"] });
    await expect(box.sessions.create({ template: "lacking" })).rejects.toMatchObject({ code: "not_found" });
  });

  it("is in no answer, log or event, and every use of it in the audit log", async () => {
    const parts = await Promise.all(
      [
        "/v1/secrets",
        "/v1/templates",
        "/v1/sessions?limit=100",
        "/v1/executions?limit=200",
        "/v1/audit?limit=1000",
        "/v1/config",
      ].map(async (path) => JSON.stringify((await http.get(path)).body)),
    );
    for (const text of [...parts, server.log()]) expect(text.includes(SECRET)).toBe(false);
    expect(parts[4]?.includes("placeholder_elsewhere")).toBe(true);
    const verified = await http.get<{ ok?: boolean }>("/v1/audit/verify");
    expect(verified.body).toMatchObject({ ok: true });
  });
});

describe("packages", () => {
  it("of a template are installed once and are there in every session", async () => {
    await box.templates.create({
      name: "knit",
      isolation: "bubblewrap",
      packages: { apt: [], python: [], node: ["tiny-mitten@1.0.0"], cargo: [] },
    });
    const tarballs = () => origin.asked.filter(({ url }) => url.endsWith(".tgz")).length;
    const before = tarballs();
    for (let round = 0; round < 2; round += 1) {
      await using session = await box.sessions.create({ template: "knit" });
      expect((await session.run("require('tiny-mitten')()", { language: "javascript" })).value?.json).toBe("warm");
      expect(
        (await session.exec(["bash", "-c", "touch /glovebox/packages/x 2>&1; curl -sS -m 2 http://registry.test 2>&1"]))
          .execution.status,
      ).not.toBe("ok");
    }
    expect(tarballs()).toBe(before + 1);
  });

  it("come from Python's and Debian's registries too", async ({ skip }) => {
    if (!hasPip) skip("pip is not installed");
    const packages = { apt: ["tiny-hat=1.0"], python: ["tiny-scarf==1.0.0"], node: [], cargo: [] };
    await box.templates.create({ name: "dressed", isolation: "bubblewrap", packages });
    await using session = await box.sessions.create({ template: "dressed" });
    expect((await session.run("import tiny_scarf; tiny_scarf.wear()", { language: "python" })).value?.json).toBe(
      "cosy",
    );
    expect((await session.exec(["tiny-hat"])).stdout).toBe("on the head\n");
  });

  it("that cannot be installed tell why, and leave nothing", async () => {
    await box.templates.create({
      name: "torn",
      isolation: "bubblewrap",
      packages: { apt: [], python: [], node: ["no-such-glove@1.0.0"], cargo: [] },
    });
    await expect(box.sessions.create({ template: "torn" })).rejects.toMatchObject({ code: "unavailable" });
  });

  it("that an execution requires are installed into its session", async ({ skip }) => {
    if (!hasPip) skip("pip is not installed");
    await using session = await box.sessions.create({ template: "out" });
    const ran = await session.run("require('tiny-mitten')()", {
      language: "javascript",
      requirements: ["tiny-mitten@1.0.0"],
    });
    expect(ran.value?.json).toBe("warm");
    const scarf = await session.run("import tiny_scarf; tiny_scarf.wear()", {
      language: "python",
      requirements: ["tiny-scarf==1.0.0"],
    });
    expect(scarf.value?.json).toBe("cosy");
    await expect(session.run("1", { language: "bash", requirements: ["x@1.0.0"] })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });
});

it("is all there on the command line", async () => {
  const env = { ...cleanEnv(), GLOVEBOX_URL: server.url, GLOVEBOX_TOKEN: server.token };
  const cli = async (...args: string[]) => (await execute([glovebox, ...args], { cwd: dataDir, env })).toString("utf8");
  await using session = await box.sessions.create({ template: "out" });
  const code = ["-l", "javascript", "-e", "require('tiny-mitten')()"];
  expect(await cli("exec", session.id, "--require", "tiny-mitten@1.0.0", ...code)).toContain("warm");
  expect(await cli("template", "list")).toContain("API_KEY");
  expect(await cli("secret", "list")).not.toContain(SECRET);
  expect(await cli("audit", "verify")).toContain("as it was written");
  const told = await cli("egress", "test", "out", at("allowed.test", "/hello"));
  expect(told).toContain("allowed");
});

it("goes on after the server was killed: the same placeholder still works, and nothing else does", async () => {
  const session = await box.sessions.create({ template: "out" });
  await session.exec(["bash", "-c", "echo $API_KEY > kept"]);
  await server.kill();
  server = await start();
  box = await Glovebox.connect({ url: server.url, token: server.token });
  http = new RawClient(server);
  await using again = await box.sessions.get(session.id);
  const line = `curl -sS -H "Authorization: Bearer $(cat kept)" ${at("allowed.test", "/echo?after")}; curl -sS --fail ${at("forbidden.test", "/hello")}`;
  const { stdout } = await again.exec(["bash", "-c", line]);
  expect(stdout).not.toContain("hello from outside");
  expect(origin.asked.findLast(({ url }) => url === "/echo?after")?.headers.authorization).toBe(`Bearer ${SECRET}`);
});
