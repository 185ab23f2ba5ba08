export { listen } from "./listen.ts";
export { buildOpenApi } from "./openapi.ts";
export type { HttpServerOptions, HttpSettings } from "./options.ts";
export { buildHttpServer, type Guards, type HttpServer } from "./server.ts";
