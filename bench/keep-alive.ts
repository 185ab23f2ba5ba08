import { Agent, request } from "node:http";

/**
 * One kept-alive connection through node:http. fetch() adds about 0.4 ms a request of its own, which would be most of
 * what a REPL round trip may take.
 */
export class KeepAlive implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #base: URL;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#base = new URL(url);
    this.#token = token;
  }

  send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const data = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers = {
      authorization: `Bearer ${this.#token}`,
      ...(data && { "content-type": "application/json", "content-length": data.length }),
    };
    return new Promise((done, fail) => {
      const { hostname, port } = this.#base;
      const out = request({ agent: this.#agent, hostname, port, path, method, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", fail);
        answer.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const status = answer.statusCode ?? 0;
          if (status >= 400) fail(new Error(`${method} ${path}: ${status} ${text.slice(0, 400)}`));
          else done((text === "" ? undefined : JSON.parse(text)) as T);
        });
      });
      out.on("error", fail);
      out.end(data);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
