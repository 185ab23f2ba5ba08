import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import type { Qmp } from "./qmp.ts";

const POLL_MS = 2;
const PATIENCE_MS = 60_000;

/** Resolves when a machine's state has gone out, or come in, whole. Errors: `internal`, `unavailable` after a minute. */
export async function migrated(qmp: Qmp): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const answer = (await qmp.run("query-migrate")) as { status?: unknown; "error-desc"?: unknown } | undefined;
    const { status, "error-desc": why } = answer ?? {};
    if (status === "completed") return;
    if (status === "failed" || status === "cancelled") {
      throw new GloveboxError("internal", `A machine's state is not to be had: ${String(why ?? status).slice(0, 300)}`);
    }
    await sleep(POLL_MS);
  }
  throw new GloveboxError("unavailable", "A machine's state was not there in time");
}
