import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FirecrackerApi } from "./api-client.ts";
import type { MachineConfig, SnapshotLoad } from "./api-types.ts";
import { ApiDescription } from "./testdata/api-description.ts";
import { loadDescription } from "./testdata/load-description.ts";
import { StandInApi, type StandInMachine } from "./testdata/stand-in-api.ts";

const description = new ApiDescription(loadDescription());
let folder: string;
let servers: { close(): unknown }[];
let sockets: Socket[];
const done: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-firecracker-"));
  servers = [];
  sockets = [];
  done.length = 0;
});
afterEach(async () => {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
  await rm(folder, { recursive: true, force: true });
});

const note = (what: string) => async () => {
  done.push(what);
};
const machine = (): StandInMachine => ({
  pathOf: (path) => join(folder, path),
  start: note("start"),
  pause: note("pause"),
  resume: note("resume"),
  save: note("save"),
  load: note("load"),
});

async function standIn(): Promise<{ api: FirecrackerApi; server: StandInApi }> {
  const server = new StandInApi(description, "test-machine", machine());
  const path = join(folder, `api-${servers.length}.sock`);
  servers.push(await server.listen(path));
  return { api: clientAt(path), server };
}

function clientAt(path: string): FirecrackerApi {
  return new FirecrackerApi((use) => use(path));
}

const CONFIG: MachineConfig = { vcpu_count: 2, mem_size_mib: 256, smt: false, track_dirty_pages: false };
const SAVED = { snapshot_type: "Full", snapshot_path: "/state", mem_file_path: "/memory" } as const;
const LOAD: SnapshotLoad = {
  snapshot_path: "/state",
  mem_backend: { backend_type: "File", backend_path: "/memory" },
  track_dirty_pages: false,
  resume_vm: true,
};

async function files(...names: string[]): Promise<void> {
  for (const name of names) await writeFile(join(folder, name), name);
}

async function configure(api: FirecrackerApi): Promise<void> {
  await api.setLogger({ log_path: "/log", level: "Warning" });
  await api.setMetrics({ metrics_path: "/metrics" });
  await api.setMachine(CONFIG);
  await api.setBootSource({ kernel_image_path: "/kernel", initrd_path: "/initramfs", boot_args: "quiet" });
  await api.addDrive({
    drive_id: "root",
    path_on_host: "/root",
    is_root_device: false,
    is_read_only: true,
    cache_type: "Unsafe",
  });
  await api.setVsock({ guest_cid: 3, uds_path: "/agent.sock" });
  await api.addEntropy();
}

describe("every request fits the published description", () => {
  test("from the first to a snapshot", async () => {
    await files("log", "metrics", "kernel", "initramfs", "root");
    const { api, server } = await standIn();
    expect(await api.version()).toBe("0.0.0-stand-in");
    expect(await api.describe()).toEqual({ id: "test-machine", state: "Not started", vmm_version: "0.0.0" });
    await configure(api);
    await api.act("InstanceStart");
    await api.act("FlushMetrics");
    expect((await api.describe()).state).toBe("Running");
    await api.setState("Paused");
    await api.setState("Paused");
    await api.createSnapshot(SAVED);
    await api.setState("Resumed");
    expect(done).toEqual(["start", "pause", "save", "resume"]);
    expect(server.requests.every(({ status }) => status < 300)).toBe(true);
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /version",
      "GET /",
      "PUT /logger",
      "PUT /metrics",
      "PUT /machine-config",
      "PUT /boot-source",
      "PUT /drives/root",
      "PUT /vsock",
      "PUT /entropy",
      "PUT /actions",
      "PUT /actions",
      "GET /",
      "PATCH /vm",
      "PATCH /vm",
      "PUT /snapshot/create",
      "PATCH /vm",
    ]);
  });

  test("and a machine that goes on from one", async () => {
    await files("state", "memory", "log");
    const { api } = await standIn();
    await api.setLogger({ log_path: "/log", level: "Warning" });
    await api.loadSnapshot(LOAD);
    expect(done).toEqual(["load", "resume"]);
    expect((await api.describe()).state).toBe("Running");
  });

  test("the description is the one that the types were written from", () => {
    expect(description.version).toBe("1.17.0-dev");
  });
});

