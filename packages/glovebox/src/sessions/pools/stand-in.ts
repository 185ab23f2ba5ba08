import type { SandboxConnection } from "../../core/index.ts";
import type { OutputChunk, SandboxNetwork } from "../../sandbox/index.ts";
import type { IdleOutput } from "../work/kernel.ts";

/** What kernels print before there is a session: held, unacknowledged and so bounded by the sandbox, until there is one. */
export class HeldOutput implements IdleOutput {
  #held: [chunk: OutputChunk, acknowledge: () => void][] = [];
  #target: IdleOutput | undefined;

  output(chunk: OutputChunk, acknowledge: () => void): void {
    if (this.#target === undefined) this.#held.push([chunk, acknowledge]);
    else this.#target.output(chunk, acknowledge);
  }

  passTo(target: IdleOutput): void {
    this.#target = target;
    for (const [chunk, acknowledge] of this.#held) target.output(chunk, acknowledge);
    this.#held = [];
  }
}

/** The way out of a sandbox whose session is not there yet: nothing gets out before it is. */
export class LaterNetwork implements SandboxNetwork {
  readonly authority?: string;
  #target: SandboxNetwork | undefined;

  constructor({ authority }: Pick<SandboxNetwork, "authority">) {
    if (authority !== undefined) this.authority = authority;
  }

  accept(connection: SandboxConnection): void {
    if (this.#target === undefined) connection.stream.destroy();
    else this.#target.accept(connection);
  }

  passTo(target: SandboxNetwork): void {
    this.#target = target;
  }
}
