import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execute } from "./execute.ts";

/** What an origin was asked, as it arrived. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/**
 * A real web server on this machine's loopback: a page, an echo, a git repository over HTTP, and registries with one package each: npm's `tiny-mitten`,
 * Python's `tiny-scarf` (under `/simple/`) and Debian's `tiny-hat` (a flat repository under `/debian/`).
 */
export interface Origin extends AsyncDisposable {
  readonly port: number;
  readonly asked: readonly Asked[];
}

export async function startOrigin(address = "127.0.0.1"): Promise<Origin> {
  const folder = mkdtempSync(join(tmpdir(), "glovebox-origin-"));
  await makeRepository(folder);
  const served = new Map<string, Buffer>([
    ["/tiny-mitten-1.0.0.tgz", await makePackage(folder)],
    [`/files/${WHEEL}`, await makeWheel(folder)],
    ["/simple/tiny-scarf/", Buffer.from(`<!doctype html><a href="/files/${WHEEL}">${WHEEL}</a>`)],
    ...(await makeDebian(folder)),
  ]);
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void answer({ request, response, folder, served, asked }).catch(() => response.destroy());
  });
  server.listen(0, address);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly folder: string;
  readonly served: ReadonlyMap<string, Buffer>;
  readonly asked: Asked[];
}

async function answer({ request, response, folder, served, asked }: Call): Promise<void> {
  const { method = "", url = "", headers } = request;
  if (url.startsWith("/git/")) return serveGit(request, response, folder);
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts).toString("utf8");
  asked.push({ method, url, headers, body });
  if (url === "/hello") return void response.end("hello from outside\n");
  if (url.startsWith("/echo")) {
    response.setHeader("content-type", "application/json");
    return void response.end(JSON.stringify({ method, url, headers, body }));
  }
  if (url.startsWith("/redirect?to=")) {
    response.writeHead(302, { location: decodeURIComponent(url.slice("/redirect?to=".length)) });
    return void response.end();
  }
  if (url === "/tiny-mitten")
    return void response.end(JSON.stringify(packument(request, served.get("/tiny-mitten-1.0.0.tgz"))));
  const file = served.get(url);
  if (file !== undefined) {
    if (url.endsWith("/")) response.setHeader("content-type", "text/html");
    return void response.end(file);
  }
  response.writeHead(404);
  response.end();
}

function packument({ headers }: IncomingMessage, tarball: Buffer = Buffer.alloc(0)): object {
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const dist = { tarball: `http://${headers.host}/tiny-mitten-1.0.0.tgz`, integrity };
  const version = { name: "tiny-mitten", version: "1.0.0", main: "index.js", dist };
  return { name: "tiny-mitten", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } };
}

/** git's own server, as a CGI program. */
function serveGit(request: IncomingMessage, response: ServerResponse, folder: string): void {
  const { pathname, search } = new URL(request.url ?? "", "http://origin");
  const child = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname.slice("/git".length),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      ...(request.headers["content-encoding"] !== undefined && {
        HTTP_CONTENT_ENCODING: request.headers["content-encoding"],
      }),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdin.on("error", () => {});
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  child.stdout.on("data", (part: Buffer) => {
    if (response.headersSent) return void response.write(part);
    head = Buffer.concat([head, part]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    for (const line of head.subarray(0, end).toString("latin1").split("\r\n")) {
      const [name = "", value = ""] = line.split(/:\s*/, 2);
      if (name.toLowerCase() === "status") response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.write(head.subarray(end + 4));
  });
  child.stdout.on("end", () => response.end());
}

async function makeRepository(folder: string): Promise<void> {
  const script = `set -e; git init -q work; cd work; echo 'from afar' > README; git add .
git -c user.name=t -c user.email=t@example.org commit -qm first; cd ..; git clone -q --bare work repo.git; rm -rf work`;
  await execute(["sh", "-c", script], { cwd: folder });
}

async function makePackage(folder: string): Promise<Buffer> {
  const script = `mkdir package; printf '%s' '{"name":"tiny-mitten","version":"1.0.0","main":"index.js"}' > package/package.json
printf 'module.exports = () => "warm";' > package/index.js; tar -czf - package; rm -r package`;
  return execute(["sh", "-c", script], { cwd: folder });
}

const WHEEL = "tiny_scarf-1.0.0-py3-none-any.whl";

/** A wheel is a zip file with the module and what describes it. Source: PEP 427. */
async function makeWheel(folder: string): Promise<Buffer> {
  const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("tiny_scarf.py", "def wear(): return 'cosy'\\n")
    info = "tiny_scarf-1.0.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: tiny-scarf\\nVersion: 1.0.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "tiny_scarf.py,,\\n%sMETADATA,,\\n%sWHEEL,,\\n%sRECORD,,\\n" % (info, info, info))`;
  await execute(["python3", "-c", script, WHEEL], { cwd: folder });
  return readFile(join(folder, WHEEL));
}

const DEB = "tiny-hat_1.0_all.deb";

/** A flat repository. Source: sources.list(5) and the repository format in Debian's wiki. */
async function makeDebian(folder: string): Promise<[string, Buffer][]> {
  const control =
    "Package: tiny-hat\nVersion: 1.0\nArchitecture: all\nMaintainer: test <test@example.org>\nDescription: a hat\n";
  const script = `set -e; mkdir -p hat/DEBIAN hat/usr/bin; printf '%s' "$1" > hat/DEBIAN/control
printf '#!/bin/sh\\necho on the head\\n' > hat/usr/bin/tiny-hat; chmod 755 hat/usr/bin/tiny-hat; dpkg-deb --root-owner-group -b hat "$2" >&2; rm -r hat`;
  await execute(["sh", "-c", script, "sh", control, DEB], { cwd: folder });
  const deb = await readFile(join(folder, DEB));
  const sum = createHash("sha256").update(deb).digest("hex");
  const list = Buffer.from(`${control}Filename: ./${DEB}\nSize: ${deb.length}\nSHA256: ${sum}\n\n`);
  return [
    ["/debian/./Packages", list],
    ["/debian/Packages", list],
    [`/debian/./${DEB}`, deb],
    [`/debian/${DEB}`, deb],
  ];
}
