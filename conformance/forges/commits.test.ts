import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type BranchRequest,
  commitChanges,
  type FileChange,
  GitCache,
} from "../../packages/glovebox/src/forges/index.ts";
import { GitUpstream } from "../../packages/glovebox/src/forges/testing/git-upstream.ts";

const NAME = "acme/box";
const signal = AbortSignal.timeout(120_000);
const author = { name: "Ada", email: "ada@example.org" };
const base64 = (text: string) => Buffer.from(text).toString("base64");
const change = (path: string, text: string | null, mode?: FileChange["mode"]): FileChange => ({
  path,
  content: text === null ? null : base64(text),
  ...(mode !== undefined && { mode }),
});

let upstream: GitUpstream;
let folder: string;
let base: string;
beforeAll(async () => {
  upstream = await GitUpstream.start();
  folder = await mkdtemp(join(tmpdir(), "glovebox-commits-"));
  base = await upstream.commit(NAME, {
    "README.md": "one\n",
    "lib/a.txt": "a\n",
    "lib/b.txt": "b\n",
    "run.sh": "#!/bin/sh\n",
    out: { link: "lib" },
    // All of this is what must have no part in a commit.
    ".gitattributes": "* text eol=crlf filter=bad\n",
  });
  await upstream.takePushes(NAME);
  const work = join(upstream.folder, "work", NAME);
  await upstream.git(work, ["config", "filter.bad.clean", `touch ${folder}/filtered; cat`]);
  await upstream.git(work, ["config", "commit.gpgSign", "true"]);
  await upstream.git(work, ["config", "core.fsmonitor", `touch ${folder}/monitored; false`]);
  for (const hook of ["reference-transaction", "pre-commit", "post-commit", "pre-push", "post-index-change"]) {
    await writeFile(join(work, ".git/hooks", hook), `#!/bin/sh\ntouch ${folder}/hooked\n`, { mode: 0o755 });
  }
  // Behind a URL, it is the server's own matter; in a folder, it would run as us.
  await writeFile(join(served(), "hooks/post-update"), `#!/bin/sh\ntouch ${folder}/received\n`, { mode: 0o755 });
});
afterAll(async () => {
  await upstream[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const work = () => join(upstream.folder, "work", NAME);
const served = () => join(upstream.folder, "served", `${NAME}.git`);
const requestOf = (branch: string, changes: readonly FileChange[]): BranchRequest => ({
  ...{ base, changes, branch, author, signal, message: "Change\n\nfor a reason", dateMs: 1_700_000_000_999 },
});
const cloned = async () => ({
  git: await new GitCache(join(folder, "cache")).repository("box"),
  remote: { url: upstream.url(NAME) },
});
/** Everything below a folder, with contents and times: what a working copy is. */
const photograph = async (of: string) => {
  const names = (await readdir(of, { recursive: true })).filter(
    (name) => !/^\.git\/(objects|refs|logs)(\/|$)/.test(name),
  );
  return await Promise.all(
    names.sort().map(async (name) => [name, (await stat(join(of, name)).catch(() => undefined))?.mtimeMs]),
  );
};

describe.each([
  { where: "a folder", target: async () => work(), git: (args: readonly string[]) => upstream.git(work(), args) },
  { where: "a cached clone", target: cloned, git: (args: readonly string[]) => upstream.git(served(), args) },
  {
    where: "a cached clone of a folder",
    target: async () => ({ ...(await cloned()), remote: { url: served() } }),
    git: (args: readonly string[]) => upstream.git(served(), args),
  },
])("commits on a branch of $where", ({ where, target, git }) => {
  const name = (branch: string) => `glovebox/${where.replaceAll(" ", "-")}/${branch}`;

  test("has the date of its base where none is given", async () => {
    const { dateMs: _dated, ...request } = requestOf(name("dated"), [{ path: "dated.txt", content: "eA==" }]);
    const { commit } = await commitChanges(await target(), request);
    const dates = (await git(["log", "-2", "--format=%ct %at", commit])).trim().split("\n");
    const [ofBase] = (await git(["log", "-1", "--format=%ct", base])).trim().split("\n");
    expect(dates[0]).toBe(`${ofBase} ${ofBase}`);
  });

  test("the changes and nothing else, the same id each time, and no program of the repository has a part in it", async () => {
    await writeFile(join(work(), "README.md"), "being edited\n");
    await rm(join(folder, "received"), { force: true });
    const before = await photograph(work());
    const changes = [
      change("lib/new/c d.txt", "c\r\n$Id$\n"),
      change("README.md", "two\n"),
      change("lib/a.txt", null),
      change("run.sh", "#!/bin/sh\necho\n"),
      change("lib/b.txt", "b\n", "100755"),
    ];
    const request = requestOf(name("one"), changes);
    const { commit } = await commitChanges(await target(), request);
    expect(await commitChanges(await target(), request)).toEqual({ commit });
    expect((await git(["rev-parse", `refs/heads/${request.branch}`])).trim()).toBe(commit);
    const shown = await git([
      "show",
      "--no-textconv",
      "--raw",
      "--abbrev=4",
      "--format=%an <%ae> %ad %cd%n%B%P",
      "--date=raw",
      commit,
    ]);
    expect(shown.replaceAll(/ [0-9a-f]{4} [0-9a-f]{4} (?=[AMD])/g, " ")).toBe(
      `Ada <ada@example.org> 1700000000 +0000 1700000000 +0000\nChange\n\nfor a reason\n${base}\n
${[
  ":100644 100644 M\tREADME.md",
  ":100644 000000 D\tlib/a.txt",
  ":100644 100755 M\tlib/b.txt",
  ":000000 100644 A\tlib/new/c d.txt",
  ":100644 100644 M\trun.sh",
].join("\n")}\n`,
    );
    expect(await git(["cat-file", "blob", `${commit}:lib/new/c d.txt`])).toBe("c\r\n$Id$\n");
    expect(await photograph(work())).toEqual(before);
    expect(await readFile(join(work(), "README.md"), "utf8")).toBe("being edited\n");
    const received = where === "a cached clone" ? ["received"] : [];
    expect((await readdir(folder)).filter((file) => file !== "cache")).toEqual(received);
  });

  test("a branch that is not what it had to be stays what it is", async () => {
    const first = requestOf(name("two"), [change("x", "1")]);
    const { commit } = await commitChanges(await target(), first);
    const second = { ...requestOf(name("two"), [change("x", "2")]), base: commit };
    for (const previous of [undefined, base]) {
      const late = { ...second, ...(previous !== undefined && { previous }) };
      await expect(commitChanges(await target(), late)).rejects.toMatchObject({ code: "conflict" });
      expect((await git(["rev-parse", `refs/heads/${name("two")}`])).trim()).toBe(commit);
    }
    const next = await commitChanges(await target(), { ...second, previous: commit });
    expect((await git(["rev-parse", `refs/heads/${name("two")}`])).trim()).toBe(next.commit);
  });

  test("what is no file of a repository is refused, and no branch is made", async () => {
    const bad: readonly (readonly [string, readonly FileChange[]])[] = [
      ["invalid_argument", []],
      ["invalid_argument", [change("README.md", "one\n")]],
      ["invalid_argument", [change("nowhere", null)]],
      ["invalid_argument", [change("x", "1"), change("x", "2")]],
      ["invalid_argument", [{ path: "x", content: "not base64!" }]],
      // A link is no folder, a file neither, and a folder with files no file.
      ["invalid_argument", [change("out/x", "1")]],
      ["invalid_argument", [change("README.md/x", "1")]],
      ["invalid_argument", [change("lib", "1")]],
      ["invalid_argument", [change("y", "1"), change("y/z", "1")]],
      ...["", "/etc/passwd", "../x", "a/../x", "a/./x", "a//x", "a/", "a\0b", "a\nb", "a\\b", "\ud800"].map(
        (path) => ["invalid_path", [change(path, "1")]] as const,
      ),
      ...[".git/config", "a/.GIT/hooks/x", "git~1/x", ".g\u200cit/x", ".git", "sub/.git"].map(
        (path) => ["invalid_path", [change(path, "1")]] as const,
      ),
    ];
    for (const [code, changes] of bad) {
      const made = commitChanges(await target(), requestOf(name("three"), changes));
      await expect(made, JSON.stringify(changes)).rejects.toMatchObject({ code });
    }
    const good = requestOf(name("three"), [change("x", "1")]);
    for (const wrong of [
      { branch: "-x" },
      { branch: "HEAD" },
      { branch: "a..b" },
      { branch: "refs/heads/x" },
      { base: "main" },
      { message: " \n" },
      { author: { name: "Ada>\n", email: "x" } },
      { dateMs: Number.NaN },
    ]) {
      const made = commitChanges(await target(), { ...good, ...wrong });
      await expect(made, JSON.stringify(wrong)).rejects.toMatchObject({ code: "invalid_argument" });
    }
    const missing = commitChanges(await target(), { ...good, base: "1".repeat(40) });
    await expect(missing).rejects.toMatchObject({ code: "not_found" });
    expect(await git(["for-each-ref", `refs/heads/${name("three")}`])).toBe("");
    // A folder may become a file, when all that was in it goes.
    const changes = [change("lib/a.txt", null), change("lib/b.txt", null), change("lib", "a file")];
    const { commit } = await commitChanges(await target(), requestOf(name("four"), changes));
    expect((await git(["ls-tree", commit, "lib"])).split(" ")[1]).toBe("blob");
  });
});

test("whatever the changes are, the commit has them and all else as it was", async () => {
  const repository = work();
  const names = fc.constantFrom("a", "b", "lib", "c d", "ä", "README.md", "#x", "*", ":(top)z", '"q"');
  const paths = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.dictionary(paths, fc.string({ unit: "binary" }), { minKeys: 1, maxKeys: 4 }), async (files) => {
      const wanted = new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
      const changes = [...wanted].map(([path, content]) => ({ path, content: content.toString("base64") }));
      count += 1;
      const made = await commitChanges(repository, requestOf(`any/${count}`, changes)).catch((error: unknown) => error);
      if (made instanceof Error) return void expect(made).toMatchObject({ code: "invalid_argument" });
      const { commit } = made as { readonly commit: string };
      const listed = await upstream.git(repository, ["diff-tree", "-r", "-z", "--name-only", base, commit]);
      for (const path of listed.split("\0").filter((one) => one !== "")) expect([...wanted.keys()]).toContain(path);
      for (const [path, content] of wanted) {
        const id = (await upstream.git(repository, ["rev-parse", `${commit}:${path}`])).trim();
        expect(id).toBe((await upstream.git(repository, ["hash-object", "--no-filters", "--stdin"], content)).trim());
      }
    }),
    { numRuns: 20 },
  );
});

test("a branch that a working copy has checked out is not moved under it", async () => {
  const request = { ...requestOf("main", [change("x", "1")]), previous: base };
  await expect(commitChanges(work(), request)).rejects.toMatchObject({ code: "conflict" });
  await upstream.git(work(), ["worktree", "add", "--quiet", "-b", "elsewhere", join(folder, "linked"), base]);
  const there = { ...request, branch: "elsewhere" };
  await expect(commitChanges(work(), there)).rejects.toMatchObject({ code: "conflict" });
  // From a linked working copy the repository is the same one.
  const { commit } = await commitChanges(join(folder, "linked"), requestOf("from-linked", [change("x", "1")]));
  expect((await upstream.git(work(), ["rev-parse", "from-linked"])).trim()).toBe(commit);
  await expect(commitChanges(folder, request)).rejects.toMatchObject({ code: "not_found" });
  await expect(commitChanges("work", request)).rejects.toMatchObject({ code: "invalid_path" });
});

test("a remote that does not take the branch says so", async () => {
  const request = requestOf("refused", [change("x", "1")]);
  await upstream.commit("acme/readonly", { "README.md": "one\n" });
  const git = await new GitCache(join(folder, "cache-readonly")).repository("box");
  const remote = { url: upstream.url("acme/readonly") };
  const readonly = (await upstream.git(join(upstream.folder, "work/acme/readonly"), ["rev-parse", "HEAD"])).trim();
  await expect(commitChanges({ git, remote }, { ...request, base: readonly })).rejects.toMatchObject({
    code: "permission_denied",
  });
  await upstream.git(served(), ["config", "receive.denyCreates", "true"]);
  await writeFile(join(served(), "hooks/update"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  await expect(commitChanges(await cloned(), request)).rejects.toMatchObject({ code: "permission_denied" });
  await rm(join(served(), "hooks/update"));
});
