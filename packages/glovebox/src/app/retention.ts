import type { Config } from "../config/index.ts";
import type { Logger } from "../core/index.ts";
import type { Store } from "../store/index.ts";

/** How often what is past its retention is removed. */
const SWEEP_EVERY_MS = 3_600_000;

/** What the configuration says of retention replaces what is stored; what it leaves open stays. */
export async function applyRetention({ maintenance }: Store, wanted: Config["retention"]): Promise<void> {
  const stored = await maintenance.retention();
  const policy = {
    events: wanted.events === undefined ? stored.events : wanted.events,
    executions: wanted.executions === undefined ? stored.executions : wanted.executions,
    closedSessions: wanted.closedSessions === undefined ? stored.closedSessions : wanted.closedSessions,
    runs: wanted.runs === undefined ? stored.runs : wanted.runs,
  };
  await maintenance.setRetention(policy);
}

/** Sweeps at once, for a server that never lives for an hour, and then every hour until it is disposed of. */
export function sweepRegularly({ maintenance }: Store, logger: Logger): Disposable {
  const sweep = () => {
    maintenance.sweep({ dryRun: false }).then(
      (removed) => logger.debug({ ...removed }, "swept what is past its retention"),
      (error: unknown) => logger.error({ error: String(error) }, "the retention sweep failed"),
    );
  };
  sweep();
  const timer = setInterval(sweep, SWEEP_EVERY_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
