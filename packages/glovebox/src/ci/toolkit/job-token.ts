import { createHmac, timingSafeEqual } from "node:crypto";

/** Whose requests they are, in the toolkit's words. */
export interface TokenScope {
  readonly runId: string;
  readonly jobKey: string;
}

/**
 * The token of one job (`ACTIONS_RUNTIME_TOKEN`): a JWT whose scope tells the toolkit which run and job it is in. The same again after a restart, since a step that goes on has it
 * already; it has no end of its own, since it means something only to the service that the job's own session is offered.
 */
export function jobToken(key: Uint8Array, { runId, jobKey }: TokenScope): string {
  const head = encode({ alg: "HS256", typ: "JWT" });
  const claims = encode({ iss: "glovebox", sub: `${runId}/${jobKey}`, scp: `Actions.Results:${runId}:${jobKey}` });
  const signature = createHmac("sha256", key).update(`${head}.${claims}`).digest("base64url");
  return `${head}.${claims}.${signature}`;
}

/** Signs what an address may be used for. */
export function signatureOf(key: Uint8Array, job: TokenScope, ...what: readonly string[]): string {
  return createHmac("sha256", key)
    .update(JSON.stringify(["address", job.runId, job.jobKey, ...what]))
    .digest("base64url");
}

/** Whether two secrets are the same, in a time that does not tell. */
export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
