import { chown, type FileHandle, open } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { GATE_NAME } from "./places.ts";

/** As in `native/gvisor-host.c`. */
const OPEN_WORD = "g";

/**
 * Where a restoring runsc waits for its checkpoint: a socket that only that sandbox's runsc can reach. Who waits goes on when the gate is opened, and
 * ends when it is closed or this process is gone.
 */
export class Gate {
  /** Resolves when runsc has come to it. */
  readonly reached: Promise<void>;
  readonly #server: Server;
  #waiting: Socket | undefined;
  #isOpen = false;

  private constructor(folder: FileHandle, server: Server) {
    this.#server = server;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.reached = promise;
    server.once("connection", (socket: Socket) => {
      server.close();
      socket.unref().resume();
      socket.on("error", () => socket.destroy());
      this.#waiting = socket;
      if (this.#isOpen) socket.end(OPEN_WORD);
      resolve();
    });
    // Closing removes the socket by its path, which leads through the folder's handle.
    server.once("close", () => void folder.close().catch(() => {}));
  }

  /** Makes one in a folder, for a uid of the host. Errors: those of the file system. */
  static async make(dir: string, uid: number): Promise<Gate> {
    const folder = await open(dir, "r");
    const server = createServer();
    try {
      // A short path, however long the folder's is, and the right one after the run folder was renamed.
      const path = `/proc/self/fd/${folder.fd}/${GATE_NAME}`;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server.on("error", reject);
      server.listen(path, resolve);
      await promise;
      server.unref();
      await chown(path, uid, uid);
      return new Gate(folder, server);
    } catch (error) {
      server.close();
      await folder.close();
      throw error;
    }
  }

  /** Lets runsc go on, now or when it comes. */
  open(): void {
    this.#isOpen = true;
    this.#waiting?.end(OPEN_WORD);
  }

  /** For good: runsc ends, now or when it comes, unless it was let through. */
  close(): void {
    if (this.#server.listening) this.#server.close();
    this.#waiting?.destroy();
  }
}
