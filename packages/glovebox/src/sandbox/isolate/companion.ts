import { GloveboxError } from "../../core/index.ts";
import type { Sandbox, SandboxSpec } from "../driver.ts";

/** Makes the helper sandbox of a session: any isolation that runs programs. */
export type CompanionFactory = (spec: SandboxSpec) => Promise<Sandbox>;

/**
 * The helper sandbox over the same workspace, through which an isolate touches files and programs: made when it is
 * first needed, made again should it have ended, and gone with the session.
 */
export class Companion {
  readonly #factory: CompanionFactory | undefined;
  readonly #spec: SandboxSpec;
  #sandbox: Promise<Sandbox> | undefined;
  #closed = false;

  constructor(factory: CompanionFactory | undefined, spec: SandboxSpec) {
    this.#factory = factory;
    // The session's environment is the guest's affair; programs that it runs are given theirs one by one.
    this.#spec = { ...spec, languages: [], outliveServer: false };
  }

  /** Whether there can be one at all. */
  get possible(): boolean {
    return this.#factory !== undefined;
  }

  /** The sandbox if it has been made already. */
  get made(): Promise<Sandbox> | undefined {
    return this.#sandbox;
  }

  /** The sandbox. `isolation_unavailable` without a way to make one. */
  get(): Promise<Sandbox> {
    if (this.#closed) return Promise.reject(new GloveboxError("unavailable", "the sandbox is gone"));
    this.#sandbox ??= this.#make();
    return this.#sandbox;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const sandbox = await this.#sandbox?.catch(() => undefined);
    await sandbox?.destroy();
  }

  async #make(): Promise<Sandbox> {
    try {
      if (!this.#factory) {
        throw new GloveboxError(
          "isolation_unavailable",
          "files of an isolate are reached through a helper sandbox, and no isolation for one works on this machine",
        );
      }
      const sandbox = await this.#factory(this.#spec);
      void sandbox.ended.then(() => {
        this.#sandbox = undefined;
      });
      return sandbox;
    } catch (error) {
      this.#sandbox = undefined;
      throw error;
    }
  }
}
