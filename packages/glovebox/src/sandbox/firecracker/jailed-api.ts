import { FirecrackerApi } from "./api-client.ts";
import type { Jail } from "./jail.ts";
import { JAIL_FILES } from "./jail-paths.ts";

/** The API of the Firecracker in a jail. */
export function apiOf(jail: Jail): FirecrackerApi {
  return new FirecrackerApi((use) => jail.lend(JAIL_FILES.api, use));
}
