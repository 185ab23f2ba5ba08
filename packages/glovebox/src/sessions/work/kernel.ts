import { type Language, newId } from "../../core/index.ts";
import type { KernelMessage, KernelRequest, OutputChunk, SandboxProcess } from "../../sandbox/index.ts";
import { encodeKernelRequest, KernelMessageReader } from "../../sandbox/kernel/index.ts";
import type { Recorder } from "../output/recorder.ts";
import type { Offsets } from "../output/stream-state.ts";
import { Backstop } from "./backstop.ts";
import { interruptKernel } from "./interrupt-kernel.ts";
import { resumable } from "./program.ts";
import { TornMessage } from "./torn-message.ts";
import type { WorkControl } from "./work-control.ts";
import type { WorkEnd } from "./work-end.ts";

/** SIGINT comes first when a limit trips; this much later the kernel's tree is killed. */
export const KERNEL_GRACE_MS = 1_000;

/** Bytes of an unfinished message that wait for their end before they are acknowledged; the agent's window is larger. */
const MAX_UNACKNOWLEDGED = 196_608;

/** Code without effects whose value is described. */
const REHEARSAL: Partial<Record<Language, string>> = { python: "1", javascript: "1", typescript: "1", bash: ":" };

/** What a kernel prints while no execution runs in it. */
export interface IdleOutput {
  output(chunk: OutputChunk, acknowledge: () => void): void;
}

export interface KernelWork {
  readonly request: KernelRequest;
  readonly recorder: Recorder;
  readonly control: WorkControl;
  readonly wallMs?: number | undefined;
  readonly cpuMs?: number | undefined;
  readonly onUnresponsive: () => void;
}

interface Current {
  readonly id: string;
  readonly recorder: Recorder;
  readonly control: WorkControl;
  readonly end: (end: WorkEnd) => void;
  exitCode: number | undefined;
  threw: boolean;
}

/** A language kernel in a sandbox: one request at a time, one reader of its output for as long as it lives. */
export class Kernel {
  readonly language: Language;
  readonly process: SandboxProcess;
  readonly #reader = new KernelMessageReader();
  readonly #idle: IdleOutput;
  readonly #detach: AbortSignal | undefined;
  #read: Record<"stdout" | "stderr" | "control", number>;
  #current: Current | undefined;
  #over: WorkEnd | undefined;
  /** Empty requests that were sent to see when what came before them is over, by their ids. */
  readonly #probes = new Map<string, () => void>();
  #free: Promise<void> = Promise.resolve();
  /** Whether it ended while a request ran in it, which then tells of the loss. */
  endedBusy = false;
  readonly #ended = Promise.withResolvers<WorkEnd>();
  #begun = false;
  #torn: TornMessage | undefined;

  constructor(options: {
    language: Language;
    process: SandboxProcess;
    idle: IdleOutput;
    detach?: AbortSignal | undefined;
    /** Where reading goes on, after a restart. */
    from?: Offsets | undefined;
    /** It came with the memory of another sandbox: what is held of its messages may begin in the middle of one. */
    inherited?: boolean | undefined;
    /** Do not read before `begin`: an execution that goes on must be there first. */
    hold?: boolean | undefined;
  }) {
    this.language = options.language;
    this.process = options.process;
    this.#idle = options.idle;
    this.#detach = options.detach;
    const from = options.from && resumable(options.process, options.from);
    if (from !== undefined && from.control > (options.from?.control ?? 0)) this.#torn = new TornMessage();
    if (options.inherited === true) this.#torn = new TornMessage();
    if (from !== undefined) this.process.resumeFrom(from);
    const { held } = this.process;
    this.#read = from
      ? { ...from }
      : { stdout: held.stdout.from, stderr: held.stderr.from, control: held.control.from };
    if (options.hold !== true) this.begin();
  }

  /** Resolves when the kernel has ended or the sandbox is let go of. */
  get over(): Promise<WorkEnd> {
    return this.#ended.promise;
  }

  /** Starts to read. Idempotent. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    void this.#readAll();
  }

  get alive(): boolean {
    return this.#over === undefined;
  }

  get busy(): boolean {
    return this.#current !== undefined;
  }

  /** Resolves when nothing runs in it that was asked for elsewhere, or it has ended. */
  get free(): Promise<void> {
    return this.#free;
  }

