import { expect, test } from "vitest";
import { outcome, useServer } from "../support/flow.ts";

const stage = useServer();

test("python: factorial(10) is 3628800", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  expect((await session.run("import math; math.factorial(10)")).value?.json).toBe(3628800);
});

test("rust: primes include 2 and 47, arguments and exit codes pass, a compile error carries the diagnostics", async () => {
  await using session = await stage.box.sessions.create({ template: "rust" });
  const primes = `fn main() {
    let p: Vec<u32> = (2..50u32).filter(|n| (2..*n).all(|d| n % d != 0)).collect();
    println!("{:?} {:?}", p, std::env::args().skip(1).collect::<Vec<_>>());
}`;
  await session.files.write("primes.rs", primes);
  const result = await session.runFile("primes.rs", { args: ["one", "two words"] });
  expect(outcome(result)).toMatchObject({ status: "ok", exitCode: 0 });
  expect(result.stdout).toMatch(/^\[2, .* 47\] \["one", "two words"\]\n$/);

  await session.files.write("exit.rs", "fn main() { std::process::exit(7) }");
  expect(outcome(await session.runFile("exit.rs"))).toMatchObject({ status: "error", exitCode: 7 });

  await session.files.write("bad.rs", 'fn main() { let n: u32 = "text"; }');
  const bad = await session.runFile("bad.rs");
  expect(bad.execution.status).toBe("error");
  expect(bad.stderr).toContain("mismatched types");
  expect(JSON.stringify(bad.execution.error)).toContain("E0308");
});

test("an unknown language, and one that the template lacks, are refused by name", async () => {
  const unknown = await stage.http.post("/v1/sessions", { template: "python", languages: ["cobol"] });
  expect(unknown).toMatchObject({ status: 400, body: { error: { code: "invalid_argument" } } });
  const lacking = await stage.http.post("/v1/sessions", { isolation: "isolate", languages: ["python"] });
  expect(lacking).toMatchObject({ status: 422, body: { error: { code: "language_unavailable" } } });
  expect(JSON.stringify(lacking.body)).toContain("python");
});

test("a program's own exit code and signal are reported", async () => {
  await using session = await stage.box.sessions.create({ template: "bash" });
  expect(outcome(await session.exec(["sh", "-c", "exit 3"]))).toMatchObject({ status: "error", exitCode: 3 });
  expect(outcome(await session.exec(["sh", "-c", "kill -TERM $$"]))).toMatchObject({ status: "killed", exitCode: 143 });
  expect(outcome(await session.exec(["no-such-program"])).status).not.toBe("ok");
});

test("stdin reaches a program while it runs, and a background command lives beside the others until it is cancelled", async () => {
  await using session = await stage.box.sessions.create({ template: "bash" });
  const cat = await session.start({ kind: "command", argv: ["cat"] });
  await cat.write("one\n");
  await cat.write("two\n");
  await cat.closeStdin();
  expect((await cat.wait()).stdout).toBe("one\ntwo\n");

  const background = await session.spawn(["sleep", "1000"]);
  expect((await session.run("echo beside")).stdout).toBe("beside\n");
  expect(await background.cancel()).toMatchObject({ status: "cancelled", exitCode: 130 });
});

test("a call that seccomp's kill list names ends the program as denied", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  const code = "import ctypes; ctypes.CDLL(None).syscall(246, 0, 0, 0, 0)"; // kexec_load on x86-64
  const result = await session.exec(["python3", "-c", code]);
  expect(outcome(result)).toMatchObject({ status: "denied", exitCode: 159 });
});
