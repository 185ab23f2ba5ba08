import type { EventPayload, NewEvent, Redactor } from "../../core/index.ts";
import type { OutputStream } from "../../sandbox/index.ts";
import type { StopCause } from "../work/cause.ts";
import { type EventSink, EventWriter } from "./event-writer.ts";
import { OutputChannel } from "./output-channel.ts";
import { type OutputReader, readFirst } from "./output-reader.ts";
import type { Offsets, Outcome, ProcessRef, StoredRequest, StreamState, WorkLimits } from "./stream-state.ts";
import { INITIAL_STATE } from "./stream-state.ts";

export interface RecorderOptions {
  readonly sink: EventSink;
  readonly limits: WorkLimits;
  readonly redactor?: Redactor | undefined;
  /** Reads what is printed before it is masked; called when something is. Default: nobody does. */
  readonly reader?: (() => OutputReader) | undefined;
  /** Nothing is written before this resolves. */
  readonly gate?: Promise<unknown> | undefined;
  /** The code must be stopped: a limit of recording was passed, or a write failed. */
  readonly onStop: (cause: StopCause) => void;
  readonly request?: StoredRequest | undefined;
  /** What is on disk already, and how many events: an execution that goes on after a restart. */
  readonly restored?: Restored | undefined;
}

interface Restored {
  readonly state: StreamState;
  readonly count: number;
  readonly terminal: Terminal;
}

/** The `value` or `exception` of an execution. */
export interface Terminal {
  readonly value?: EventPayload<"value">;
  readonly error?: EventPayload<"exception">;
}

type Acknowledge = (stream: OutputStream, offset: number) => void;

