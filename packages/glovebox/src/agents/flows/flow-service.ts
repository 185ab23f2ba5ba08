import { z } from "zod";
import { type Budget, GloveboxError, type Run } from "../../core/index.ts";
import type { DurableEngine, Program } from "../../engine/index.ts";
import { checkNoDollars } from "./check-dollars.ts";
import { type Flow, type FlowParts, flowProgram, programName } from "./define-flow.ts";
import { FlowSetup } from "./flow-setup.ts";
import { FlowNotes, type FlowRunView, isOver, viewOf } from "./flow-view.ts";
import { answerSignal, checkAnswer, type FlowAnswer } from "./person.ts";
import type { FlowPlan, PlanStep } from "./plan.ts";
import { checkPublish, type PublishChange } from "./publish.ts";
import type { Uploads } from "./uploads.ts";
import type { KnownAgents } from "./yaml/check-flow.ts";
import type { FlowFile } from "./yaml/flow-file.ts";
import { flowInput } from "./yaml/flow-input.ts";
import type { FlowProblem } from "./yaml/located-yaml.ts";
import { planSteps } from "./yaml/plan-flow.ts";
import { readFlow } from "./yaml/read-flow.ts";
import { flowOf, TEXT_FLOWS, textFlow } from "./yaml/yaml-flow.ts";

/** A flow that can be started by its name. */
export interface FlowInfo {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly kind: "built_in" | "module" | "yaml";
  readonly repository: boolean;
  /** JSON Schema of its input. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** Which flow: by name, or as it is written. */
export interface FlowChoice {
  readonly flow?: string | undefined;
  /** YAML. */
  readonly definition?: string | undefined;
}

type AskedBudget = { readonly [K in keyof Budget]?: Budget[K] | undefined };

export interface FlowRequest extends FlowChoice {
  readonly input?: Readonly<Record<string, unknown>> | undefined;
  /** What it works with: see {@link FlowSetup}. */
  readonly setup?: z.input<typeof FlowSetup> | undefined;
  /** Of the run. Default: the flow's own, else the configuration's. */
  readonly budget?: AskedBudget | undefined;
  /** From now on, milliseconds. */
  readonly timeoutMs?: number | undefined;
}

export interface FlowValidation {
  readonly ok: boolean;
  readonly problems: readonly FlowProblem[];
  /** What would be done; there when it is `ok`. */
  readonly plan?: FlowPlan;
}

/** Instead of a model's name: nobody is asked. */
const NO_MODEL = "none";

interface Chosen {
  readonly info: FlowInfo;
  readonly plan: readonly PlanStep[];
  readonly budget: Budget | undefined;
  readonly program: Program;
  /** What the program gets besides its setup. `invalid_argument` */
  toInput(given: Readonly<Record<string, unknown>>): unknown;
}

/** Flows for clients: which there are, what they would do, and runs of them. */
export class FlowService {
  readonly #engine: DurableEngine;
  readonly #publish: PublishChange | undefined;
  readonly #uploads: Uploads;
  readonly #agents: (tenantId: string) => Promise<KnownAgents>;
  readonly #defaults: { readonly budget: Budget; readonly model: string | undefined };
  readonly #isPriced: boolean;
  readonly #known = new Map<string, Chosen>();
  readonly #text: Program;
  readonly #textAlone: Program;

