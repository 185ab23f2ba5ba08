import { afterAll, beforeAll, expect, test } from "vitest";
import { CodegenPayload } from "../codegen/payload.ts";
import { type AgentStage, openAgentStage, workOn } from "../testing/agent-stage.ts";
import { findProblems } from "./find-problems.ts";
import { JAVASCRIPT_RULES } from "./rules/javascript.ts";
import { PYTHON_RULES } from "./rules/python.ts";
import { toSarif } from "./sarif.ts";
import { staticAnalysisAgent } from "./static-analysis-agent.ts";

/** Each rule with code that it is about, and code beside it that it is not about. */
const JAVASCRIPT: readonly (readonly [rule: string, hits: readonly string[], misses: readonly string[]])[] = [
  [
    "js/eval",
    ["eval(x)", "new Function('a', b)", "setTimeout('run()', 10)", "vm.runInNewContext(code)"],
    ["evaluate(x)", "setTimeout(run, 10)", "vm.createContext()"],
  ],
  ["js/console", ["console.log(1)", "console.error(e)"], ["logger.log(1)", "console.assert"]],
  ["js/debugger", ["debugger"], ["const debug = 1"]],
  [
    "js/empty-catch",
    ["try { f() } catch {}", "try { f() } catch (e) { }"],
    ["try { f() } catch (e) { g(e) }", "try { f() } catch { /* gone is fine */ }"],
  ],
  [
    "js/command-interpolation",
    ["exec(`ls ${dir}`)", "child_process.execSync('rm ' + path, {})", "cp.exec('a' + b)"],
    ["exec('ls')", "pattern.exec(a + b)", "execFile('ls', [dir])"],
  ],
  [
    "js/shell-option",
    ["spawn('ls', [d], { shell: true })"],
    ["spawn('ls', [d], { shell: false })", "const o = { shell: true }"],
  ],
  [
    "js/html-injection",
    ["e.innerHTML = name", "e.innerHTML += `<b>${x}</b>`", "document.write(x)", "e.insertAdjacentHTML('beforeend', x)"],
    ["e.innerHTML = ''", "e.textContent = name", "const h = e.innerHTML"],
  ],
  [
    "js/sql-concatenation",
    ["db.query('SELECT * FROM t WHERE a = ' + a)", "db.run(`DELETE FROM t WHERE id = ${id}`)"],
    ["db.query('SELECT * FROM t WHERE a = ?', [a])", "db.run(`hello ${name}`)", "map.get('select' + x)"],
  ],
  ["js/weak-hash", ["crypto.createHash('md5')", 'createHash("sha1")'], ["crypto.createHash('sha256')"]],
  [
    "js/weak-cipher",
    ["crypto.createCipher('aes192', k)", "crypto.createCipheriv('des-ede3', k, iv)"],
    ["crypto.createCipheriv('aes-256-gcm', k, iv)"],
  ],
  [
    "js/insecure-random",
    ["const token = Math.random().toString(36)", "const o = { sessionId: Math.random() }"],
    ["const x = Math.random()"],
  ],
  [
    "js/tls-verification-off",
    ["f({ rejectUnauthorized: false })", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'"],
    ["f({ rejectUnauthorized: true })"],
  ],
  [
    "js/hard-coded-secret",
    ["const password = 'hunter2hunter2'", "f({ apiKey: 'abcdef123456' })", "const x = 'AKIAABCDEFGHIJKLMNOP'"],
    ["const password = process.env.PASSWORD", "const password = ''", "const passwordField = 'name of it'"],
  ],
  ["js/unsafe-deserialisation", ["serialize.unserialize(body)", "v8.deserialize(b)"], ["JSON.parse(body)"]],
  [
    "js/path-traversal",
    ["path.join(root, req.params.name)", "fs.readFile(req.query.f, cb)", "res.sendFile(request.body.path)"],
    ["path.join(root, 'a')", "fs.readFile(name, cb)", "log(req.params.name)"],
  ],
  ["js/open-redirect", ["res.redirect(req.query.next)"], ["res.redirect('/home')"]],
  ["js/regex-from-request", ["new RegExp(req.query.q)"], ["new RegExp(escape(q))"]],
  [
    "js/cookie-without-protection",
    ["res.cookie('a', b, { httpOnly: false })"],
    ["res.cookie('a', b, { httpOnly: true })"],
  ],
];
const PYTHON: readonly (readonly [rule: string, hits: readonly string[], misses: readonly string[]])[] = [
  ["S307", ["eval(x)"], ["evaluate = 1"]],
  ["S102", ["exec(x)"], ["execute = 1"]],
  ["E722", ["try:\n    x = 1\nexcept:\n    x = 2"], ["try:\n    x = 1\nexcept ValueError:\n    raise"]],
  ["T201", ["print(1)"], ["pprint = 1"]],
  ["S602", ["import subprocess\nsubprocess.run(x, shell=True)"], ["import subprocess\nsubprocess.run([x])"]],
  ["S506", ["import yaml\nyaml.load(x)"], ["import yaml\nyaml.safe_load(x)"]],
  ["S301", ["import pickle\npickle.loads(x)"], ["import json\njson.loads(x)"]],
  ["S324", ["import hashlib\nhashlib.md5(x)"], ["import hashlib\nhashlib.sha256(x)"]],
  ["S608", ["q = f'SELECT * FROM t WHERE a = {a}'"], ["q = 'SELECT * FROM t WHERE a = ?'"]],
  [
    "S501",
    ["import requests\nrequests.get(u, verify=False, timeout=1)"],
    ["import requests\nrequests.get(u, timeout=1)"],
  ],
  ["S311", ["import random\ntoken = random.random()"], ["import secrets\ntoken = secrets.token_hex()"]],
  ["S105", ["password = 'hunter2hunter2'"], ["password = None"]],
  ["S605", ["import os\nos.system('ls ' + x)"], ["import os\nos.getcwd()"]],
  ["S202", ["import tarfile\ntarfile.open(x).extractall()"], ["import tarfile\ntarfile.open(x).getnames()"]],
  ["B006", ["def f(a=[]):\n    return a"], ["def f(a=()):\n    return a"]],
  ["F821", ["def f():\n    return nothing"], ["def f(nothing):\n    return nothing"]],
  [
    "py/path-traversal",
    ["open(request.args['f'])", "os.path.join(root, request.form['x'])"],
    ["open(name)", "f(request.args)"],
  ],
  ["py/hard-coded-secret", ["x = 'AKIAABCDEFGHIJKLMNOP'"], ["x = 'AKIA'"]],
  ["py/open-redirect", ["redirect(request.args['next'])"], ["redirect('/home')"]],
];

const rulesIn = async (path: string, text: string) => (await findProblems({ path, text })).map(({ rule }) => rule);

test.each(JAVASCRIPT)(
  "%s finds what it is about, in JavaScript and TypeScript, and nothing beside it",
  async (rule, hits, misses) => {
    for (const hit of hits) {
      expect(await rulesIn("a.js", `${hit}\n`), hit).toContain(rule);
      expect(await rulesIn("a.ts", `${hit}\n`), hit).toContain(rule);
    }
    for (const miss of misses) expect(await rulesIn("a.ts", `${miss}\n`), miss).not.toContain(rule);
  },
);

test.each(PYTHON)("%s finds what it is about in Python, and nothing beside it", async (rule, hits, misses) => {
  for (const hit of hits) expect(await rulesIn("a.py", `${hit}\n`), hit).toContain(rule);
  for (const miss of misses) expect(await rulesIn("a.py", `${miss}\n`), miss).not.toContain(rule);
});

test("every rule of ours has a case", () => {
  expect(JAVASCRIPT.map(([rule]) => rule)).toEqual(JAVASCRIPT_RULES.map(({ id }) => id));
  expect(PYTHON.map(([rule]) => rule).filter((rule) => rule.startsWith("py/"))).toEqual(
    PYTHON_RULES.map(({ id }) => id),
  );
});

test("severities are those of the specification, and filter", async () => {
  const text = "// TODO: later\nconsole.log(1);\neval(x);\n";
  const severities = async (least?: "info" | "warn" | "error") =>
    (await findProblems({ path: "a.js", text, ...(least && { least }) })).map(({ rule, severity, line }) => [
      rule,
      severity,
      line,
    ]);
  expect(await severities()).toEqual([
    ["todo", "info", 1],
    ["js/console", "warn", 2],
    ["js/eval", "error", 3],
  ]);
  expect(await severities("warn")).toHaveLength(2);
  expect(await severities("error")).toEqual([["js/eval", "error", 3]]);
  const python = await findProblems({ path: "a.py", text: "# TODO\ntry:\n    eval('1')\nexcept:\n    print(1)\n" });
  expect(Object.fromEntries(python.map(({ rule, severity }) => [rule, severity]))).toMatchObject({
    todo: "info",
    S307: "error",
    E722: "warn",
    T201: "warn",
  });
});

test("SARIF says where in code units, from the root, each rule once", async () => {
  const found = (await findProblems({ path: "a.ts", text: "const ä = '𝒳'; eval(ä); eval(1);\n" })).map((one) => ({
    ...one,
    path: "src/a b.ts",
  }));
  const { version, runs } = toSarif(found);
  expect([version, runs[0]?.tool.driver.rules?.length, runs[0]?.results?.length]).toEqual(["2.1.0", 1, 2]);
  expect(runs[0]?.results?.[0]).toMatchObject({
    ruleId: "js/eval",
    ruleIndex: 0,
    level: "error",
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: "src/a%20b.ts" },
          region: { startLine: 1, startColumn: 17, endColumn: 24 },
        },
      },
    ],
  });
});

