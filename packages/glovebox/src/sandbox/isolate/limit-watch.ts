import type { LimitKind, ProcessLimits } from "../process.ts";

/** How often CPU time is looked at, milliseconds: as the agent does. */
const CPU_POLL_MS = 20;

export interface Limited {
  cpuMs(): Promise<number | undefined>;
  /** CPU time of the thread when its last request was done, without asking. */
  knownCpuMs(): number;
  interrupt(limit: LimitKind): void;
  kill(limit: LimitKind): void;
}

/** Wall and CPU limits of one kernel: first an interrupt, and after the grace the end. */
export class LimitWatch {
  readonly #target: Limited;
  #wall: NodeJS.Timeout | undefined;
  #cpu: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;

  constructor(target: Limited) {
    this.#target = target;
  }

  /** Replaces all limits; from now on. */
  set(limits: ProcessLimits): void {
    this.lift();
    const graceMs = limits.graceMs ?? 0;
    if (limits.wallMs) this.#wall = setTimeout(() => this.#trip("wall", graceMs), limits.wallMs);
    if (limits.cpuMs) {
      const most = this.#target.knownCpuMs() + limits.cpuMs;
      this.#cpu = setInterval(() => void this.#pollCpu(most, graceMs), CPU_POLL_MS);
    }
  }

  lift(): void {
    clearTimeout(this.#wall);
    clearInterval(this.#cpu);
    clearTimeout(this.#grace);
    this.#wall = this.#cpu = this.#grace = undefined;
  }

  async #pollCpu(most: number, graceMs: number): Promise<void> {
    const armed = this.#cpu;
    const used = await this.#target.cpuMs();
    if (used !== undefined && used >= most && armed !== undefined && this.#cpu === armed) this.#trip("cpu", graceMs);
  }

  #trip(limit: LimitKind, graceMs: number): void {
    this.lift();
    if (graceMs > 0) {
      this.#target.interrupt(limit);
      this.#grace = setTimeout(() => this.#target.kill(limit), graceMs);
    } else this.#target.kill(limit);
  }
}
