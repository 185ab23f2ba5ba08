import { type AgentConnection, newLineKey } from "../agent/index.ts";
import { KERNEL_RENEW } from "../kernel/index.ts";
import { machineName } from "../microvm/machines.ts";

/**
 * Makes an agent from a checkpoint that of the sandbox `id`, before anything else is asked of it: its kernel still knows itself by the name of the
 * sandbox that it was. It has its limits in its memory, and would begin anew to look at all files if it were told them.
 */
export async function renew(connection: AgentConnection, id: string): Promise<void> {
  const renewing = connection.renew({ hostname: machineName(id), key: newLineKey() });
  // Kernels reseed what they draw from: the sandbox's own kernel asks the host each time. Before anything else that they will read; taken
  // when somebody attaches to them. Kernels are those that have a control input; the others answer that they have none.
  for (const process of connection.attached) process.writeControl(KERNEL_RENEW).catch(() => {});
  await renewing;
}
