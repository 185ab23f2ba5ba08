import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { GloveboxError } from "../../core/index.ts";

/**
 * Begins to listen; port 0 takes a free one. Resolves to the address in use. `conflict` when the port is taken, `permission_denied` when
 * it may not be bound, `invalid_argument` when the host is not an address of this machine.
 */
export async function listen(
  app: FastifyInstance,
  where: { readonly host: string; readonly port: number; readonly maxConnections?: number },
): Promise<{ readonly url: string; readonly host: string; readonly port: number }> {
  const { host, port } = where;
  if (where.maxConnections !== undefined) app.server.maxConnections = where.maxConnections;
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw toListenError(error, host, port);
  }
  const address = app.server.address() as AddressInfo;
  const shown = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${shown}:${address.port}`, host, port: address.port };
}

function toListenError(error: unknown, host: string, port: number): GloveboxError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const details = { host, port };
  if (code === "EADDRINUSE") {
    return new GloveboxError(
      "conflict",
      `port ${port} on ${host} is in use; choose another with --port, or 0 for a free one`,
      {
        details,
        cause: error,
      },
    );
  }
  if (code === "EACCES") {
    return new GloveboxError("permission_denied", `not allowed to listen on port ${port}; use one above 1023`, {
      details,
      cause: error,
    });
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "EINVAL") {
    return new GloveboxError("invalid_argument", `${host} is not an address of this machine`, {
      details,
      cause: error,
    });
  }
  return new GloveboxError("unavailable", `cannot listen on ${host}:${port}`, { details, cause: error });
}
