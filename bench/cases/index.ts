import type { Case } from "../harness.ts";
import { AGENT_CASES } from "./agents.ts";
import { auditedChange, auditedRead } from "./audit.ts";
import { ciStep } from "./ci.ts";
import { ciRuns } from "./ci-runs.ts";
import { runHello, runHelloCold } from "./command.ts";
import { CONTEXT_CASES } from "./context.ts";
import { egressConnect, egressRequest, egressThroughput } from "./egress.ts";
import { engineLong, engineReplay, engineResume, engineStep, engineSteps } from "./engine.ts";
import { durableEvents } from "./events.ts";
import { extraction } from "./extraction.ts";
import { FLOW_CASES } from "./flows.ts";
import { gvisorRestore, gvisorRestoreUnprepared, gvisorSilence, gvisorTrue } from "./gvisor.ts";
import { health } from "./http.ts";
import { idleSession } from "./idle.ts";
import { isolateCold, isolateWarm } from "./isolate.ts";
import { library } from "./library.ts";
import { MICROVM_CASES } from "./microvm.ts";
import { POOL_CASES } from "./pools.ts";
import { redaction } from "./redact.ts";
import { REPAIR_CASES } from "./repairs.ts";
import { firstPrint, isolateFirstValue, roundTrip } from "./sessions.ts";
import { snapshots } from "./snapshots.ts";
import { START_CASES } from "./start.ts";
import { webhookAnswer } from "./webhooks.ts";
import { workflows } from "./workflows.ts";

export const CASES: readonly Case[] = [
  firstPrint,
  ...POOL_CASES,
  roundTrip,
  isolateFirstValue,
  durableEvents,
  library,
  gvisorTrue,
  gvisorRestore,
  gvisorRestoreUnprepared,
  gvisorSilence,
  isolateWarm,
  isolateCold,
  runHello,
  runHelloCold,
  ...START_CASES,
  idleSession,
  health,
  engineStep,
  engineSteps,
  engineReplay,
  engineResume,
  engineLong,
  ciStep,
  ...ciRuns,
  webhookAnswer,
  auditedChange,
  auditedRead,
  ...redaction,
  ...extraction,
  egressRequest,
  egressConnect,
  egressThroughput,
  ...snapshots,
  ...MICROVM_CASES,
  ...workflows,
  ...CONTEXT_CASES,
  ...FLOW_CASES,
  ...REPAIR_CASES,
  ...AGENT_CASES,
];