  /** Registers a program for each flow. Errors: `invalid_argument` on two flows of one name, and on YAML that is no flow. */
  constructor(parts: {
    readonly engine: DurableEngine;
    readonly flows: FlowParts;
    readonly uploads: Uploads;
    readonly agents: (tenantId: string) => Promise<KnownAgents>;
    readonly builtIn: readonly Flow[];
    /** From modules of the configuration. */
    readonly modules?: readonly Flow[];
    /** From files of the configuration. */
    readonly definitions?: readonly string[];
    readonly budget?: Budget;
    /** For flows of the house that try several times, where the input does not say. Default 3. */
    readonly rounds?: number;
    /** The name of the model that is asked when a request says nothing. Default: none. */
    readonly model?: string;
    /** It is known what the model's answers cost. Default false: then nobody who asks it is given a budget in dollars. */
    readonly isPriced?: boolean;
  }) {
    const { engine, flows, builtIn, modules = [], definitions = [], budget = {}, rounds = 3, model } = parts;
    this.#isPriced = parts.isPriced ?? false;
    this.#engine = engine;
    this.#publish = flows.publish;
    this.#uploads = parts.uploads;
    this.#agents = parts.agents;
    this.#defaults = { budget, model };
    this.#text = flowProgram(textFlow(true), flows);
    this.#textAlone = flowProgram(textFlow(false), flows);
    const programs = [this.#text, this.#textAlone];
    const add = (chosen: Chosen) => {
      const { name } = chosen.info;
      if (this.#known.has(name) || name.startsWith(TEXT_FLOWS)) {
        throw new GloveboxError("invalid_argument", `there are two flows ${name}, or the name is the server's own`);
      }
      this.#known.set(name, chosen);
    };
    for (const [kind, list] of [["built_in", builtIn] as const, ["module", modules] as const]) {
      for (const flow of list) {
        const program = flowProgram(flow, flows);
        programs.push(program);
        add(chosenFlow(flow, kind, program, rounds));
      }
    }
    for (const definition of definitions) add(this.#chosenText(flowOf(definition), definition));
    for (const program of programs) engine.register(program);
  }

  list(): readonly FlowInfo[] {
    return [...this.#known.values()].map(({ info }) => info).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** `not_found` */
  get(name: string): FlowInfo & { readonly plan: FlowPlan } {
    const chosen = this.#named(name);
    return { ...chosen.info, plan: this.#planOf(chosen, undefined) };
  }

  /** Says what is wrong with a flow and its input before anything runs, and what it would do. Errors: `not_found` for a name that there is not. */
  async validate(tenantId: string, { flow, definition, input, budget }: FlowRequest): Promise<FlowValidation> {
    if (definition !== undefined) {
      const { problems } = readFlow(definition, await this.#agents(tenantId));
      if (problems.length > 0) return { ok: false, problems };
    }
    const chosen = await this.#choose(tenantId, { flow, definition });
    try {
      if (input !== undefined) chosen.toInput(input);
    } catch (error) {
      if (!(error instanceof GloveboxError)) throw error;
      const path = String(error.details?.path ?? "input");
      return { ok: false, problems: [{ message: error.message, line: 1, column: 1, path }] };
    }
    return { ok: true, problems: [], plan: this.#planOf(chosen, budget) };
  }

  /** On disk when it resolves. Errors: `not_found`, `invalid_argument`, those of the engine. */
  async start(
    tenantId: string,
    request: FlowRequest,
    options: { readonly idempotencyKey?: string } = {},
  ): Promise<Run> {
    const chosen = await this.#choose(tenantId, request);
    const { model } = this.#defaults;
    const { model: asked = model, ...rest } = parsed(FlowSetup, request.setup ?? {}, "setup");
    const setup = { ...rest, ...(asked !== undefined && asked !== NO_MODEL && { model: asked }) };
    if (setup.repository?.kind === "folder") {
      throw new GloveboxError(
        "invalid_argument",
        "send the repository: folders of the server's machine are not taken",
        {
          details: { path: "setup.repository" },
        },
      );
    }
    if (chosen.info.repository !== (setup.repository !== undefined)) {
      const why = chosen.info.repository ? "works on a repository: name one" : "works on no repository";
      throw new GloveboxError("invalid_argument", `the flow ${chosen.info.name} ${why}`, {
        details: { path: "setup.repository" },
      });
    }
    checkPublish(setup, this.#publish);
    const budget = this.#budgetOf(chosen, request.budget);
    if (setup.model !== undefined && !this.#isPriced) checkNoDollars(budget, chosen.plan);
    const input = { setup, input: chosen.toInput(request.input ?? {}) };
    const { id } = await this.#engine.start(chosen.program, input, {
      tenantId,
      budget,
      ...(request.timeoutMs !== undefined && { timeoutMs: request.timeoutMs }),
      ...options,
    });
    return this.#engine.get(tenantId, id);
  }

  /** A run of a flow as far as it came. `not_found` also for runs of other programs. */
  async run(tenantId: string, id: string): Promise<FlowRunView> {
    const { run, notes } = await this.#read(tenantId, id);
    const output = run.status === "completed" ? await this.#engine.result(tenantId, id) : undefined;
    return viewOf(run, nameOf(run, notes), notes, output);
  }

  /**
   * Answers what a run asks. `question`: default the only one that is open. Errors: `not_found` when it does not ask that, `conflict` when several are open and none is
   * named, `invalid_argument` for what is no answer to it.
   */
  async answer(
    tenantId: string,
    id: string,
    { question, ...answer }: FlowAnswer & { readonly question?: string | undefined },
  ): Promise<FlowRunView> {
    const { run, notes } = await this.#read(tenantId, id);
    // What is said while it is taken back would be taken back as well.
    const isOpen = !isOver(run) && run.rollingBack === undefined;
    const open = isOpen ? notes.questions : [];
    const asked = question === undefined ? open : open.filter((one) => one.id === question);
    const [first, ...others] = asked;
    if (first === undefined)
      throw new GloveboxError(
        "not_found",
        `run ${id} asks nothing${question === undefined ? "" : ` called ${question}`}`,
      );
    if (others.length > 0) {
      const ids = asked.map((one) => one.id).join(", ");
      throw new GloveboxError("conflict", `run ${id} asks more than one thing: ${ids}`, {
        details: { path: "question" },
      });
    }
    const checked = checkAnswer(first, answer);
    await this.#engine.signal(tenantId, id, answerSignal(first.id), checked);
    return this.run(tenantId, id);
  }

  /** Keeps a repository as a tar, for runs to work on. */
  upload(archive: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<{ readonly sha256: string }> {
    return this.#uploads.put(archive, signal);
  }

  async #choose(tenantId: string, { flow, definition }: FlowChoice): Promise<Chosen> {
    if ((flow === undefined) === (definition === undefined)) {
      throw new GloveboxError("invalid_argument", "give either a flow's name or its definition", {
        details: { path: "flow" },
      });
    }
    if (definition === undefined) return this.#named(flow ?? "");
    return this.#chosenText(flowOf(definition, await this.#agents(tenantId)), definition);
  }

  #named(name: string): Chosen {
    const found = this.#known.get(name);
    if (found !== undefined) return found;
    const names = [...this.#known.keys()].toSorted().join(", ");
    throw new GloveboxError("not_found", `there is no flow ${JSON.stringify(name.slice(0, 100))}; there are ${names}`);
  }

  #chosenText(file: FlowFile, definition: string): Chosen {
    const { name, version, description = "", repository, budget } = file;
    return {
      info: { name, version, description, kind: "yaml", repository, input: inputSchema(file) },
      plan: planSteps(file.steps),
      budget,
      program: repository ? this.#text : this.#textAlone,
      toInput: (given) => {
        flowInput(file, given);
        return { definition, values: given };
      },
    };
  }

  #planOf({ info, plan, budget }: Chosen, asked: AskedBudget | undefined): FlowPlan {
    return { flow: info.name, version: info.version, steps: plan, budget: this.#budgetOf({ budget }, asked) };
  }

  #budgetOf({ budget }: Pick<Chosen, "budget">, asked: AskedBudget | undefined): Budget {
    const given = Object.fromEntries(Object.entries(asked ?? {}).filter(([, limit]) => limit !== undefined));
    return { ...this.#defaults.budget, ...budget, ...given };
  }

  async #read(tenantId: string, id: string): Promise<{ readonly run: Run; readonly notes: FlowNotes }> {
    const run = await this.#engine.get(tenantId, id);
    if (!run.program.startsWith(programName(""))) throw new GloveboxError("not_found", `no run of a flow ${id}`);
    const notes = new FlowNotes();
    for await (const record of this.#engine.journal(tenantId, id)) notes.take(record);
    return { run, notes };
  }
}

function chosenFlow(flow: Flow, kind: FlowInfo["kind"], program: Program, rounds: number): Chosen {
  const { name, version, description, repository, input, plan } = flow;
  const schema = z.toJSONSchema(input, { io: "input", unrepresentable: "any" }) as Record<string, unknown>;
  return {
    info: { name, version, description, kind, repository, input: schema },
    plan,
    budget: undefined,
    program,
    // Read here for its errors alone: the program reads it with the same schema. What the configuration says is written into it, so that a run goes on as it began.
    toInput: (given) => {
      const { rounds: asks } = (schema.properties ?? {}) as Readonly<Record<string, unknown>>;
      const whole =
        kind === "built_in" && asks !== undefined && given.rounds === undefined ? { ...given, rounds } : given;
      parsed(input, whole, "input");
      return whole;
    },
  };
}

/** Of a flow that was given as text: its own name, which its text says. */
function nameOf({ program }: Run, notes: FlowNotes): string {
  const name = program.slice(programName("").length);
  if (!name.startsWith(TEXT_FLOWS)) return name;
  const definition = (notes.input as { readonly input?: { readonly definition?: unknown } } | undefined)?.input
    ?.definition;
  return typeof definition === "string" ? (readFlow(definition).flow?.name ?? name) : name;
}

function inputSchema({ input }: FlowFile): Readonly<Record<string, unknown>> {
  const types = { list: "array", object: "object", string: "string", number: "number", boolean: "boolean" } as const;
  const properties = Object.entries(input).map(([name, { type, description, choices, ...field }]) => [
    name,
    {
      type: types[type],
      ...(description !== undefined && { description }),
      ...(choices !== undefined && { enum: choices }),
      ...(field.default !== undefined && { default: field.default }),
    },
  ]);
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    required: Object.entries(input).flatMap(([name, { required }]) => (required ? [name] : [])),
    additionalProperties: false,
  };
}

/** `invalid_argument`, with the path of what is wrong. */
function parsed<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = [what, ...(issue?.path ?? [])].join(".");
  throw new GloveboxError("invalid_argument", `${path}: ${issue?.message ?? "not valid"}`, { details: { path } });
}
