import { GloveboxError } from "../../core/index.ts";
import type { AgentConnection } from "../agent/index.ts";
import { BASE_ENV, INSIDE } from "../bubblewrap/inside.ts";
import type { SandboxNetwork, SandboxSpec } from "../driver.ts";
import { KERNEL_RENEW } from "../kernel/index.ts";
import { writeTrust } from "./trust.ts";
import { importWorkspace } from "./workspace.ts";

export interface Settling {
  /** Of a sandbox that was in use, with its workspace; else it begins with what is in the host's folder. */
  readonly copy: boolean;
  /** Whether it was made with one. */
  readonly network: boolean;
}

/** Makes a machine whose agent answers into the sandbox that was asked for: what it trusts, its way out, its workspace, the random state of its kernels. */
export async function settleIn(
  connection: AgentConnection,
  spec: SandboxSpec,
  { copy, network }: Settling,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (network) await writeTrust(connection, spec.network?.authority);
  if (spec.network) await letOut(connection, spec.network);
  if (!copy) {
    const link = (path: string, target: string) => makeLink(connection, path, target);
    await importWorkspace(connection.files, link, spec.workspaceDir, signal);
    return;
  }
  // Kernels are those processes that have a control input; the others answer that they have none.
  // Taken before whatever is written to them later, and acknowledged only once somebody reads from them.
  for (const process of connection.attached) process.writeControl(KERNEL_RENEW).catch(() => {});
}

async function makeLink(connection: AgentConnection, path: string, target: string): Promise<void> {
  const argv = ["/bin/ln", "-sn", "--", target, path];
  const ln = await connection.spawn({ argv, env: BASE_ENV, cwd: INSIDE.workspace, stdin: "null", control: false });
  for await (const item of ln.output()) {
    if (item.kind === "output") ln.ack(item.stream, item.offset + item.data.length);
    if (item.kind !== "exit") continue;
    ln.release();
    if (item.exit.code !== 0)
      throw new GloveboxError("workspace_invalid", `The link ${path} cannot be made in the machine`);
  }
}

/** Hands the connections of programs to `network`. */
export async function letOut(connection: AgentConnection, network: SandboxNetwork): Promise<void> {
  await connection.forward((made) => network.accept(made));
}
