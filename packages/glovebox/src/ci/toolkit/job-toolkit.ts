import type { IncomingMessage, ServerResponse } from "node:http";
import { GloveboxError, type SandboxService } from "../../core/index.ts";
import { ARTIFACT_METHODS, type Method, type MethodParts } from "./artifact-methods.ts";
import { getBlob, putBlob } from "./blob-requests.ts";
import { CACHE_METHODS } from "./cache-methods.ts";
import type { JobStorage } from "./job-storage.ts";
import { isSame, jobToken, type TokenScope } from "./job-token.ts";
import { TOOLKIT_HOST, ToolkitAddresses } from "./toolkit-addresses.ts";
import { readJson, sendError, sendJson } from "./twirp.ts";

const PACKAGE = "github.actions.results.api.v1";
const SERVICES: Readonly<Record<string, Readonly<Record<string, Method>>>> = {
  ArtifactService: ARTIFACT_METHODS,
  CacheService: CACHE_METHODS,
};
const RPC = new RegExp(`^/twirp/${PACKAGE.replaceAll(".", "\\.")}\\.(\\w{1,64})/(\\w{1,64})$`);

/** Artifacts and caches for the actions of one job, in the protocol of the official toolkit (`@actions/artifact` 2 and later, `@actions/cache` 4 and later). */
export interface JobToolkit {
  /** To be offered to the job's session, and to no other. */
  readonly service: SandboxService;
  /** What actions find it by. */
  readonly variables: Readonly<Record<string, string>>;
  readonly token: string;
}

export function createJobToolkit(storage: JobStorage, job: TokenScope): JobToolkit {
  const token = jobToken(storage.key, job);
  const addresses = new ToolkitAddresses(storage.key, job);
  const parts = { storage, job, addresses };
  return {
    token,
    variables: {
      ACTIONS_RESULTS_URL: `http://${TOOLKIT_HOST}/`,
      ACTIONS_RUNTIME_TOKEN: token,
      ACTIONS_CACHE_SERVICE_V2: "true",
    },
    service: {
      host: TOOLKIT_HOST,
      serve(request, response, path) {
        answer(parts, token, { request, response, path }).catch((error: unknown) =>
          sendError(request, response, error),
        );
      },
    },
  };
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
}

async function answer(parts: MethodParts, token: string, { request, response, path }: Asked): Promise<void> {
  const url = new URL(path, `http://${TOOLKIT_HOST}`);
  const [, service = "", method = ""] = RPC.exec(url.pathname) ?? [];
  if (service !== "") {
    if (request.method !== "POST") throw new GloveboxError("not_found", "methods are called with POST");
    checkToken(request, token);
    const methods = Object.hasOwn(SERVICES, service) ? SERVICES[service] : undefined;
    const found = methods !== undefined && Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (found === undefined) throw new GloveboxError("not_found", `there is no method ${service}/${method}`);
    return sendJson(response, 200, await found(parts, await readJson(request)));
  }
  const address = parts.addresses.read(url);
  if (address === undefined) throw new GloveboxError("not_found", "there is nothing at this address");
  const { shelf, names } = address;
  if (shelf === "uploads") {
    if (request.method !== "PUT") throw new GloveboxError("not_found", "uploads are put");
    return await putBlob(parts.storage, names[0] ?? "", { request, response, url });
  }
  if (request.method !== "GET" && request.method !== "HEAD")
    throw new GloveboxError("not_found", "it can be read alone");
  await getBlob(parts.storage, { shelf, names }, { request, response });
}

function checkToken({ headers }: IncomingMessage, token: string): void {
  const given = /^bearer (.+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
  if (!isSame(given, token)) throw new GloveboxError("unauthenticated", "the token is not this job's");
}
