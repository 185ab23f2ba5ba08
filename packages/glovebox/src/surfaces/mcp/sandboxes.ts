import { type Glovebox, GloveboxError, isGloveboxError, type Session } from "@glovebox/sdk";
import { MCP_LIMITS } from "./limits.ts";

/** Where a call that names no session works. */
export interface Sandboxes {
  /** Not held up by a call that is cancelled: another call may wait for the same one. */
  session(): Promise<Session>;
}

const METADATA = { "made-by": "mcp" };
const LOOSE = { "made-by": "mcp-call" };

/** One sandbox for a whole MCP session or connection, kept between calls. Its owner disposes of it. */
export class OwnSandbox implements Sandboxes, AsyncDisposable {
  readonly #box: Glovebox;
  #made: Promise<Session> | undefined;
  #isClosed = false;

  constructor(box: Glovebox) {
    this.#box = box;
  }

  /** The one that is there, or a new one where there is none yet or it has ended. Errors: `conflict` once disposed of. */
  async session(): Promise<Session> {
    const before = this.#made;
    if (before !== undefined && (await this.#isAlive(before))) return await before;
    if (this.#isClosed) throw new GloveboxError("conflict", "the MCP session has ended");
    // Another call may have made one meanwhile.
    if (this.#made === undefined || this.#made === before) this.#made = this.#make();
    return await this.#made;
  }

  async #isAlive(made: Promise<Session>): Promise<boolean> {
    // One that could not be made is made anew.
    const session = await made.catch(() => undefined);
    if (session === undefined) return false;
    try {
      const { status } = await session.refresh();
      return status === "ready";
    } catch (error) {
      if (isGloveboxError(error, "not_found")) return false;
      throw error;
    }
  }

  /** Not with a call's signal, since other calls may wait for it, too. One that comes too late is closed by the disposal, which waits. */
  async #make(): Promise<Session> {
    return await this.#box.sessions.create({ metadata: METADATA, idleTimeoutMs: MCP_LIMITS.sandboxIdleMs });
  }

  /** Closes the sandbox, interrupting what runs in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const session = await this.#made?.catch(() => undefined);
    await session?.[Symbol.asyncDispose]();
  }
}

/**
 * A new sandbox for every call that names none: without sessions in the protocol nothing tells that two calls come from the same
 * user, and one must not find what another left. The answer names the sandbox, which ends when it is idle.
 */
export class LooseSandboxes implements Sandboxes {
  readonly #box: Glovebox;

  constructor(box: Glovebox) {
    this.#box = box;
  }

  /** Errors: `resource_exhausted` while too many are open. */
  async session(): Promise<Session> {
    const { items } = await this.#box.sessions.list({ metadata: LOOSE, status: ["starting", "ready", "paused"] });
    const taken = new Set(items.map(({ key }) => key));
    // Keys are unique among open sessions: calls at once cannot make more than there are keys.
    for (let at = 0; at < MCP_LIMITS.looseSandboxes; at += 1) {
      const key = `mcp-call-${at}`;
      const session = taken.has(key) ? undefined : await this.#tryToMake(key);
      if (session !== undefined) return session;
    }
    throw new GloveboxError(
      "resource_exhausted",
      `${MCP_LIMITS.looseSandboxes} sandboxes are open that earlier calls without a session left; name one of them as \`session\`, or wait until they end`,
    );
  }

  async #tryToMake(key: string): Promise<Session | undefined> {
    try {
      return await this.#box.sessions.create({ key, metadata: LOOSE, idleTimeoutMs: MCP_LIMITS.sandboxIdleMs });
    } catch (error) {
      if (isGloveboxError(error, "conflict")) return undefined;
      throw error;
    }
  }
}
