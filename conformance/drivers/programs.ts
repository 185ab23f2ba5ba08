import { expect, test } from "vitest";
import { finish, makeSandbox, type SuiteContext, shell } from "./subject.ts";

export function programTests(context: () => SuiteContext): void {
  test("a program's output, exit code and signal arrive", async () => {
    await using sandbox = await makeSandbox(context());
    expect(await shell(sandbox, "echo out; echo err >&2; exit 7")).toEqual({
      stdout: "out\n",
      stderr: "err\n",
      code: 7,
    });
    expect(await shell(sandbox, "kill -TERM $$")).toMatchObject({ signal: "SIGTERM" });
  });

  test("a program reads what is written to it, to the end", async () => {
    await using sandbox = await makeSandbox(context());
    const cat = await sandbox.spawn({ kind: "program", argv: ["/bin/cat"] });
    const reading = finish(cat);
    await cat.write(Buffer.from("first "));
    await cat.write(Buffer.from("second"));
    await cat.closeStdin();
    expect(await reading).toEqual({ stdout: "first second", stderr: "", code: 0 });
  });

  test("a program sees the given environment and nothing of the server's", async () => {
    process.env.GLOVEBOX_TEST_SECRET = "leak";
    await using sandbox = await makeSandbox(context(), { env: { FROM_SPEC: "a", BOTH: "spec" } });
    const argv = ["/usr/bin/env"];
    const { stdout } = await finish(
      await sandbox.spawn({ kind: "program", argv, stdin: "null", env: { BOTH: "spawn" } }),
    );
    delete process.env.GLOVEBOX_TEST_SECRET;
    const lines = stdout.trim().split("\n");
    expect(lines).toEqual(expect.arrayContaining(["FROM_SPEC=a", "BOTH=spawn"]));
    expect(stdout).not.toContain("leak");
    const names = lines.map((line) => line.split("=")[0]).sort();
    const own = ["BOTH", "FROM_SPEC", "HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER"];
    expect(names.filter((name) => !own.includes(name ?? ""))).toEqual([]);
  });

  test("a program that does not exist is refused", async () => {
    await using sandbox = await makeSandbox(context());
    const argv = ["/no/such/program"];
    await expect(sandbox.spawn({ kind: "program", argv })).rejects.toMatchObject({ code: "not_found" });
    await expect(sandbox.spawn({ kind: "program", argv: [] })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("a terminal has the size that it is given", async () => {
    if (!context().capabilities.tty) return;
    await using sandbox = await makeSandbox(context());
    const argv = ["/bin/stty", "size"];
    const { stdout } = await finish(
      await sandbox.spawn({ kind: "program", argv, terminal: { rows: 31, columns: 97 } }),
    );
    expect(stdout.trim()).toBe("31 97");
  });

  test("a signal to the tree ends daemons that left it", async () => {
    await using sandbox = await makeSandbox(context());
    const argv = ["/bin/sh", "-c", "setsid sleep 321 & (setsid sleep 321 &) ; sleep 321"];
    const program = await sandbox.spawn({ kind: "program", argv, stdin: "null" });
    const ending = finish(program);
    const sleeping = async () => (await shell(sandbox, "pgrep -c -x sleep")).stdout.trim();
    await expect.poll(sleeping, { timeout: 20_000 }).toBe("3");
    await program.signal("SIGKILL", "tree");
    expect(await ending).toMatchObject({ signal: "SIGKILL" });
    expect((await shell(sandbox, "pgrep -c -x sleep")).stdout.trim()).toBe("0");
  });

  test("two sandboxes see neither each other's processes nor files", async () => {
    await using one = await makeSandbox(context());
    await using two = await makeSandbox(context());
    const sleeping = await one.spawn({ kind: "program", argv: ["/bin/sleep", "322"], stdin: "null" });
    await shell(one, "echo mine > /workspace/one; echo mine > /tmp/one; echo mine > /dev/shm/one");
    const seen = await shell(two, "pgrep -f 'sleep 32[2]'; ls /workspace /tmp /dev/shm");
    expect(seen.stdout).not.toMatch(/one|\d/);
    await sleeping.signal("SIGKILL");
  });

  test("there is no network but the sandbox's own loopback", async () => {
    await using sandbox = await makeSandbox(context());
    const { stdout } = await shell(
      sandbox,
      "cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '; cat /proc/net/route | tail -n +2",
    );
    expect(stdout.trim()).toBe("lo");
  });
}
