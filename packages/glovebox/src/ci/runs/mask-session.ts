import { buffer } from "node:stream/consumers";
import { z } from "zod";
import { type CiJob, type CiRun, isGloveboxError } from "../../core/index.ts";
import type { SessionServices } from "../../sessions/index.ts";
import { LAYOUT } from "../runner/layout.ts";
import type { CiRepositories } from "./ports.ts";
import type { RunSecrets } from "./run-secrets.ts";

const MAX_BYTES = 16 * 1_048_576;

/**
 * What a job's secrets left in files must not be kept in the clear because somebody looks at it: a session made from the job's state masks what the job masked, the
 * secrets of its environment and what its steps named among it.
 */
export async function maskSession(
  parts: {
    readonly secrets: RunSecrets;
    readonly repositories: CiRepositories | undefined;
    readonly services: Pick<SessionServices, "sessions">;
  },
  { tenantId, repositoryId, secretsId }: CiRun,
  { environment }: Pick<CiJob, "environment">,
  sessionId: string,
): Promise<void> {
  const { secrets, repositories, services } = parts;
  const given = await secrets.of(tenantId, secretsId);
  const kept = repositoryId === undefined ? {} : await repositories?.secrets(tenantId, repositoryId, environment?.name);
  const named = await namedInside(services, tenantId, sessionId);
  const values = [...Object.values(given), ...Object.values(kept ?? {})];
  const all = [...values, ...values.flatMap((value) => value.split(/\r?\n/)), ...named];
  const some = all.filter((value) => value.trim() !== "");
  if (some.length > 0) (await services.sessions.masks(tenantId, sessionId)).add(some);
}

/** The values that the job's steps said to mask, as the runner keeps them in the sandbox. */
async function namedInside(
  { sessions }: Pick<SessionServices, "sessions">,
  tenantId: string,
  sessionId: string,
): Promise<readonly string[]> {
  const files = await sessions.files(tenantId, sessionId);
  try {
    const bytes = await buffer(files.read(LAYOUT.masks, { limit: MAX_BYTES }));
    const found = z.array(z.string()).safeParse(JSON.parse(bytes.toString("utf8")));
    return found.success ? found.data : [];
  } catch (error) {
    // None were named, or the job's programs wrote there.
    if (error instanceof SyntaxError || isGloveboxError(error, "not_found")) return [];
    throw error;
  }
}