/**
 * Turns what comes out of a sandbox into an execution's events, under its limits, and keeps the stream's state. Nothing is acknowledged to the
 * sandbox before it is on disk.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #writer: EventWriter;
  #state: StreamState;
  #channels: { stdout: OutputChannel; stderr: OutputChannel };
  #read: Record<OutputStream, number> = { stdout: 0, stderr: 0, control: 0 };
  #acknowledged: Record<OutputStream, number> = { stdout: 0, stderr: 0, control: 0 };
  #acknowledge: Acknowledge | undefined;
  #eventsOver = false;
  #recentErrors = "";
  #cutOnDisk: { readonly stdout: boolean; readonly stderr: boolean } = { stdout: false, stderr: false };
  #terminal: Terminal = {};
  readonly #firstCommit = Promise.withResolvers<void>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#state = options.restored?.state ?? {
      ...INITIAL_STATE,
      ...(options.request !== undefined && { request: options.request }),
    };
    this.#terminal = options.restored?.terminal ?? {};
    // Nobody may be waiting for it.
    this.#firstCommit.promise.catch(() => {});
    this.#channels = this.#openChannels(0, 0);
    this.#writer = new EventWriter({
      sink: options.sink,
      snapshot: () => this.#snapshot(),
      committed: (state) => this.#committed(state),
      failed: (error) => {
        this.#firstCommit.reject(error);
        options.onStop({ kind: "store_failed", error });
      },
      count: options.restored?.count ?? 0,
      gate: options.gate,
    });
  }

  /** Resolves when it is on disk which process does the work: from then on a restart finds it. */
  get underWay(): Promise<void> {
    return this.#firstCommit.promise;
  }

  get eventCount(): number {
    return this.#writer.count;
  }

  get state(): StreamState {
    return this.#state;
  }

  /** The `value` or `exception` recorded so far. */
  get terminal(): Terminal {
    return this.#terminal;
  }

  get truncated(): { stdout: boolean; stderr: boolean } {
    return {
      stdout: this.#channels.stdout.truncated || this.#state.truncated.stdout,
      stderr: this.#channels.stderr.truncated || this.#state.truncated.stderr,
    };
  }

  /** Bytes of stdout, stderr and console texts that were kept. */
  get outputBytes(): number {
    const { spent, consoleBytes } = this.#state;
    return (
      spent.stdout + spent.stderr + this.#channels.stdout.keptBytes + this.#channels.stderr.keptBytes + consoleBytes
    );
  }

  /** From here on output comes from this process, beginning (or going on, after a restart) at `from`. */
  attach(process: ProcessRef, from: Offsets, acknowledge: Acknowledge): void {
    const again = this.#state.process?.id === process.id;
    if (!again) {
      const spent = {
        stdout: this.#state.spent.stdout + this.#channels.stdout.keptBytes,
        stderr: this.#state.spent.stderr + this.#channels.stderr.keptBytes,
      };
      this.#state = { ...this.#state, process, start: from, consumed: from, spent, truncated: this.truncated };
    }
    this.#read = { ...from };
    this.#acknowledged = { ...from };
    this.#acknowledge = acknowledge;
    const { start, consumed, spent } = this.#state;
    // After a restart the bytes before `consumed` are events already.
    const [out, err] = again ? [consumed.stdout - start.stdout, consumed.stderr - start.stderr] : [0, 0];
    if (again)
      this.#state = {
        ...this.#state,
        spent: { stdout: spent.stdout + out, stderr: spent.stderr + err },
        start: consumed,
      };
    this.#channels = this.#openChannels(this.#state.spent.stdout, this.#state.spent.stderr);
    this.#writer.touch();
  }

  /** Output goes no longer to this execution. */
  detach(): void {
    this.#flushChannels();
    this.#writer.touch();
  }

  /** Bytes of stdout or stderr. */
  output(stream: "stdout" | "stderr", offset: number, data: Uint8Array): void {
    this.#read[stream] = offset + data.length;
    const channel = this.#channels[stream];
    if (channel.truncated) this.#acknowledgeDropped(stream);
    else if (channel.push(data) === "passed_limit") this.#passedOutputLimit(stream);
    this.#writer.touch();
  }

  /** The control stream has been read (whole messages) up to here. */
  controlRead(offset: number): void {
    this.#read.control = offset;
    this.#writer.touch();
  }

  console(payload: EventPayload<"console">): void {
    const stream = payload.level === "warn" || payload.level === "error" ? "stderr" : "stdout";
    const size =
      Buffer.byteLength(payload.text) + (payload.args === undefined ? 0 : JSON.stringify(payload.args).length);
    if (this.truncated[stream]) return;
    if (this.#state.consoleBytes + size > this.#options.limits.outputBytes) {
      this.#markTruncated(stream);
      this.#passedOutputLimit(stream);
      return;
    }
    this.#state = { ...this.#state, consoleBytes: this.#state.consoleBytes + size };
    this.#emit({ type: "console", payload: this.#clean(payload) });
  }

  display(payload: EventPayload<"display">): void {
    let size = 0;
    for (const [type, body] of Object.entries(payload.mime)) size += type.length + body.length;
    if (this.#state.displayBytes + size > Math.max(this.#options.limits.outputBytes, MIN_DISPLAY_BYTES)) {
      this.system("warn", "display_dropped", `a display of ${size} bytes is more than this execution may keep`);
      return;
    }
    this.#state = { ...this.#state, displayBytes: this.#state.displayBytes + size };
    this.#emit({ type: "display", payload: this.#clean(payload) });
  }

  inputEcho(text: string): void {
    this.#emit({ type: "input_echo", payload: { text: this.#options.redactor?.redact(text) ?? text } });
  }

  /** The one `value` of the execution; a second one is dropped. */
  value(payload: EventPayload<"value">): void {
    if (this.#state.terminalSeq !== undefined) return;
    const value = this.#clean(payload);
    this.#terminal = { value };
    this.#addTerminal({ type: "value", payload: value });
  }

  /** The one `exception` of the execution; a second one is dropped. */
  exception(payload: EventPayload<"exception">): void {
    if (this.#state.terminalSeq !== undefined) return;
    const error = this.#clean(payload);
    this.#terminal = { error };
    this.#addTerminal({ type: "exception", payload: error });
  }

  /** Always kept, also past `maxEvents`: there are few of them. */
  system(
    level: "info" | "warn" | "error",
    code: string,
    message: string,
    details?: Record<string, string | number | boolean>,
  ): void {
    this.#writer.add({ type: "system", payload: { level, code, message, ...(details !== undefined && { details }) } });
  }

  /** The end of what was written to stderr so far (16 KiB at most), for what wants to quote it. */
  recentErrors(): string {
    this.#flushChannels();
    return this.#recentErrors.slice(-RECENT_LENGTH);
  }

  /** Ends the stream. `handedOver`: the store has been asked to write the outcome. `written`: it is on disk. Both reject when a write fails. */
  finish(outcome: Outcome): { readonly handedOver: Promise<void>; readonly written: Promise<void> } {
    this.#flushChannels();
    this.#state = { ...this.#state, outcome };
    this.#writer.touch();
    const handedOver = this.#writer.handOver();
    // Who does not wait for it learns of the failure from `written`.
    handedOver.catch(() => {});
    return { handedOver, written: this.#writer.drain() };
  }

  /** All so far is on disk. */
  async drain(): Promise<void> {
    this.#writer.touch();
    await this.#writer.drain();
  }

  #emit(event: NewEvent): void {
    if (this.#eventsOver) return;
    if (this.#writer.count >= this.#options.limits.maxEvents) {
      this.#eventsOver = true;
      const { maxEvents } = this.#options.limits;
      this.system("error", "events_limit", `more than ${maxEvents} events`, { maxEvents });
      this.#options.onStop({ kind: "events_limit" });
      return;
    }
    if (event.type === "stderr" && "text" in event.payload) this.#remember(event.payload.text);
    this.#writer.add(event);
  }

  #remember(text: string): void {
    const joined = this.#recentErrors + text;
    this.#recentErrors = joined.length > 4 * RECENT_LENGTH ? joined.slice(-RECENT_LENGTH) : joined;
  }

  #addTerminal(event: NewEvent): void {
    this.#flushChannels();
    this.#writer.add(event);
    this.#state = { ...this.#state, terminalSeq: this.#writer.count };
  }

  #flushChannels(): void {
    this.#channels.stdout.flush();
    this.#channels.stderr.flush();
  }

  #passedOutputLimit(stream: "stdout" | "stderr"): void {
    const { outputBytes, onOutputLimit } = this.#options.limits;
    const message = `${stream} is more than ${outputBytes} bytes; the rest is not kept`;
    this.system("warn", "output_truncated", message, { stream, outputBytes });
    if (onOutputLimit === "stop") this.#options.onStop({ kind: "output_limit" });
  }

  #markTruncated(stream: "stdout" | "stderr"): void {
    this.#state = { ...this.#state, truncated: { ...this.#state.truncated, [stream]: true } };
    this.#channels[stream].flush();
    this.#channels[stream].truncated = true;
  }

  #openChannels(spentOut: number, spentErr: number): { stdout: OutputChannel; stderr: OutputChannel } {
    const { limits, redactor, reader } = this.#options;
    const open = (type: "stdout" | "stderr", spent: number) =>
      new OutputChannel({
        type,
        allowance: Math.max(0, limits.outputBytes - spent),
        truncated: this.#state.truncated[type],
        redactor: reader === undefined ? redactor : readFirst(reader, type, redactor),
        emit: (event) => this.#emit(event),
      });
    return { stdout: open("stdout", spentOut), stderr: open("stderr", spentErr) };
  }

  #snapshot(): StreamState {
    const { stdout, stderr } = this.#channels;
    const consumed = {
      stdout: this.#read.stdout - stdout.heldBytes,
      stderr: this.#read.stderr - stderr.heldBytes,
      control: this.#read.control,
    };
    this.#state = { ...this.#state, consumed, truncated: this.truncated };
    return this.#state;
  }

  #committed(state: StreamState): void {
    if (state.process !== undefined || state.outcome !== undefined) this.#firstCommit.resolve();
    this.#cutOnDisk = state.truncated;
    if (state.process?.id !== this.#state.process?.id) return;
    for (const stream of ["stdout", "stderr", "control"] as const) {
      if (state.consumed[stream] <= this.#acknowledged[stream]) continue;
      this.#acknowledged[stream] = state.consumed[stream];
      this.#acknowledge?.(stream, state.consumed[stream]);
    }
  }

  /** What is past the limit needs no commit once the cut itself is on disk. */
  #acknowledgeDropped(stream: "stdout" | "stderr"): void {
    const offset = this.#read[stream];
    if (!this.#cutOnDisk[stream]) {
      this.#writer.touch();
      return;
    }
    this.#acknowledged[stream] = offset;
    this.#acknowledge?.(stream, offset);
  }

  #clean<T>(payload: T): T {
    return this.#options.redactor?.redactJson(payload) ?? payload;
  }
}

/** A plot is easily larger than what a careful caller allows for text. */
const MIN_DISPLAY_BYTES = 4 * 1_048_576;

/** Characters of stderr that can be quoted. */
const RECENT_LENGTH = 16_384;
