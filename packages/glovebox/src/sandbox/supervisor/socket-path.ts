import { open } from "node:fs/promises";
import { join } from "node:path";

/** Of the agent, in its run folder. */
export const SOCKET_NAME = "agent.sock";
/** `sun_path` holds 108 bytes with its NUL. */
const MAX_PATH_BYTES = 107;

/** Calls `connect` with a path to the socket in `folder` that is short enough for the kernel, however long the folder's is. */
export async function withSocketPath<T>(
  folder: string,
  connect: (path: string) => Promise<T>,
  name: string = SOCKET_NAME,
): Promise<T> {
  const path = join(folder, name);
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return connect(path);
  await using handle = await open(folder, "r");
  return await connect(`/proc/self/fd/${handle.fd}/${name}`);
}
