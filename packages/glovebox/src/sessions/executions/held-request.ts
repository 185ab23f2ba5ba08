import type { Execution, Redactor } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import type { StoredRequest } from "../output/stream-state.ts";

type HeldWork = Pick<Execution, "input" | "path" | "argv" | "args" | "env" | "cwd">;

/** What an execution needs to go on after a restart and its row does not say. It is on disk, apart and unmasked, only until the execution is over. */
export interface HeldRequest {
  /** Makes the blob the execution's own, so that it can be deleted. */
  readonly executionId: string;
  /** Text for stdin that was not given at once. */
  readonly stdin?: string;
  /** What the redactor masks in the row. */
  readonly work?: HeldWork;
}

/** The execution as it is stored and answered: what it was given has passed the redactor. The same object when nothing was masked. */
export function maskedExecution(redactor: Redactor | undefined, execution: Execution): Execution {
  return redactor?.redactJson(execution) ?? execution;
}

/** Keeps what must outlive a restart; gives the request that leads to it. Errors: `store_failed`. */
export async function holdRequest(
  store: Store,
  request: StoredRequest,
  what: { readonly given: Execution; readonly masked: Execution; readonly stdin: string | undefined },
): Promise<StoredRequest> {
  const { given, masked, stdin } = what;
  if (given === masked && stdin === undefined) return request;
  const held: HeldRequest = {
    executionId: given.id,
    ...(stdin !== undefined && { stdin }),
    ...(given !== masked && { work: workOf(given) }),
  };
  const { hash } = await store.blobs.put(Buffer.from(JSON.stringify(held)));
  return { ...request, heldBlob: hash };
}

function workOf({ input, path, argv, args, env, cwd }: Execution): HeldWork {
  return {
    env,
    cwd,
    ...(input !== undefined && { input }),
    ...(path !== undefined && { path }),
    ...(argv !== undefined && { argv }),
    ...(args !== undefined && { args }),
  };
}

export async function readHeld(store: Store, request: StoredRequest): Promise<HeldRequest | undefined> {
  if (request.heldBlob === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of store.blobs.get(request.heldBlob)) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString("utf8")) as HeldRequest;
}

/** The execution is over. */
export async function forgetHeld(store: Store, request: StoredRequest | undefined): Promise<void> {
  if (request?.heldBlob !== undefined) await store.blobs.delete(request.heldBlob);
}
