import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { httpHooks } from "../http-hook.ts";
import { moduleHooks } from "../module-hooks.ts";
import { runChain } from "../run-chain.ts";
import { CONTEXT } from "./testing.ts";

const ROOT = new URL("../../../../../../", import.meta.url);

describe("examples/hook.ts", () => {
  const hooks = () => moduleHooks(fileURLToPath(new URL("examples/hook.ts", ROOT)));
  const asked = async (code: string) =>
    await runChain("pre_execution", await hooks(), { language: "bash", code }, CONTEXT);

  it("has a person asked before code reads credentials", async () => {
    expect(await asked("cat .env")).toMatchObject({
      outcome: "ask",
      hook: "credential-files",
      prompt: "This code names .env. May it run?",
    });
    expect(await asked("ls")).toMatchObject({ outcome: "allow" });
  });

  it("shortens long output", async () => {
    const outcome = { language: "bash", code: "seq 120", status: "ok", stderr: "" } as const;
    const lines = Array.from({ length: 120 }, (_, at) => String(at));
    const result = await runChain("post_execution", await hooks(), { ...outcome, stdout: lines.join("\n") }, CONTEXT);
    const shortened = [...lines.slice(0, 50), "[20 lines left out]", ...lines.slice(70)].join("\n");
    expect(result).toMatchObject({ outcome: "allow", value: { ...outcome, stdout: shortened } });
    const short = await runChain("post_execution", await hooks(), { ...outcome, stdout: "a\nb" }, CONTEXT);
    expect(short.decisions).toMatchObject([{ decision: "allow" }]);
  });
});

describe("the endpoints in docs/reference/hooks.md", () => {
  const PAGE = readFileSync(new URL("docs/reference/hooks.md", ROOT), "utf8");

  it.each([
    ["python", "python3", ["-c"]],
    ["js", process.execPath, ["--input-type=module", "--eval"]],
  ] as const)(
    "in %s: answers whoever has the secret, and nobody else",
    async (tag, program, args) => {
      const code = new RegExp(`\`\`\`${tag}\n([\\s\\S]*?)\`\`\``).exec(PAGE)?.[1] ?? "";
      const server = spawn(program, [...args, code], {
        env: { PATH: process.env.PATH, HOOK_SECRET: "shared", PORT: "0" },
        stdio: ["ignore", "pipe", "inherit"],
      });
      onTestFinished(() => end(server));
      const url = `http://127.0.0.1:${await portOf(server)}/hook`;
      const decide = async (secret: string, asked: string) => {
        const hooks = httpHooks({ url, secret, points: ["pre_execution"], timeoutMs: 60_000 });
        return await runChain("pre_execution", hooks, { language: "python", code: asked }, CONTEXT);
      };
      expect(await decide("shared", "print('é')")).toMatchObject({ outcome: "allow" });
      expect(await decide("shared", "sleep(1)")).toMatchObject({ outcome: "block", reason: "no sleeping" });
      expect(await decide("another", "print(1)")).toMatchObject({
        outcome: "block",
        reason: expect.stringContaining("401"),
      });
      const old = { "x-glovebox-timestamp": "1700000000", "x-glovebox-signature": "sha256=é" };
      const replayed = await fetch(url, { method: "POST", body: "{}", headers: old });
      expect(replayed.status).toBe(401);
    },
    120_000,
  );
});

async function portOf({ stdout }: ChildProcess): Promise<number> {
  if (stdout === null) throw new Error("the server's output is not read");
  for await (const line of createInterface(stdout)) return Number(line.replace("listening on ", ""));
  throw new Error("the server ended before it listened");
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill("SIGKILL");
  await once(server, "exit");
}
