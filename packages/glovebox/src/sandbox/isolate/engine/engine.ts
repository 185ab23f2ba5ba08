import { posix } from "node:path";
import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten";
import type { KernelRequest } from "../../kernel-message.ts";
import type { Bridge, GuestKernel } from "../guest/bridge.ts";
import type { EngineSetup } from "../messages.ts";
import { bridgeFunctions } from "./bridge-functions.ts";
import { type Channel, Interrupted } from "./channel.ts";
import { type Evaluated, evaluate } from "./evaluate.ts";
import { GUEST_FILE, guestSource } from "./guest-source.ts";
import { readText } from "./handles.ts";
import { installLibraries } from "./libraries.ts";
import { Modules } from "./modules.ts";
import { Outbox } from "./outbox.ts";
import { Reporter } from "./reporter.ts";
import { GuestError, WORKSPACE } from "./resolve.ts";
import { Throttle } from "./throttle.ts";
import { Timers } from "./timers.ts";
import { TypeScriptError } from "./typescript.ts";

/** Jobs between two looks at everything else. */
const JOBS_AT_ONCE = 500;

type GuestFunction = keyof GuestKernel;

/** One QuickJS context and all that drives it, on the worker's thread. */
export class Engine {
  readonly #context: QuickJSContext;
  readonly #channel: Channel;
  readonly #outbox: Outbox;
  readonly #reporter: Reporter;
  readonly #timers = new Timers();
  readonly #modules: Modules;
  readonly #guest: QuickJSHandle;
  readonly #throttle = new Throttle();
  #exitCode: number | undefined;
  #inputs = 0;
  #setup: EngineSetup | undefined;

  constructor(context: QuickJSContext, channel: Channel) {
    this.#context = context;
    this.#channel = channel;
    this.#outbox = new Outbox(channel);
    this.#reporter = new Reporter(this.#outbox);
    this.#modules = new Modules((name, input) => channel.ask(name, input));
    context.runtime.setInterruptHandler(() => this.#interrupt());
    context.runtime.setModuleLoader(
      (name) => this.#guarded(() => this.#modules.esm(name)),
      (from, name) => this.#modules.resolve(from.startsWith("input-") ? "" : from, name),
    );
    this.#guest = this.#makeGuest();
  }

  setup(setup: EngineSetup): void {
    this.#setup = setup;
    this.#reporter.console = setup.options.console ?? "events";
    this.#throttle.share = setup.cpus;
    installLibraries(this.#context, setup.options.libraries ?? {});
    const names = Object.keys(setup.options.modules ?? {});
    this.#modules.setup(setup.options, new Map(names.map((name) => [name, this.#offer(name)])));
  }

  /** Runs the paths that a first request takes, unheard, so that it finds the engine's code compiled. */
  warmUp(): void {
    const source = "console.log({ a: 1 }); [1, 'b'].map((item) => ({ item }))";
    this.#outbox.muted = true;
    this.run(0, { id: "", mode: "repl", source, language: "javascript", args: [], env: {} });
    this.#outbox.muted = false;
    this.#inputs = 0;
  }

  /** Runs one request to its `done`. Whatever this throws has broken the engine. */
  run(serial: number, request: KernelRequest): void {
    const before = process.threadCpuUsage();
    this.#channel.begin(serial);
    this.#inputs += request.mode === "repl" ? 1 : 0;
    this.#reporter.begin(request.id, this.#name(request));
    this.#exitCode = undefined;
    this.#throttle.begin();
    try {
      this.#execute(request);
      this.#settle();
    } catch (error) {
      this.#failed(error);
    }
    this.#conclude();
    const now = process.threadCpuUsage();
    const totalMs = (now.user + now.system) / 1000;
    // First this, then the line: whoever reads the line may set the limits of the next request at once.
    if (serial > 0) this.#channel.post({ t: "done", serial, cpuMs: totalMs });
    this.#reporter.finish(Math.round(totalMs - (before.user + before.system) / 1000));
  }

  #execute(request: KernelRequest): void {
    const options = this.#setup?.options ?? {};
    const cwd = request.cwd ?? WORKSPACE;
    this.#modules.begin(cwd);
    const env = { ...this.#setup?.env, ...request.env };
    const file = request.mode === "file";
    const texts = [JSON.stringify(request.args), JSON.stringify(env), cwd, file ? request.source : ""];
    const handles = texts.map((text) => this.#context.newString(text));
    this.#call("begin", [...handles, file ? this.#context.true : this.#context.false]);
    const evaluated = evaluate(this.#context, request, this.#name(request), options, this.#modules, (path) =>
      this.#callResult("run", [this.#context.newString(path)]),
    );
    this.#await(evaluated);
  }

  /** The name of the request's own code in stacks. */
  #name({ mode, source }: KernelRequest): string {
    return mode === "file" ? posix.resolve(WORKSPACE, source) : `input-${this.#inputs}`;
  }

  /** Drives jobs and timers until the code itself has its result, and reports that. */
  #await(evaluated: Evaluated): void {
    if (evaluated.error) {
      this.#call("fail", [evaluated.error]);
      return;
    }
    const context = this.#context;
    for (;;) {
      this.#jobs();
      const state = context.getPromiseState(evaluated.value);
      if (state.type === "rejected") {
        evaluated.value.dispose();
        this.#call("fail", [state.error]);
        return;
      }
      if (state.type === "fulfilled") {
        const value = evaluated.pick(state.value);
        if (!state.notAPromise) state.value.dispose();
        evaluated.value.dispose();
        this.#report(value);
        return;
      }
      if (!this.#turn()) {
        evaluated.value.dispose();
        // Counts unless an error, or an exit, has ended it.
        this.#reporter.exception("Error", "the code awaits something that never happens");
        return;
      }
    }
  }

  /** Reports a value; a promise's, once it has one. What runs on meanwhile comes first: it belongs to the execution. */
  #report(value: QuickJSHandle): void {
    const context = this.#context;
    this.#settle();
    const state = context.getPromiseState(value);
    if (state.type === "pending" || (state.type === "fulfilled" && state.notAPromise)) {
      this.#call("report", [value]);
      return;
    }
    value.dispose();
    if (state.type === "rejected") this.#call("fail", [state.error]);
    else this.#report(state.value);
  }

