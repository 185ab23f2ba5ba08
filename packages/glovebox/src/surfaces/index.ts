/** The one table of operations, and the surfaces that are made from it. */
export { ERROR_STATUS, type ErrorStatus } from "./error-status.ts";
export {
  buildHttpServer,
  buildOpenApi,
  type Guards,
  type HttpServer,
  type HttpServerOptions,
  type HttpSettings,
  listen,
} from "./http/index.ts";
export {
  type AnswerKind,
  type ConfigReport,
  type DoctorReport,
  type HttpMethod,
  type LeftOut,
  OPERATIONS,
  type Operation,
  type OperationId,
} from "./operations/index.ts";
