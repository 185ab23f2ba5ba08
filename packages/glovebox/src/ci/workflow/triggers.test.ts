import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compilePattern } from "./glob.ts";
import { matcher, matchesEvent, type TriggerEvent } from "./matches-event.ts";
import { parseWorkflow } from "./parse-workflow.ts";

/** Expectations about patterns: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet */
describe("filter patterns", () => {
  const BRANCHES: readonly (readonly [pattern: string, matches: readonly string[], not: readonly string[]])[] = [
    ["feature/*", ["feature/my-branch", "feature/your-branch"], ["feature/a/b", "feature"]],
    ["feature/**", ["feature/beta-a/my-branch", "feature/your-branch", "feature/mona/the/octocat"], ["features/x"]],
    ["main", ["main"], ["main2", "Main", "releases/main"]],
    ["releases/mona-the-octocat", ["releases/mona-the-octocat"], []],
    ["*", ["main", "releases"], ["all/the/branches"]],
    ["**", ["all/the/branches", "every/tag", ""], []],
    ["*feature", ["mona-feature", "feature", "ver-10-feature"], ["a/feature"]],
    ["v2*", ["v2", "v2.0", "v2.9"], ["v3"]],
    ["v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.1.0", "v1..0", "v1.0"]],
  ];
  const PATHS: typeof BRANCHES = [
    ["*", ["README.md", "server.rb"], ["docs/README.md"]],
    ["*.jsx?", ["page.js", "page.jsx"], ["page.jsxx", "a/page.js"]],
    ["**", ["all/the/files.md"], []],
    ["*.js", ["app.js", "index.js"], ["js/index.js"]],
    ["**.js", ["index.js", "js/index.js", "src/js/app.js"], ["index.jsx"]],
    ["docs/*", ["docs/README.md", "docs/file.txt"], ["docs/a/b.txt"]],
    ["docs/**", ["docs/README.md", "docs/mona/octocat.txt"], ["doc/x"]],
    ["docs/**/*.md", ["docs/README.md", "docs/mona/hello-world.md", "docs/a/markdown/file.md"], ["docs/a.txt"]],
    ["**/docs/**", ["docs/hello.md", "dir/docs/my-file.txt", "space/docs/plan/space.doc"], ["mydocs/x"]],
    ["**/README.md", ["README.md", "js/README.md"], ["xREADME.md"]],
    ["**/*src/**", ["a/src/app.js", "my-src/code/js/app.js"], ["source/x"]],
    ["**/*-post.md", ["my-post.md", "path/their-post.md"], ["post.md"]],
    ["**/migrate-*.sql", ["migrate-10909.sql", "db/migrate-v1.0.sql", "db/sept/migrate-v1.sql"], ["migrate.sql"]],
    ["[CB]at", ["Cat", "Bat"], ["cat", "CBat"]],
    ["[1-2]00", ["100", "200"], ["300"]],
    ["\\*\\[x\\]", ["*[x]"], ["a[x]"]],
  ];

  test.each([...BRANCHES, ...PATHS])("%s", (pattern, matches, not) => {
    const compiled = compilePattern(pattern);
    for (const name of matches) expect([name, compiled.matches(name)]).toEqual([name, true]);
    for (const name of not) expect([name, compiled.matches(name)]).toEqual([name, false]);
  });

  test("a later pattern takes back, or gives back, what an earlier one gave", () => {
    expect(matcher(["*.md", "!README.md"])("hello.md")).toBe(true);
    expect(matcher(["*.md", "!README.md"])("README.md")).toBe(false);
    expect(matcher(["*.md", "!README.md", "README*"])("README.doc")).toBe(true);
    expect(matcher(["releases/**", "!releases/**-alpha"])("releases/beta/3-alpha")).toBe(false);
    expect(matcher(["!main"])("develop")).toBe(false);
  });

  test.each(["?x", "+", "a**?b?+", "[", "[]", "[z-a]", "[a-Z]", "a\\", "x".repeat(1_025)])(
    "%s cannot be read",
    (pattern) => {
      expect(() => compilePattern(pattern)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    },
  );

  test("patterns do what the same regular expressions do, and hostile ones take no longer", () => {
    const piece = fc.constantFrom("a", "b", "/", "*", "**", "a?", "b+", "[ab]", "[a-c]+");
    const name = fc.string({ unit: fc.constantFrom("a", "b", "c", "/"), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), name, (pieces, text) => {
        const pattern = pieces.join("");
        fc.pre(!pattern.includes("***") && !/(^|\/)\*\*\//.test(pattern));
        const expression = pieces.map((each) => (each === "*" ? "[^/]*" : each === "**" ? ".*" : each)).join("");
        fc.pre(!/\*\*(?=\*)/.test(pattern) && !pieces.some((each, index) => each === "*" && pieces[index + 1] === "*"));
        expect(compilePattern(pattern).matches(text)).toBe(new RegExp(`^${expression}$`, "s").test(text));
      }),
      { numRuns: 2_000 },
    );
    expect(compilePattern("a+".repeat(400)).matches("a".repeat(5_000).concat("!"))).toBe(false);
    expect(compilePattern("**a".repeat(300)).matches("a".repeat(5_000).concat("!"))).toBe(false);
  });
});

function matches(on: string, event: Partial<TriggerEvent>): boolean {
  const { workflow, problems } = parseWorkflow({
    path: "w.yml",
    text: `on: ${on}\njobs: {a: {runs-on: x, steps: [{run: "true"}]}}\n`,
  });
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  return workflow !== undefined && matchesEvent(workflow, { name: "push", ref: "refs/heads/main", ...event });
}

/** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#on and the sections of each filter behind it */
describe("events", () => {
  test("a name, a list of names, or a mapping", () => {
    expect(matches("push", {})).toBe(true);
    expect(matches("push", { name: "fork" })).toBe(false);
    expect(matches("[push, fork]", { name: "fork" })).toBe(true);
    expect(matches("{push: , fork: }", { name: "fork" })).toBe(true);
    expect(matches("push", { name: "constructor" })).toBe(false);
  });

  // "By default, a workflow only runs when a pull_request event's activity type is opened, synchronize, or reopened."
  // https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request
  test.each(["pull_request", "pull_request_target"])("%s without types starts for three of them", (name) => {
    const types = ["opened", "synchronize", "reopened", "closed", "labeled", "edited"];
    expect(types.filter((action) => matches(name, { name, action, baseRef: "main" }))).toEqual([
      "opened",
      "synchronize",
      "reopened",
    ]);
  });

  test("named types stand in the place of the default ones; other events take any type", () => {
    expect(matches("{pull_request: {types: [labeled]}}", { name: "pull_request", action: "labeled" })).toBe(true);
    expect(matches("{pull_request: {types: [labeled]}}", { name: "pull_request", action: "opened" })).toBe(false);
    expect(matches("issues", { name: "issues", action: "pinned" })).toBe(true);
    expect(matches("{repository_dispatch: {types: [deploy]}}", { name: "repository_dispatch", action: "deploy" })).toBe(
      true,
    );
    expect(matches("{repository_dispatch: {types: [deploy]}}", { name: "repository_dispatch", action: "other" })).toBe(
      false,
    );
  });

  // "If you define only tags/tags-ignore or only branches/branches-ignore, the workflow won't run for events affecting the undefined Git ref."
  test.each([
    ["{push: {branches: [main]}}", "refs/heads/main", true],
    ["{push: {branches: [main]}}", "refs/heads/dev", false],
    ["{push: {branches: [main]}}", "refs/tags/v1", false],
    ["{push: {tags: [v1.*]}}", "refs/tags/v1.2", true],
    ["{push: {tags: [v1.*]}}", "refs/tags/v2", false],
    ["{push: {tags: [v1.*]}}", "refs/heads/main", false],
    ["{push: {branches: [main], tags: [v1]}}", "refs/tags/v1", true],
    ["{push: {branches: [main], tags: [v1]}}", "refs/heads/main", true],
    ["push", "refs/tags/v1", true],
    ["{push: {branches-ignore: ['mona/**', '**-alpha']}}", "refs/heads/main", true],
    ["{push: {branches-ignore: ['mona/**', '**-alpha']}}", "refs/heads/mona/x", false],
    ["{push: {branches-ignore: ['mona/**', '**-alpha']}}", "refs/heads/beta/3-alpha", false],
    ["{push: {branches-ignore: [x]}}", "refs/tags/v1", false],
    ["{push: {tags-ignore: [v2]}}", "refs/tags/v1", true],
    ["{push: {tags-ignore: [v2]}}", "refs/tags/v2", false],
    ["{push: {branches: ['releases/**', '!releases/**-alpha']}}", "refs/heads/releases/10", true],
    ["{push: {branches: ['releases/**', '!releases/**-alpha']}}", "refs/heads/releases/10-alpha", false],
  ])("%s on %s: %s", (on, ref, expected) => {
    expect(matches(on, { ref })).toBe(expected);
  });

  test("a pull request's branch filter asks for the branch that it is to be merged into", () => {
    const request = { name: "pull_request", action: "opened", ref: "refs/pull/1/merge" };
    expect(matches("{pull_request: {branches: [main]}}", { ...request, baseRef: "main" })).toBe(true);
    expect(matches("{pull_request: {branches: [main]}}", { ...request, baseRef: "refs/heads/dev" })).toBe(false);
    expect(matches("{pull_request: {branches-ignore: [main]}}", { ...request, baseRef: "main" })).toBe(false);
  });

  // "When all the path names match patterns in paths-ignore, the workflow will not run."
  // https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#onpushpull_requestpull_request_targetpathspaths-ignore
  test.each([
    ["{push: {paths: ['**.js']}}", ["README.md", "src/a.js"], true],
    ["{push: {paths: ['**.js']}}", ["README.md"], false],
    ["{push: {paths: ['**.js']}}", undefined, true],
    ["{push: {paths-ignore: ['docs/**']}}", ["docs/a.md", "docs/b.md"], false],
    ["{push: {paths-ignore: ['docs/**']}}", ["docs/a.md", "src/b.md"], true],
    ["{push: {paths: ['sub-project/**', '!sub-project/docs/**']}}", ["sub-project/docs/readme.md"], false],
    [
      "{push: {paths: ['sub-project/**', '!sub-project/docs/**']}}",
      ["sub-project/index.js", "sub-project/docs/readme.md"],
      true,
    ],
    ["{push: {branches: [dev], paths: ['**']}}", ["a"], false],
  ])("%s with %j: %s", (on, changedFiles, expected) => {
    expect(matches(on, changedFiles === undefined ? {} : { changedFiles })).toBe(expected);
  });

  test("filters on paths are not asked for tags", () => {
    expect(matches("{push: {paths: [never]}}", { ref: "refs/tags/v1", changedFiles: ["a"] })).toBe(true);
  });

  test("workflow_run asks for the name of the workflow", () => {
    const on = "{workflow_run: {workflows: [Build], types: [completed]}}";
    expect(matches(on, { name: "workflow_run", action: "completed", workflow: "Build" })).toBe(true);
    expect(matches(on, { name: "workflow_run", action: "completed", workflow: "Other" })).toBe(false);
    expect(matches(on, { name: "workflow_run", action: "requested", workflow: "Build" })).toBe(false);
  });
});