describe("what Firecracker refuses is said with its reason", () => {
  const refusals: [string, (api: FirecrackerApi) => Promise<unknown>, RegExp][] = [
    ["an odd number of processors", (api) => api.setMachine({ ...CONFIG, vcpu_count: 3 }), /vCPU number/],
    ["more processors than there can be", (api) => api.setMachine({ ...CONFIG, vcpu_count: 34 }), /more than 32/],
    ["a part of an integer", (api) => api.setMachine({ ...CONFIG, mem_size_mib: 1.5 }), /no integer/],
    ["what the description does not know", (api) => api.setMachine({ ...CONFIG, more: 1 } as never), /more, which/],
    ["what lacks something", (api) => api.setMachine({ vcpu_count: 1 } as never), /lacks mem_size_mib/],
    ["a word that is none", (api) => api.act("Halt" as never), /none of/],
    ["a context id of the host", (api) => api.setVsock({ guest_cid: 2, uds_path: "/v" }), /less than 3/],
    ["a file that is not there", (api) => api.setLogger({ log_path: "/none", level: "Off" }), /ENOENT/],
    ["a start without a kernel", (api) => api.act("InstanceStart"), /without kernel/],
    ["a pause before the start", (api) => api.setState("Paused"), /before starting/],
    ["a snapshot before the start", (api) => api.createSnapshot(SAVED), /before starting/],
  ];
  for (const [what, ask, why] of refusals) {
    test(what, async () => {
      const { api } = await standIn();
      const refusal = await ask(api).catch((error: unknown) => error);
      expect(refusal).toMatchObject({
        code: "internal",
        message: expect.stringMatching(why),
        details: { status: 400 },
      });
    });
  }

  test("requests that come too late, or in the wrong order", async () => {
    await files("log", "metrics", "kernel", "initramfs", "root", "state", "memory");
    const { api } = await standIn();
    await configure(api);
    await expect(api.loadSnapshot(LOAD)).rejects.toThrow(/not allowed after configuring/);
    await api.act("InstanceStart");
    await expect(
      api.setBootSource({ kernel_image_path: "/kernel", initrd_path: "/root", boot_args: "" }),
    ).rejects.toThrow(/after starting/);
    await expect(api.act("InstanceStart")).rejects.toThrow(/after starting/);
    await expect(api.createSnapshot(SAVED)).rejects.toThrow(/not paused/);
    expect(done).toEqual(["start"]);
  });
});

/** A server that answers every connection with the same bytes, and then goes on as it is told. */
async function answering(
  bytes: string,
  then: (socket: Socket) => void = (socket) => socket.end(),
): Promise<FirecrackerApi> {
  const path = join(folder, `lie-${servers.length}.sock`);
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(bytes);
      then(socket);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return clientAt(path);
}

const answer = (status: string, body: string) =>
  `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

describe("an API socket that is not what it should be", () => {
  test("is not there", async () => {
    await expect(clientAt(join(folder, "none")).version()).rejects.toMatchObject({ code: "unavailable" });
  });

  test("never answers, or not to the end", async () => {
    const hangs = await answering("", () => {});
    await expect(hangs.version({ timeoutMs: 50 })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("50 ms"),
    });
    const halfway = await answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", () => {});
    await expect(halfway.version({ timeoutMs: 50 })).rejects.toMatchObject({ code: "unavailable" });
  });

  test("is left when the caller wants no more", async () => {
    const api = await answering("", () => {});
    const wish = new AbortController();
    const asked = api.act("InstanceStart", { signal: wish.signal });
    wish.abort();
    await expect(asked).rejects.toMatchObject({ code: "cancelled" });
    await expect(api.version({ signal: wish.signal })).rejects.toMatchObject({ code: "cancelled" });
  });

  test("dies before or in the middle of an answer", async () => {
    const dies = await answering("", (socket) => socket.destroy());
    await expect(dies.act("InstanceStart")).rejects.toMatchObject({ code: "unavailable" });
    const middle = await answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", (socket) => socket.destroy());
    await expect(middle.version()).rejects.toMatchObject({ code: "unavailable" });
  });

  test("floods: with headers, with a body, with a body without an end", async () => {
    const headers = await answering(`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(5_000)}\r\n`);
    await expect(headers.version()).rejects.toMatchObject({ code: "unavailable" });
    const body = await answering(answer("200 OK", "x".repeat(70_000)));
    await expect(body.version()).rejects.toMatchObject({ code: "internal" });
    const endless = await answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", (socket) => {
      const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
      const more = () => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on("drain", more);
      more();
    });
    await expect(endless.version()).rejects.toMatchObject({ code: "internal" });
  });

  test("lies", async () => {
    const lies: [string, (api: FirecrackerApi) => Promise<unknown>][] = [
      [answer("200 OK", "not json"), (api) => api.version()],
      [answer("200 OK", "[]"), (api) => api.version()],
      [answer("200 OK", '{"firecracker_version":7}'), (api) => api.version()],
      [answer("200 OK", '{"firecracker_version":"1 \\u001b[31m"}'), (api) => api.version()],
      [answer("200 OK", '{"id":"a","state":"Flying","vmm_version":"1"}'), (api) => api.describe()],
      [answer("200 OK", "{}"), (api) => api.setState("Paused")],
      [answer("500 Oh", '{"fault_message":{}}'), (api) => api.setState("Paused")],
    ];
    for (const [bytes, ask] of lies) {
      await expect(ask(await answering(bytes))).rejects.toMatchObject({ code: "internal" });
    }
    await expect((await answering("SSH-2.0-x\r\n")).version()).rejects.toMatchObject({ code: "unavailable" });
  });

  test("says why in printable words, and not many", async () => {
    const api = await answering(
      answer("400 Bad", JSON.stringify({ fault_message: `\u001b[31m${"no ".repeat(1_000)}` })),
    );
    const { message } = (await api.act("InstanceStart").catch((error: Error) => error as Error)) as Error;
    expect(message).toMatch(/^Firecracker refuses PUT \/actions \(400\): {1,2}\[31mno no/);
    expect(message.length).toBeLessThan(400);
  });
});
