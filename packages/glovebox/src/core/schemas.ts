/**
 * The zod schemas, apart from `index.ts` because loading zod costs about 40 ms, which
 * `glovebox run` without a server does not pay.
 */
export * from "./event.ts";
export * from "./execution.ts";
export * from "./isolation.ts";
export * from "./limits.ts";
export * from "./pool.ts";
export * from "./session.ts";
export * from "./snapshot.ts";
export * from "./template.ts";
export * from "./token.ts";
