import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDriver } from "../local/drivers.ts";
import { localChoice } from "../local/ready-made.ts";
import { whenKilled } from "./interrupt.ts";
import { localLimitsOf, type Runner } from "./program.ts";

/** Runs a program in this process: a sandbox of its own on a folder that is removed after it. Nothing is kept. */
export function localRunner(): Runner {
  return async (program, hooks) => {
    const { isolation } = localChoice(program);
    const folder = mkdtempSync(join(tmpdir(), "glovebox-run-"));
    const tidy = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    using _ = whenKilled(tidy);
    try {
      const workspaceDir = join(folder, "workspace");
      mkdirSync(workspaceDir);
      writeFileSync(join(workspaceDir, program.name), program.content, { mode: 0o755 });
      await using stack = new AsyncDisposableStack();
      const driver = await openDriver(stack, isolation, join(folder, "run"));
      const { runOnce } = await import("../../sessions/one-shot.ts");
      const { execution } = await runOnce({
        driver,
        workspaceDir,
        language: program.language,
        source: { path: program.name },
        args: program.args,
        env: program.env,
        stdin: hooks.stdin,
        limits: localLimitsOf(program),
        allowPartial: program.allowPartial,
        signal: hooks.signal,
        onEvent: hooks.onEvent,
        keepEvents: false,
      });
      return execution;
    } finally {
      tidy();
    }
  };
}
