import { describe, expect, it } from "vitest";
import { TestKernel } from "./test-kernel.ts";

const start = () => new TestKernel("bash");

describe("the Bash kernel", () => {
  it("says what it is before anything else, and prints nothing of its own", async () => {
    await using kernel = start();
    expect(await kernel.ready).toEqual({
      t: "ready",
      language: "bash",
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
    const { stdout, stderr, ending } = await kernel.run("echo hi");
    expect([stdout, stderr, ending]).toEqual([
      "hi\n",
      "",
      { t: "value", id: "r1", type: "status", preview: "0", json: 0 },
    ]);
  });

  it("keeps variables, arrays, functions, options, aliases and the folder", async () => {
    await using kernel = start();
    await kernel.run(
      "x=5; declare -A m=([k]='v w'); f() { echo \"f:$1\"; }; cd /tmp; alias hey='echo hey'; shopt -s nullglob",
    );
    const { stdout } = await kernel.run(
      "echo $x ${m[k]}; f 1; pwd; hey; echo /nowhere/*; [[ -v OLDPWD ]] && echo moved",
    );
    expect(stdout).toBe("5 v w\nf:1\n/tmp\nhey\n\nmoved\n");
  });

  it("makes a status other than 0 an exception with that exit code", async () => {
    await using kernel = start();
    expect((await kernel.run("false")).ending).toEqual({
      t: "exception",
      id: "r1",
      name: "ExitStatus",
      message: "ended with status 1",
      exitCode: 1,
    });
    expect((await kernel.run("(exit 4)")).ending).toMatchObject({ exitCode: 4 });
    expect((await kernel.run("sh -c 'kill -9 $$'")).ending).toMatchObject({ exitCode: 137 });
    expect((await kernel.run("no-such-command")).ending).toMatchObject({ exitCode: 127 });
    expect((await kernel.run("false; true")).ending).toMatchObject({ t: "value" });
    expect((await kernel.run("sh -c 'exit 130'")).ending).toMatchObject({ name: "ExitStatus", exitCode: 130 });
  });

  it.each([
    ["exit", "exit 3", 3],
    ["exit in a function", "g() { exit 300; }; g; x=lost", 44],
    ["an exit without a number", "(exit 6); exit", 6],
    ["builtin exit", "builtin exit 5", 5],
    ["set -e", "set -e; false; x=lost", 1],
    ["set -e in a function", "h() { set -e; false; x=lost; }; h", 1],
    ["an unset variable", "set -u; echo $unset; x=lost", 1],
    ["a demanded variable", "echo ${unset:?needed}; x=lost", 1],
    ["an assignment to a constant", "readonly c=1; c=2; x=lost", 1],
    ["an exec that fails", "exec /no/such/program", 127],
  ])("keeps its state after %s", async (_, code, status) => {
    await using kernel = start();
    await kernel.run("x=kept; declare -a a=('1 2' 3); f() { echo f; }; cd /usr");
    expect((await kernel.run(code)).ending).toMatchObject({ t: "exception", exitCode: status });
    const { stdout } = await kernel.run("set +eu; echo $x ${#a[@]}; f; pwd");
    expect(stdout).toBe("kept 2\nf\n/usr\n");
  });

  it("takes exit 0 for a good end", async () => {
    await using kernel = start();
    expect((await kernel.run("exit 0; echo not")).ending).toMatchObject({ t: "value", json: 0 });
    expect((await kernel.run("echo $(exit 2; echo not); (exit 0) | cat; exit | cat; echo on")).stdout).toContain("on");
  });

  it.each([
    ["an unbalanced quote", "echo ok\necho 'open", 2],
    ["an unfinished block", "if true; then", 2],
    ["a stray word", "fi", 1],
    ["a stray bracket", "echo )(", 1],
  ])("tells of %s with its line, and goes on", async (_, code, line) => {
    await using kernel = start();
    const { ending, stderr } = await kernel.run(code);
    expect(ending).toMatchObject({ t: "exception", name: "SyntaxError", exitCode: 2 });
    expect((ending as { line?: number }).line).toBe(line);
    expect(stderr).not.toBe("");
    expect((await kernel.run("echo on")).stdout).toBe("on\n");
  });

  it.each([
    ["a loop", "while :; do :; done"],
    ["a loop in functions", "f() { while true; do sleep 0.01; done; }; g() { f; }; g"],
    ["a loop of the shortest commands", "while true; do /bin/true; done"],
    ["a command", "sleep 60; echo not"],
    ["a pipeline", "sleep 60 | cat"],
    ["a substitution", "v=$(sleep 60); echo not"],
    ["read", "read line"],
    ["wait", "sleep 60 & wait"],
    ["a command that reads", "cat"],
  ])("is interrupted in %s and keeps its state", async (_, code) => {
    await using kernel = start();
    await kernel.run("kept=1; f2() { :; }");
    // Bash drops an interrupt that comes between two commands of a loop.
    const ask = { interruptAfterMs: 200, interruptEveryMs: 50, begunFile: "begun" };
    const { ending, stdout } = await kernel.run(`: > begun\n${code}`, ask);
    expect(ending).toMatchObject({ t: "exception", name: "Interrupted" });
    expect(stdout).toBe("");
    expect((await kernel.run("echo $kept")).stdout).toBe("1\n");
  });

  it("ignores interrupts while idle, and takes back a trap that the code set", async () => {
    await using kernel = start();
    await kernel.run("trap '' INT; kept=1");
    kernel.interrupt();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await kernel.run("echo $kept")).stdout).toBe("1\n");
    const loop = ": > begun; while :; do :; done";
    expect((await kernel.run(loop, { interruptAfterMs: 200, begunFile: "begun" })).ending).toMatchObject({
      name: "Interrupted",
    });
  });

  it("lets code trap the interrupt", async () => {
    await using kernel = start();
    const { stdout } = await kernel.run(
      "trap 'echo trapped; stop=1' INT; : > begun; until [[ $stop ]]; do sleep 0.02; done; echo end",
      {
        interruptAfterMs: 200,
        begunFile: "begun",
      },
    );
    expect(stdout).toContain("trapped\nend\n");
  });

  it("gives commands the real stdin and none of its descriptors", async () => {
    await using kernel = start();
    const asked = kernel.run('read -r a b; echo "$b $a"');
    kernel.process.stdin?.write("one two\n");
    expect((await asked).stdout).toBe("two one\n");
    const { stdout } = await kernel.run("ls /proc/self/fd");
    // 3 is the folder that ls reads; far above may be what the test runner itself was started with.
    expect(
      stdout
        .trim()
        .split("\n")
        .filter((fd) => Number(fd) < 64),
    ).toEqual(["0", "1", "2", "3"]);
    expect((await kernel.run("env | grep -c __glovebox")).stdout).toBe("0\n");
    expect(
      (await kernel.run("exec 7>/dev/null; echo a >&7; exec 7>&-; exec 3</dev/null; exec 4>/dev/null; echo ok")).stdout,
    ).toBe("ok\n");
    expect((await kernel.run("exec 3<&- 4>&-; echo still")).stdout).toBe("still\n");
  });

  it("runs a file with the session's state, its arguments, environment and folder", async () => {
    await using kernel = start();
    await kernel.run("SEED=40; twice() { echo $(($1 * 2)); }");
    const path = kernel.file("run.sh", 'echo $((SEED + 2)) "$1" $# $WHO $PWD $(twice 4) $0\nleft=9\nreturn 0\n');
    const { stdout, ending } = await kernel.run(path, {
      mode: "file",
      args: ["a 'b' $c", "é\nnewline"],
      env: { WHO: "it's me" },
      cwd: "/usr",
    });
    expect(stdout).toBe(`42 a 'b' $c 2 it's me /usr 8 ${path}\n`);
    expect(ending).toMatchObject({ t: "value", json: 0 });
    const after = await kernel.run('echo $left ${WHO-unset} $# "$PWD"');
    expect(after.stdout).toBe(`9 unset 0 ${kernel.workspace}\n`);
    expect((await kernel.runFile("exit.sh", "exit 5\necho not")).ending).toMatchObject({ exitCode: 5 });
    expect((await kernel.run("none.sh", { mode: "file" })).ending).toMatchObject({ message: "no such file: none.sh" });
    expect((await kernel.run("pwd", { cwd: "/nowhere" })).ending).toMatchObject({ exitCode: 1 });
  });

  it("gives the environment back as it was, except what the code set", async () => {
    await using kernel = start();
    await kernel.run("export OLD=old; PLAIN=p");
    expect((await kernel.run("sh -c 'echo $OLD $NEW'", { env: { OLD: "given", NEW: "given" } })).stdout).toBe(
      "given given\n",
    );
    expect((await kernel.run("sh -c 'echo $OLD ${NEW-unset}'")).stdout).toBe("old unset\n");
    await kernel.run("NEW=mine", { env: { NEW: "given" } });
    expect((await kernel.run("echo $NEW")).stdout).toBe("mine\n");
  });

  it("takes quotes, newlines and every other character as they are", async () => {
    await using kernel = start();
    const odd = "'\"\\ $x `y` !z \t é 𝒳 \u0001 *";
    expect((await kernel.run('printf %s "$1"', { args: [odd] })).stdout).toBe(odd);
    expect((await kernel.run("cat <<'X'\n$here \"doc'\nX")).stdout).toBe("$here \"doc'\n");
    expect((await kernel.run(`v='${"x".repeat(100_000)}'; echo \${#v}`)).stdout).toBe("100000\n");
    expect((await kernel.run("")).ending.t).toBe("value");
    expect((await kernel.run("# comment")).ending.t).toBe("value");
  });

  it("is not wedged by code that breaks what it stands on", async () => {
    await using kernel = start();
    for (const code of [
      "trap 'echo t' DEBUG ERR EXIT",
      "set -f; IFS=x",
      "eval() { :; }; printf() { :; }; echo() { :; }",
      "set -o posix",
    ]) {
      await kernel.run(code);
    }
    expect((await kernel.run("builtin echo on")).stdout).toContain("on\n");
  });

  it("measures its CPU time, children included", async () => {
    await using kernel = start();
    const { done } = await kernel.run("for ((i = 0; i < 60000; i++)); do :; done");
    expect(done.cpuMs).toBeGreaterThan(0);
  });

  it("ends when its requests end", async () => {
    await using kernel = start();
    await kernel.run("true");
    (kernel.process.stdio[3] as NodeJS.WritableStream).end();
    expect(await kernel.exited).toEqual({ code: 0, signal: null });
  });
});