let stage: AgentStage;
beforeAll(async () => {
  stage = await openAgentStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

test("a repository is scanned: the worst first, bounded, hostile files told, one fix proposed that codegen takes", {
  timeout: 60_000,
}, async () => {
  const files = {
    "a/app.py": "import os\nimport sys\n\n\ndef f(x):\n    print(x)\n    return eval(x)\n",
    "b/web.js": "// TODO: all of it\nel.innerHTML = name;\n",
    "node_modules/x/index.js": "eval(1);\n",
    "c/deep.py": `x = ${"(".repeat(20_000)}1${")".repeat(20_000)}\n`,
  };
  const outcome = await stage.withHost(files, (host) =>
    workOn(staticAnalysisAgent, host, { sarif: true, autoFix: true }),
  );
  const findings = outcome.artifacts.filter(({ kind }) => kind === "analysis");
  expect(findings.map((one) => one.kind === "analysis" && [one.path, one.rule, one.severity])).toEqual([
    ["a/app.py", "S307", "error"],
    ["b/web.js", "js/html-injection", "error"],
    ["a/app.py", "F401", "warn"],
    ["a/app.py", "F401", "warn"],
    ["a/app.py", "T201", "warn"],
    ["c/deep.py", "unreadable", "warn"],
    ["b/web.js", "todo", "info"],
  ]);
  expect(outcome.delta).toMatchObject({ text: "3 files: 2 errors, 4 warnings, 1 remarks", data: { leftOut: 0 } });
  expect(outcome.artifacts.at(-1)).toMatchObject({ kind: "file", path: "static-analysis.sarif" });
  expect(outcome.newTasks).toHaveLength(1);
  const { file } = CodegenPayload.parse(outcome.newTasks[0]?.payload);
  expect(file?.path).toBe("a/app.py");
  expect(file?.content).not.toContain("import sys");
});
