import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { root } from "./cli.ts";

export interface Step {
  /** Wait until this is seen after what was seen before … */
  readonly when: string;
  /** … and then type this, or do it elsewhere. */
  readonly type: string | (() => void);
}

/** Runs the command on a terminal of its own (made by `script`) and types as a person would. */
export async function onTerminal(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  steps: readonly Step[],
): Promise<{ readonly text: string; readonly code: number | null }> {
  const command = [join(root, "bin/glovebox"), ...args].map((word) => `'${word}'`).join(" ");
  const clean = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("GLOVEBOX_") && name !== "NODE_OPTIONS",
  );
  const child = spawn("script", ["-qec", `stty rows 30 cols 100; ${command}`, "/dev/null"], {
    env: { ...Object.fromEntries(clean), GLOVEBOX_DATA: "/nonexistent", TERM: "xterm", ...env },
    stdio: ["pipe", "pipe", "ignore"],
  });
  let text = "";
  let from = 0;
  const waiting = [...steps];
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
    for (let step = waiting[0]; step !== undefined; step = waiting[0]) {
      const at = text.indexOf(step.when, from);
      if (at < 0) return;
      from = at + step.when.length;
      waiting.shift();
      if (typeof step.type === "function") step.type();
      else if (step.type !== "") child.stdin.write(step.type);
    }
  });
  const stuck = setTimeout(() => child.kill("SIGKILL"), 50_000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(stuck);
  if (waiting.length > 0) throw new Error(`never saw ${JSON.stringify(waiting[0]?.when)} in ${JSON.stringify(text)}`);
  return { text, code };
}
