/**
 * Functions of the worker that the guest's part of the kernel holds. Untrusted code never gets them itself. Texts of
 * untrusted origin cross as JSON string literals, because the engine's C strings end at a NUL.
 */
export interface Bridge {
  say(level: string, text: string, args: string | undefined): void;
  value(type: string, preview: string, json: string | undefined): void;
  /** The error that ends the execution; the first one counts. */
  exception(name: string, message: string, stack: string, line: number): void;
  promise(value: object): readonly [state: string, value: unknown] | undefined;
  addTimer(delayMs: number, repeat: boolean): number;
  removeTimer(id: number): void;
  /** Ends the execution. Does not return to untrusted code: the next check of the engine stops it. */
  exit(code: number): void;
  /** Finds a module. Throws with a message that begins with the error's code. */
  find(from: string, name: string): readonly [kind: "module" | "json" | "file", path: string];
  /** Compiles the source of a file found before as a CommonJS function. */
  compile(path: string): unknown;
  /** Parses the JSON file found before. */
  text(path: string): string;
  /** Asks the server. Gives JSON, or bytes. */
  call(name: string, input: string, bytes?: ArrayBuffer): string | ArrayBuffer;
  /** Text of bytes, as a JSON string literal. */
  decode(bytes: ArrayBuffer, encoding: string): string;
  /** The UTF-8 bytes of a JSON string literal's text. */
  encode(literal: string): ArrayBuffer;
}

/** What the worker calls in the guest. */
export interface GuestKernel {
  report(value: unknown): void;
  fail(error: unknown): void;
  fire(id: number, last: boolean): void;
  forgetTimers(): void;
  /** Runs a file that was found before as CommonJS, and gives what it exports. */
  run(path: string): unknown;
  /** Makes a host module available; gives the names that it exports, with commas between. */
  offer(name: string): string;
  /** Sets the globals of one execution. `withProcess` offers `process` with `argv`, `env`, `cwd` and `exit`. */
  begin(args: string, env: string, cwd: string, argv0: string, withProcess: boolean): void;
}
