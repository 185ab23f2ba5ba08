import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { type Principal, silentLogger, systemClock } from "../../core/index.ts";
import { type DurableEngine, defineProgram, openEmbeddedEngine, type Program } from "../../engine/index.ts";
import { openSqliteStore, type Store } from "../../store/index.ts";
import type { Agent, AgentHost } from "../agent.ts";
import { CodeThreads } from "../code/code-threads.ts";
import { createAgents, type OpenAgents } from "../create-agents.ts";
import type { HostParts } from "../open-host.ts";
import type { AgentDesk } from "../registry/agent-desk.ts";

export const TENANT = "default";

/** Agents over a real engine and store, without sandboxes: for what needs no repository. */
export interface AgentsStage extends AsyncDisposable {
  readonly store: Store;
  readonly engine: DurableEngine;
  readonly agents: OpenAgents;
  /** Runs a program of that name in which `work` has a desk and a host; resolves to the run's id. */
  start(name: string, work: Work): Promise<string>;
  /** Closes all but the disk, and opens it again with the programs that were started. */
  reopen(): Promise<void>;
}

type Work = (desk: AgentDesk, host: AgentHost) => Promise<unknown>;

export function principal(tokenId: string, change: Partial<Principal> = {}): Principal {
  return { tenantId: TENANT, tokenId, name: tokenId, roles: ["agent"], root: false, ...change };
}

export async function openAgentsStage({
  builtIn = [],
  maxQueued,
  parts = {},
}: {
  readonly builtIn?: readonly Agent[];
  readonly maxQueued?: number;
  readonly parts?: Partial<HostParts>;
} = {}): Promise<AgentsStage> {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-agents-"));
  const code = new CodeThreads();
  const works = new Map<string, Work>();
  const programs = new Map<string, Program>();
  const open = async () => {
    const store = await openSqliteStore({ dataDir });
    const late: { agents?: OpenAgents } = {};
    const engine = await openEmbeddedEngine({
      store,
      determinism: "strict",
      onEnd: async (run) => await late.agents?.onRunEnd(run),
    });
    const host: HostParts = { workbench: noSandboxes, code, ...parts };
    const agents = createAgents({
      ...{ store, engine, host, builtIn, clock: systemClock, logger: silentLogger },
      ...(maxQueued !== undefined && { maxQueued }),
    });
    late.agents = agents;
    return { store, engine, agents };
  };
  let now = await open();
  const programOf = (name: string): Program => {
    const program = defineProgram({
      name,
      version: "1",
      input: z.undefined(),
      output: z.unknown(),
      run: async (run) => works.get(name)?.(now.agents.desk, { run, code }),
    });
    return program as Program;
  };
  const close = async () => {
    await now.engine.close();
    await now.agents[Symbol.asyncDispose]();
    await now.store[Symbol.asyncDispose]();
  };
  return {
    get store() {
      return now.store;
    },
    get engine() {
      return now.engine;
    },
    get agents() {
      return now.agents;
    },
    start: async (name, work) => {
      works.set(name, work);
      const program = programs.get(name) ?? programOf(name);
      programs.set(name, program);
      return (await now.engine.start(program, undefined, { tenantId: TENANT })).id;
    },
    reopen: async () => {
      await close();
      now = await open();
      for (const program of programs.values()) now.engine.register(program);
      await now.agents.takeUp();
    },
    [Symbol.asyncDispose]: async () => {
      await close();
      await code[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const noSandboxes: HostParts["workbench"] = {
  get sandboxes(): never {
    throw new Error("this test has no sandboxes");
  },
};