  /**
   * It came along with the memory of another sandbox, and may be in the middle of what was asked for there: that goes on to its end, under the limits
   * that it was given. `free` tells when.
   */
  catchUp(): void {
    const { answered, sent } = this.#probe();
    sent.catch(() => this.kill());
    this.#free = Promise.race([answered, this.over.then(() => {})]);
  }

  /** Sends a request and records what comes of it until it is done. */
  run(work: KernelWork): Promise<WorkEnd> {
    return this.#follow(work, this.#offsets(), () => this.#send(work));
  }

  #send({ wallMs, cpuMs, request }: KernelWork): Promise<unknown> {
    const limited = this.process.limit({
      ...(wallMs !== undefined && { wallMs }),
      ...(cpuMs !== undefined && { cpuMs }),
      graceMs: KERNEL_GRACE_MS,
    });
    return Promise.all([limited, this.process.writeControl(encodeKernelRequest(request))]);
  }

  /**
   * Goes on with a request that an earlier server process sent, or was about to send. An empty request behind it tells which: kernels answer in
   * order. One that never arrived is sent now, once what it needs is `ready`. `from`: up to where its output is recorded; default: where reading begins.
   */
  async resume(work: KernelWork, options: { from?: Offsets; ready?: Promise<void> }): Promise<WorkEnd> {
    const { from = this.#offsets(), ready } = options;
    let answered: Promise<void> = this.#free;
    const going = this.#follow(work, from, () => {
      const probe = this.#probe();
      answered = probe.answered;
      return probe.sent;
    });
    const first = await Promise.race([going, answered.then(() => "answered" as const)]);
    if (first === "answered" && this.#current !== undefined) {
      const sent = Promise.resolve(ready).then(() => this.#send(work));
      sent.catch(() => this.kill());
      return going;
    }
    // Its `done` lifts limits, so it must be over before they are set for what comes next.
    await Promise.race([answered, this.over]);
    return going;
  }

  /** Does once, without a trace, what an execution takes: in an emulated machine whatever runs for the first time runs many times slower. Resolves when it is done or the kernel has ended. */
  async rehearse(): Promise<void> {
    const limited = this.process.limit({ graceMs: KERNEL_GRACE_MS });
    const { answered, sent } = this.#probe({ mode: "rehearsal", source: REHEARSAL[this.language] ?? "" });
    await Promise.race([Promise.all([limited, sent, answered]), this.over]);
  }

  /** An empty request: kernels answer in order. With a new id each time: what an earlier server's was answered may still come. */
  #probe(work: Pick<KernelRequest, "mode" | "source"> = { mode: "repl", source: "" }): {
    readonly answered: Promise<void>;
    readonly sent: Promise<void>;
  } {
    const id = `after-${newId()}`;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#probes.set(id, resolve);
    const { language } = this;
    const probe: KernelRequest = { id, ...work, language, args: [], env: {} };
    return { answered: promise, sent: this.process.writeControl(encodeKernelRequest(probe)) };
  }

  async #follow(work: KernelWork, from: Offsets, send: () => Promise<unknown>): Promise<WorkEnd> {
    if (this.#over !== undefined) return this.#over;
    const { recorder, control } = work;
    const { promise, resolve } = Promise.withResolvers<WorkEnd>();
    this.#current = {
      id: work.request.id,
      recorder,
      control,
      end: resolve,
      exitCode: undefined,
      threw: false,
    };
    recorder.attach({ id: this.process.id, kind: "kernel" }, from, (stream, offset) =>
      this.process.ack(stream, offset),
    );
    using backstop = new Backstop(
      work.onUnresponsive,
      work.wallMs === undefined ? undefined : work.wallMs + KERNEL_GRACE_MS,
    );
    using interrupting = interruptKernel(control, this.process, this.language, (ms) => backstop.rearm(ms));
    void interrupting;
    send().catch(() => this.process.signal("SIGKILL", "tree").catch(() => {}));
    const end = await promise;
    // What the stopped code started goes too; the kernel stays.
    if (control.cause !== undefined && end.kind === "done") {
      await this.process.signal("SIGKILL", "descendants").catch(() => {});
    }
    return end;
  }

  /** Ends the kernel and everything it started. */
  async kill(): Promise<void> {
    await this.process.signal("SIGKILL", "tree").catch(() => {});
  }

  #offsets(): Offsets {
    return { ...this.#read };
  }

  async #readAll(): Promise<void> {
    let end: WorkEnd = { kind: "sandbox_gone" };
    try {
      for await (const item of this.process.output(this.#detach)) {
        if (item.kind === "exit") {
          end = { kind: "kernel_lost", exit: item.exit };
          this.process.release();
          break;
        }
        if (item.kind === "limit") this.#current?.control.limitTripped(item.limit);
        else if (item.stream === "control") this.#control(item);
        else this.#print(item.stream, item);
      }
    } catch {
      // The sandbox's end tells why.
    }
    if (end.kind === "sandbox_gone" && this.#detach?.aborted) end = { kind: "detached" };
    this.#over = end;
    this.endedBusy = this.#current !== undefined;
    this.#finish(end);
    this.#ended.resolve(end);
  }

  #print(stream: "stdout" | "stderr", chunk: OutputChunk): void {
    const end = chunk.offset + chunk.data.length;
    this.#read[stream] = end;
    if (this.#current !== undefined) this.#current.recorder.output(stream, chunk.offset, chunk.data);
    else this.#idle.output(chunk, () => this.process.ack(stream, end));
  }

  #control(chunk: OutputChunk): void {
    let messages: readonly KernelMessage[];
    try {
      messages = this.#reader.push(this.#wholeLines(chunk.data));
    } catch {
      // It does not keep to the protocol: user code wrote to the control stream, or the kernel is broken.
      void this.kill();
      return;
    }
    const end = chunk.offset + chunk.data.length;
    const held = this.#reader.heldBytes + (this.#torn?.heldBytes ?? 0);
    const read = end - held;
    this.#read.control = read;
    // A message larger than the agent's window would never end: what is held here of it is given free before it is on disk.
    if (held > MAX_UNACKNOWLEDGED) this.process.ack("control", end);
    const before = this.#current;
    before?.recorder.controlRead(read);
    for (const message of messages) this.#message(message);
    if (this.#current === undefined && before === undefined) this.process.ack("control", read);
  }

  /** After a restart the rest of a message whose beginning was given free is passed over. */
  #wholeLines(data: Uint8Array): Uint8Array {
    if (this.#torn === undefined) return data;
    return this.#torn.pass(data, () => {
      const text = "a large message was cut where the sandbox was taken over";
      this.#current?.recorder.system("warn", "message_lost", text);
    });
  }

  #message(message: KernelMessage): void {
    const current = this.#current;
    if (message.t === "done") this.#answered(message.id);
    if (current === undefined || message.t === "ready" || message.id !== current.id) return;
    const { recorder } = current;
    switch (message.t) {
      case "console":
        recorder.console(toConsole(message));
        return;
      case "display":
        recorder.display({ mime: { ...message.mime } });
        return;
      case "value": {
        const json = message.json as never;
        recorder.value({ type: message.type, preview: message.preview, ...(json !== undefined && { json }) });
        return;
      }
      case "exception": {
        current.threw = true;
        current.exitCode = message.exitCode;
        const { name, message: text, stack, line } = message;
        const more = { ...(stack !== undefined && { stack }), ...(line !== undefined && { line }) };
        recorder.exception({ name, message: text, ...more });
        return;
      }
      case "done": {
        const { threw, exitCode } = current;
        this.#finish({
          kind: "done",
          threw,
          ...(exitCode !== undefined && { exitCode }),
          cpuMs: message.cpuMs ?? 0,
        });
      }
    }
  }

  #answered(id: string): void {
    this.#probes.get(id)?.();
    this.#probes.delete(id);
  }

  #finish(end: WorkEnd): void {
    const current = this.#current;
    this.#current = undefined;
    current?.end(end);
  }
}

function toConsole(message: KernelMessage & { t: "console" }): Parameters<Recorder["console"]>[0] {
  const { level, text, args } = message;
  return { level, text, ...(args !== undefined && { args: [...args] as never[] }) };
}
