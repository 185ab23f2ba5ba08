import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A file's text, a symbolic link, or nothing: the file goes. */
export type UpstreamFile = string | { readonly link: string } | undefined;

export interface UpstreamRequest {
  readonly path: string;
  readonly authorization: string | undefined;
}

const ENV = {
  PATH: process.env.PATH ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
};

/** Real repositories with real commits, served by git's own `http-backend` on loopback. For tests. */
export class GitUpstream implements AsyncDisposable {
  readonly folder: string;
  readonly #server: Server;
  readonly requests: UpstreamRequest[] = [];
  /** What `Authorization` must be; without it, everybody may read. */
  authorization: string | undefined;
  /** Answers every request with this status instead. */
  failWith: number | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.#server = createServer((request, answer) => this.#serve(request, answer));
  }

  static async start(): Promise<GitUpstream> {
    const upstream = new GitUpstream(await mkdtemp(join(tmpdir(), "glovebox-upstream-")));
    await new Promise<void>((resolve) => upstream.#server.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** `owner/name` of a repository that was made by `commit`. */
  url(name: string): string {
    return `${this.origin}/${name}.git`;
  }

  /** Changes files on a branch (default `main`) and gives the new commit. The repository and the branch are made when they are not there. */
  async commit(
    name: string,
    files: Readonly<Record<string, UpstreamFile>>,
    options: { readonly branch?: string; readonly from?: string } = {},
  ): Promise<string> {
    const { branch = "main", from } = options;
    const work = join(this.folder, "work", name);
    const bare = join(this.folder, "served", `${name}.git`);
    if (
      !(await this.git(work, ["rev-parse", "--git-dir"]).then(
        () => true,
        () => false,
      ))
    ) {
      await mkdir(work, { recursive: true });
      await this.git(work, ["init", "--quiet", "--initial-branch=main"]);
      await this.git(work, ["init", "--quiet", "--bare", "--initial-branch=main", bare]);
      await this.git(bare, ["config", "uploadpack.allowFilter", "true"]);
    }
    if (from !== undefined) await this.git(work, ["checkout", "--quiet", "-B", branch, from]);
    else
      await this.git(work, ["checkout", "--quiet", branch]).catch(() =>
        this.git(work, ["checkout", "--quiet", "-b", branch]).catch(() => ""),
      );
    for (const [path, content] of Object.entries(files)) await put(join(work, path), content);
    await this.git(work, ["add", "--all"]);
    await this.git(work, ["commit", "--quiet", "--allow-empty", "-m", "Change"]);
    await this.git(work, ["push", "--quiet", "--force", bare, `HEAD:refs/heads/${branch}`]);
    return (await this.git(work, ["rev-parse", "HEAD"])).trim();
  }

  /** Runs git in the working copy of a repository, and brings a ref of it to what is served. */
  async publish(name: string, args: readonly string[], ref: string): Promise<string> {
    const work = join(this.folder, "work", name);
    await this.git(work, args);
    await this.git(work, ["push", "--quiet", "--force", join(this.folder, "served", `${name}.git`), ref]);
    return (await this.git(work, ["rev-parse", `${ref.split(":")[0]?.replace("+", "")}^{commit}`])).trim();
  }

  /** A commit with a file of its own and a submodule at `path`, whatever its URL. */
  async withSubmodule(
    name: string,
    module: { readonly path: string; readonly url: string; readonly commit: string },
  ): Promise<string> {
    const text = `[submodule "m"]\n\tpath = ${module.path}\n\turl = ${JSON.stringify(module.url)}\n`;
    await this.commit(name, { ".gitmodules": text, "own.txt": "own\n" });
    const work = join(this.folder, "work", name);
    await this.git(work, ["update-index", "--add", "--cacheinfo", `160000,${module.commit},${module.path}`]);
    await this.git(work, ["commit", "--quiet", "--allow-empty", "-m", "Add a submodule"]);
    return await this.publish(name, ["branch", "-f", "served"], "+served:refs/heads/main");
  }

  /** Takes pushes over HTTP too. */
  async takePushes(name: string): Promise<void> {
    await this.git(join(this.folder, "served", `${name}.git`), ["config", "http.receivepack", "true"]);
  }

  /** Makes a repository answer without `.git` in its URL too. */
  async alias(name: string): Promise<void> {
    const served = join(this.folder, "served", name);
    await symlink(`${served}.git`, served);
  }

  /** A commit of entries that git itself would not make: modes and names, all of the same content. */
  async commitRaw(name: string, entries: readonly (readonly [mode: string, name: string])[]): Promise<string> {
    await this.commit(name, { "README.md": "" });
    const bare = join(this.folder, "served", `${name}.git`);
    const blob = (await this.git(bare, ["hash-object", "-w", "--stdin"], "content\n")).trim();
    const id = Buffer.from(blob, "hex");
    const tree = Buffer.concat(entries.flatMap(([mode, entry]) => [Buffer.from(`${mode} ${entry}\0`), id]));
    const made = await this.git(bare, ["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], tree);
    const commit = (await this.git(bare, ["commit-tree", "-m", "Evil", made.trim()])).trim();
    await this.git(bare, ["update-ref", "refs/heads/evil", commit]);
    return commit;
  }

  /** Serves a repository as files alone, as a web server without git does, and gives the URL. */
  async dumb(name: string): Promise<string> {
    await this.git(join(this.folder, "served", `${name}.git`), ["update-server-info"]);
    return `${this.origin}/dumb/${name}.git`;
  }

  async git(cwd: string, args: readonly string[], input?: string | Buffer): Promise<string> {
    const child = spawn("git", args, { cwd, env: ENV, stdio: ["pipe", "pipe", "pipe"] });
    const parts: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on("data", (part: Buffer) => parts.push(part));
    child.stderr.on("data", (part: Buffer) => errors.push(part));
    child.stdin.on("error", () => {}); // most of them read nothing
    child.stdin.end(input ?? "");
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (code !== 0) throw new Error(`git ${args.join(" ")}: ${Buffer.concat(errors).toString()}`);
    return Buffer.concat(parts).toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
  }

  #serve(request: IncomingMessage, answer: ServerResponse): void {
    const { pathname, search } = new URL(request.url ?? "/", this.origin);
    const { authorization } = request.headers;
    this.requests.push({ path: pathname, authorization });
    if (this.failWith !== undefined) return void answer.writeHead(this.failWith).end();
    if (this.authorization !== undefined && authorization !== this.authorization) {
      return void answer.writeHead(401, { "www-authenticate": "Basic" }).end();
    }
    const root = join(this.folder, "served");
    const file = /^\/dumb(\/[\w./-]+)$/.exec(pathname)?.[1];
    if (file !== undefined) {
      const content = createReadStream(join(root, file));
      content.on("error", () => answer.writeHead(404).end());
      return void content.pipe(answer);
    }
    serveGit(request, answer, { root, pathname, search });
  }
}

/** CGI, as `git http-backend` has it. */
function serveGit(
  request: IncomingMessage,
  answer: ServerResponse,
  { root, pathname, search }: { root: string; pathname: string; search: string },
): void {
  const child = spawn("git", ["http-backend"], {
    env: {
      ...ENV,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  request.pipe(child.stdin);
  child.stdin.on("error", () => {});
  let head = Buffer.alloc(0);
  let isBody = false;
  child.stdout.on("data", (part: Buffer) => {
    if (isBody) return void answer.write(part);
    head = Buffer.concat([head, part]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return;
    isBody = true;
    let status = 200;
    for (const line of head.toString("latin1", 0, end).split("\r\n")) {
      const [name = "", value = ""] = line.split(/: ?(.*)/s);
      if (name.toLowerCase() === "status") status = Number.parseInt(value, 10);
      else answer.setHeader(name, value);
    }
    answer.writeHead(status);
    answer.write(head.subarray(end + 4));
  });
  child.stdout.on("end", () => answer.end());
}

async function put(path: string, content: UpstreamFile): Promise<void> {
  await rm(path, { recursive: true, force: true });
  if (content === undefined) return;
  await mkdir(dirname(path), { recursive: true });
  if (typeof content === "string") await writeFile(path, content);
  else await symlink(content.link, path);
}
