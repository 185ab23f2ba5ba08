import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { FromWorker, HostAnswer } from "../messages.ts";
import { WORD } from "../shared-words.ts";

/** Thrown in the worker when a wait ends because the server wants the request to stop. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** No request runs. The server counts requests from 1. */
const NONE = -1;
/** What the word says before the first interrupt. */
const NEVER = 0;

/** The worker's end of all that passes between it and the server. Blocks: a worker has nothing else to do. */
export class Channel {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly #post: (message: FromWorker) => void;
  readonly #answers: MessagePort;
  #serial = NONE;
  #call = 0;

  constructor(words: Int32Array<SharedArrayBuffer>, answers: MessagePort, post: (message: FromWorker) => void) {
    this.words = words;
    this.#answers = answers;
    this.#post = post;
  }

  post(message: FromWorker): void {
    this.#post(message);
  }

  /** From now on the request `serial` runs. */
  begin(serial: number): void {
    this.#serial = serial;
  }

  /** No request runs: nothing is interrupted. */
  end(): void {
    this.#serial = NONE;
  }

  /** Whether the server has asked to interrupt the request that runs. */
  get interrupted(): boolean {
    const serial = Atomics.load(this.words, WORD.interrupt);
    return serial !== NEVER && serial === this.#serial;
  }

  /** Waits at most `ms`, or until the server has changed something. */
  sleep(ms: number): void {
    const seen = Atomics.load(this.words, WORD.wake);
    if (!this.interrupted) Atomics.wait(this.words, WORD.wake, seen, ms);
  }

  /** Blocks until `ready`; throws {@link Interrupted}. */
  waitFor(ready: () => boolean): void {
    for (;;) {
      const seen = Atomics.load(this.words, WORD.wake);
      if (ready()) return;
      if (this.interrupted) throw new Interrupted("interrupted");
      Atomics.wait(this.words, WORD.wake, seen, 1000);
    }
  }

  /** Asks the server and blocks until it answers. Throws {@link Interrupted}. */
  ask(name: string, input: string, bytes?: Uint8Array): HostAnswer {
    this.#call += 1;
    const call = this.#call;
    this.post(bytes === undefined ? { t: "call", call, name, input } : { t: "call", call, name, input, bytes });
    let answer: HostAnswer | undefined;
    this.waitFor(() => {
      for (let got = receiveMessageOnPort(this.#answers); got; got = receiveMessageOnPort(this.#answers)) {
        const message = got.message as HostAnswer;
        // An answer to a call that was given up when its request was interrupted.
        if (message.call === call) answer = message;
      }
      return answer !== undefined;
    });
    if (!answer) throw new Error("unreachable: waited for an answer");
    return answer;
  }

  /** Says that memory ran out, then waits for the end: what follows a failed allocation is nobody's to see. */
  outOfMemory(): never {
    Atomics.store(this.words, WORD.outOfMemory, 1);
    this.post({ t: "oom" });
    return this.halt();
  }

  /** Stops for good; the server terminates the thread. */
  halt(): never {
    for (;;) Atomics.wait(this.words, WORD.never, 0);
  }
}