  /** Runs until no job and no timer is left. */
  #settle(): void {
    do this.#jobs();
    while (this.#turn());
  }

  #jobs(): void {
    const { runtime } = this.#context;
    while (runtime.hasPendingJob() && this.#exitCode === undefined) {
      const result = runtime.executePendingJobs(JOBS_AT_ONCE);
      if (result.error) result.error.dispose();
      this.#outbox.tick();
      if (this.#channel.interrupted) throw new Interrupted("interrupted");
    }
  }

  /** Runs the next timer, waiting for it if need be; `false` when there is none. */
  #turn(): boolean {
    if (this.#exitCode !== undefined) return false;
    // An error that nobody catches ends the execution, whatever else it waits for.
    if (this.#reporter.ending?.t === "exception") return false;
    for (;;) {
      if (this.#channel.interrupted) throw new Interrupted("interrupted");
      const wait = this.#timers.nextInMs;
      if (wait === undefined) return false;
      const due = this.#timers.takeDue();
      if (due) {
        this.#call("fire", [this.#context.newNumber(due.id), due.last ? this.#context.true : this.#context.false]);
        return true;
      }
      this.#outbox.flush();
      this.#channel.sleep(Math.max(wait, 0.05));
    }
  }

  #failed(error: unknown): void {
    if (error instanceof Interrupted) return;
    if (error instanceof GuestError) this.#reporter.exception(error.name, error.message);
    else if (error instanceof TypeScriptError)
      this.#reporter.exception("SyntaxError", error.message, "", error.line ?? 0);
    else throw error;
  }

  /** Clears what must not outlive the execution, and settles how it ended if it did not end by itself. */
  #conclude(): void {
    this.#timers.clear();
    const code = this.#exitCode;
    if (code !== undefined) {
      this.#drop();
      this.#reporter.replaceEnding();
      if (code === 0) this.#reporter.value("undefined", "undefined", undefined);
      else this.#reporter.exception("ExitStatus", `ended with status ${code}`, "", 0, code);
    } else if (this.#channel.interrupted) {
      this.#drop();
      this.#reporter.replaceEnding();
      this.#reporter.exception("Interrupted", "interrupted");
    }
    this.#exitCode = undefined;
    this.#channel.end();
    this.#call("forgetTimers", []);
  }

  /** Lets every pending job run into the interrupt, so that none is left for the next execution. */
  #drop(): void {
    const { runtime } = this.#context;
    while (runtime.hasPendingJob()) {
      const result = runtime.executePendingJobs(JOBS_AT_ONCE);
      if (result.error) result.error.dispose();
    }
  }

  #interrupt(): boolean {
    this.#outbox.tick();
    this.#throttle.tick(this.#channel);
    return this.#exitCode !== undefined || this.#channel.interrupted;
  }

  #call(name: GuestFunction, args: readonly QuickJSHandle[]): void {
    const result = this.#callResult(name, args);
    if (result.error) {
      result.error.dispose();
      if (this.#channel.interrupted) throw new Interrupted("interrupted");
    } else result.value.dispose();
  }

  #callResult(name: GuestFunction, args: readonly QuickJSHandle[]) {
    const context = this.#context;
    const run = context.getProp(this.#guest, name);
    try {
      return context.callFunction(run, context.undefined, ...args);
    } finally {
      run.dispose();
      for (const arg of args) if (arg.alive) arg.dispose();
    }
  }

  /** Makes a host module in the guest; gives the names that it exports. */
  #offer(name: string): readonly string[] {
    const result = this.#callResult("offer", [this.#context.newString(name)]);
    const names = this.#context.unwrapResult(result).consume((handle) => readText(this.#context, handle, 10_000));
    return names.split(",");
  }

  #ask(name: string, input: string, bytes: Uint8Array | undefined): string | Uint8Array {
    this.#outbox.flush();
    const answer = this.#channel.ask(name, input, bytes);
    if (!answer.ok) throw new GuestError(answer.code, answer.message);
    return answer.bytes ?? answer.json ?? "null";
  }

  #guarded(make: () => string): string | { error: Error } {
    try {
      return make();
    } catch (error) {
      return { error: error instanceof Error ? error : new Error("the module cannot be loaded") };
    }
  }

  #makeGuest(): QuickJSHandle {
    const context = this.#context;
    const functions = bridgeFunctions(context, {
      reporter: this.#reporter,
      timers: this.#timers,
      modules: this.#modules,
      exit: (code) => {
        this.#exitCode ??= code;
      },
      call: (name, input, bytes) => this.#ask(name, input, bytes),
    });
    const bridge = context.newObject();
    for (const name of Object.keys(functions) as (keyof Bridge)[]) {
      context.newFunction(name, (...args) => functions[name](...args)).consume((f) => context.setProp(bridge, name, f));
    }
    const make = context.unwrapResult(context.evalCode(guestSource(), GUEST_FILE));
    const guest = context.unwrapResult(context.callFunction(make, context.undefined, bridge));
    make.dispose();
    bridge.dispose();
    return guest;
  }
}
