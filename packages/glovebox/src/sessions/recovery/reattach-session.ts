import { type Execution, isFinal, type Session, type Template } from "../../core/index.ts";
import type { Sandbox, SandboxProcess } from "../../sandbox/index.ts";
import { executionStream } from "../executions/store-sink.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { makeLive } from "../lifecycle/open-session.ts";
import type { SessionKeeper } from "../lifecycle/session-keeper.ts";
import { sessionLimitsOf } from "../lifecycle/session-spec.ts";
import type { SessionNetwork } from "../network/session-network.ts";
import { type Offsets, parseStreamState } from "../output/stream-state.ts";
import type { Room } from "../room.ts";
import { adoptProgram } from "../work/adopt-processes.ts";
import { Kernel } from "../work/kernel.ts";
import { isKernel, languageOf } from "../work/workbench.ts";
import { type Held, resumeExecution } from "./resume-execution.ts";
import { type Remains, readRemains, settleRemains } from "./settle-execution.ts";

/** Executions looked back at for where an idle kernel's output stands. */
const LOOK_BACK = 50;

/** A sandbox that outlived its server, with what its session needs to go on. */
export interface Found {
  readonly sandbox: Sandbox;
  readonly template: Template;
  readonly network: SessionNetwork;
  /** Its share of the quotas; default: taken whether there is room or not. */
  readonly quota?: Disposable;
}

/** Takes a session over whose sandbox outlived the last server, or is one of its memory; its executions go on. Gives how many. */
export async function reattachSession(
  parts: { readonly room: Room; readonly keeper: SessionKeeper },
  row: Session,
  { sandbox, template, network, quota: taken }: Found,
): Promise<number> {
  const { room, keeper } = parts;
  const session = makeLive(room, keeper, { template, network }, row, sandbox);
  const limits = sessionLimitsOf(template, row.limitsApplied);
  const quota = taken ?? keeper.quotas.take(row.tenantId, limits, { force: true });
  keeper.keep(session, quota);
  const remains = await Promise.all(
    (await room.store.executions.unfinished(row.id)).map((execution) => readRemains(room, execution)),
  );
  const held = await adoptKernels(session, remains);
  const goingOn = await goOnInOrder(session, remains, held);
  const inherited = new Set((await room.store.sessions.internals(row.id))?.inherited ?? []);
  for (const kernel of held.kernels.values()) {
    kernel.begin();
    // What it was in the middle of when it was copied may still run, and is no execution of this session.
    if (inherited.has(kernel.process.id) && !kernel.busy) kernel.catchUp();
  }
  dropStrangers(session, new Set(remains.map(({ execution }) => execution.id)), inherited);
  keeper.watch(session);
  return goingOn;
}

/** What ran has the turn; what waited keeps its place. */
async function goOnInOrder(session: LiveSession, remains: readonly Remains[], held: Held): Promise<number> {
  const running = remains.filter(({ execution }) => execution.status === "running");
  const queued = remains.filter(({ execution }) => execution.status === "queued");
  let count = 0;
  for (const one of [...running, ...queued]) {
    if (one.state?.outcome !== undefined) await settleRemains(session.room, one, "it had ended");
    else if (one.state?.request === undefined)
      await settleRemains(session.room, one, "the server ended before it began");
    else {
      await resumeExecution(session, one, held);
      count += 1;
    }
  }
  return count;
}

/** Reads on where the executions' states say, so that nothing is read twice. */
async function adoptKernels(session: LiveSession, remains: readonly Remains[]): Promise<Held> {
  const processes = session.bench.sandbox.attached;
  const kernels = new Map<number, Kernel>();
  for (const process of processes.filter(isKernel)) {
    const language = languageOf(process);
    const from = await lastOffsets(session, process, remains);
    const { idle, detach } = session.bench;
    const kernel = new Kernel({ language, process, idle, detach, hold: true, ...(from !== undefined && { from }) });
    session.bench.adopt(language, kernel);
    kernels.set(process.id, kernel);
  }
  return { processes, kernels };
}

async function lastOffsets(
  session: LiveSession,
  process: SandboxProcess,
  remains: readonly Remains[],
): Promise<Offsets | undefined> {
  const running = remains.find(({ state }) => state?.process?.id === process.id && state.outcome === undefined);
  if (running?.state !== undefined) return running.state.consumed;
  const { store } = session.room;
  const { tenantId, id } = session.row;
  const recent = await store.executions.list(tenantId, { sessionId: id, limit: LOOK_BACK });
  for (const execution of recent.items.filter(ranInKernel)) {
    const state = parseStreamState((await store.events.state(executionStream(tenantId, execution.id))).state);
    if (state?.process?.id === process.id) return state.consumed;
  }
  return undefined;
}

function ranInKernel({ kind, status }: Execution): boolean {
  return kind !== "command" && (isFinal(status) || status === "running");
}

/** Programs that no execution waits for: their end is on disk, or their start never was acknowledged. Those go on that came along with the sandbox's memory. */
function dropStrangers({ bench }: LiveSession, known: ReadonlySet<string>, inherited: ReadonlySet<number>): void {
  for (const process of bench.sandbox.attached) {
    const id = process.tag.split(":")[0] ?? "";
    if (isKernel(process) || known.has(id)) continue;
    if (inherited.has(process.id)) {
      adoptProgram(bench, process);
      continue;
    }
    if (process.pid !== 0) void process.signal("SIGKILL", "tree").catch(() => {});
    process.release();
  }
}
