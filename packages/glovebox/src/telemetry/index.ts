/** What the server says about itself. */
export { createLogger, type LoggerOptions, type LogLevel, type ServerLogger } from "./logger.ts";
export { createMetrics, type ServerMetrics } from "./metrics.ts";
