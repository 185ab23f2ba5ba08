/** Templates, sessions and executions. */
export {
  createSessionServices,
  type RecoverableSessionServices,
  type SessionServicesOptions,
} from "./create-services.ts";
export type { LibraryCache } from "./libraries/library-cache.ts";
export { readyMadeOf } from "./lifecycle/choose-template.ts";
export type { QuotaLimits, Quotas } from "./lifecycle/quota-ledger.ts";
export type { GrowingRedactor } from "./output/growing-redactor.ts";
export type { OutputReader } from "./output/output-reader.ts";
export type { PackageSettings } from "./packages/package-layers.ts";
export type { PoolSettings } from "./pools/pools.ts";
export type { RecoveryReport } from "./recovery/recover.ts";
export type {
  ExecutionService,
  PoolService,
  SessionService,
  SessionServices,
  SnapshotService,
  TemplateService,
} from "./services.ts";
