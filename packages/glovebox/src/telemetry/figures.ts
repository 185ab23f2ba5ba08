import type { Counted, Timed, Watched } from "../core/index.ts";

/** What a figure is called in Prometheus, and its labels in their order. */
interface Figure {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

interface TimedFigure extends Figure {
  /** Upper bounds, seconds. */
  readonly buckets: readonly number[];
}

const FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SLOW = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

export const TIMED: { readonly [Name in keyof Timed]: TimedFigure } = {
  "http.request": {
    name: "http_request",
    help: "Requests, from their arrival to the end of their answer",
    labels: ["operation", "status"],
    buckets: FAST,
  },
  "session.create": {
    name: "session_create",
    help: "Sessions, from their request until they are ready or have failed",
    labels: ["isolation", "source", "outcome"],
    buckets: FAST,
  },
  "pool.take": {
    name: "pool_take",
    help: "Sandboxes taken from pools, until they were seen to be alive",
    labels: ["isolation"],
    buckets: FAST,
  },
  "pool.refill": {
    name: "pool_refill",
    help: "Sandboxes made for pools, until they were ready or had failed",
    labels: ["isolation", "outcome"],
    buckets: SLOW,
  },
  "execution.run": {
    name: "execution",
    help: "Executions, from their beginning to their end, by how they ended",
    labels: ["kind", "isolation", "status"],
    buckets: SLOW,
  },
  snapshot: {
    name: "snapshot",
    help: "Snapshots taken, rollbacks and forks",
    labels: ["action", "isolation", "outcome"],
    buckets: SLOW,
  },
  webhook: {
    name: "webhook",
    help: "Deliveries of forges, until they were answered",
    labels: ["forge", "status"],
    buckets: FAST,
  },
  "run.step": {
    name: "run_step",
    help: "Attempts of steps of durable runs",
    labels: ["outcome"],
    buckets: SLOW,
  },
  "model.call": {
    name: "model_call",
    help: "Questions to models, by who was asked",
    labels: ["provider", "outcome"],
    buckets: SLOW,
  },
};

export const COUNTED: { readonly [Name in keyof Counted]: Figure } = {
  error: { name: "errors", help: "Errors answered, by their code", labels: ["code"] },
  "pool.hit": { name: "pool_hits", help: "Sessions that got a ready sandbox", labels: ["isolation"] },
  "pool.miss": {
    name: "pool_misses",
    help: "Sessions of a template with a pool that got none from it",
    labels: ["isolation", "reason"],
  },
  "pool.dead": { name: "pool_dead", help: "Ready sandboxes that were found dead", labels: ["isolation"] },
  "pool.dropped": { name: "pool_dropped", help: "Ready sandboxes that were given back", labels: ["isolation"] },
};

export const WATCHED: { readonly [Name in keyof Watched]: Figure } = {
  "pool.ready": { name: "pool_ready", help: "Sandboxes that are ready", labels: ["isolation"] },
  "pool.making": { name: "pool_making", help: "Sandboxes that are being made for pools", labels: ["isolation"] },
  "pool.target": { name: "pool_target", help: "Sandboxes that should be ready now", labels: ["isolation"] },
  "session.live": { name: "sessions_live", help: "Sessions with a sandbox", labels: ["isolation"] },
  "execution.active": {
    name: "executions_active",
    help: "Executions that run or wait for their turn",
    labels: [],
  },
  "run.queued": { name: "runs_queued", help: "Durable runs that wait for their turn", labels: [] },
  "run.working": { name: "runs_working", help: "Durable runs that are at work or wait for something", labels: [] },
  "memory.short": { name: "memory_short", help: "1 while memory is short, so that pools shrink", labels: [] },
};
