import { freemem, totalmem } from "node:os";
import { GloveboxError } from "../../../core/index.ts";
import type { systemOperations } from "../../operations/system.ts";
import type { HandlersOf } from "../call.ts";
import type { HandlerContext } from "../options.ts";

export function systemHandlers(context: HandlerContext): HandlersOf<typeof systemOperations> {
  const { services, clock, version } = context;
  const startedMs = clock.monotonicMs();
  return {
    "health.get": async () => ({ status: "ok", version }),
    "ready.get": async () => {
      if (context.draining.aborted) throw new GloveboxError("unavailable", "the server is shutting down");
      return { ready: true };
    },
    "summary.get": async ({ principal }) => ({
      version,
      uptimeMs: Math.round(clock.monotonicMs() - startedMs),
      tenantId: principal.tenantId,
      ...(await services.sessions.summary(principal.tenantId)),
      memory: { rssBytes: process.memoryUsage.rss(), hostTotalBytes: totalmem(), hostFreeBytes: freemem() },
    }),
    "doctor.get": async ({ query }) => await context.doctor({ fresh: query.fresh ?? false }),
    "config.get": async () => context.configReport(),
    "whoami.get": async ({ principal }) => ({
      tenantId: principal.tenantId,
      tokenId: principal.tokenId,
      name: principal.name,
      roles: principal.roles,
      root: principal.root,
    }),
  };
}
