import type { Isolation } from "../../core/index.ts";
import type { IsolationDriver } from "../../sandbox/index.ts";
import type { CompanionFactory } from "../../sandbox/isolate/index.ts";

/** The driver of one isolation for one sandbox of this process; only what is needed is loaded. It is the stack's to end. */
export async function openDriver(
  stack: AsyncDisposableStack,
  isolation: Isolation,
  runDir: string,
): Promise<IsolationDriver> {
  const bubblewrap = async () => {
    const { BubblewrapDriver } = await import("../../sandbox/bubblewrap/index.ts");
    return stack.use(new BubblewrapDriver({ runDir, waiting: 0 }));
  };
  if (isolation === "bubblewrap") return await bubblewrap();
  if (isolation === "isolate") {
    const { IsolateDriver } = await import("../../sandbox/isolate/index.ts");
    const companion: CompanionFactory = async (spec) => (await bubblewrap()).create(spec);
    return stack.use(new IsolateDriver({ companion, warmWorkers: 0 }));
  }
  if (isolation === "gvisor") {
    const { GvisorDriver } = await import("../../sandbox/gvisor/index.ts");
    return stack.use(new GvisorDriver({ runDir, waiting: 0 }));
  }
  if (isolation === "microvm") {
    const { MicrovmDriver } = await import("../../sandbox/microvm/index.ts");
    return stack.use(new MicrovmDriver({ runDir, waiting: 0, copies: "files" }));
  }
  const { FirecrackerDriver } = await import("../../sandbox/firecracker/index.ts");
  return stack.use(new FirecrackerDriver({ runDir }));
}
