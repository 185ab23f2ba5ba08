"use strict";
/** How modules of the workspace are found and loaded: the template's resolver, and files read without a pause. */
const fs = require("node:fs");
const nodeModule = require("node:module");
const path = require("node:path");
const { fileURLToPath, pathToFileURL } = require("node:url");
const { strip } = require("./typescript.cjs");

/** Marks an import of REPL input, which has no file of its own to be relative to. */
const FROM_INPUT = "glovebox-input:";
const NOT_FOUND = new Set(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND", "ERR_UNSUPPORTED_DIR_IMPORT"]);

/** The entry file of the run, whose format is the template's to say: `{ url, format }`. */
let entry;
let installed = false;

function install(kernel) {
  if (installed) return;
  installed = true;
  const { workspace, options } = kernel;
  const {
    roots = ["."],
    extensions = [".js", ".mjs", ".ts"],
    allowAbsoluteRepoImports = false,
  } = options.resolver ?? {};
  const rootFolders = roots.map((root) => path.resolve(workspace, root));

  /** Files that `specifier` may mean, most exact first. */
  function candidates(specifier, parentURL) {
    const bases = [];
    if (/^\.{1,2}(\/|$)/.test(specifier)) {
      if (parentURL?.startsWith("file:")) bases.push(path.resolve(path.dirname(fileURLToPath(parentURL)), specifier));
    } else if (specifier.startsWith("file:")) bases.push(fileURLToPath(specifier));
    else if (specifier.startsWith("/")) {
      bases.push(allowAbsoluteRepoImports ? path.join(workspace, specifier) : specifier);
    } else if (/^[@\w]/.test(specifier)) bases.push(...rootFolders.map((root) => path.join(root, specifier)));
    return bases.flatMap((base) => [
      base,
      ...extensions.map((extension) => base + extension),
      ...extensions.map((extension) => path.join(base, `index${extension}`)),
    ]);
  }

  function find(specifier, parentURL) {
    return candidates(specifier, parentURL).find((file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile());
  }

  function resolve(asked, asking, nextResolve) {
    let specifier = asked;
    let context = asking;
    if (asked.startsWith(FROM_INPUT)) {
      specifier = asked.slice(FROM_INPUT.length);
      context = { ...asking, parentURL: `${pathToFileURL(process.cwd()).href}/input.mjs` };
    }
    if (allowAbsoluteRepoImports && specifier.startsWith("/") && !specifier.startsWith(`${workspace}/`)) {
      const file = find(specifier, context.parentURL);
      if (file !== undefined) return nextResolve(pathToFileURL(file).href, context);
    }
    try {
      return nextResolve(specifier, context);
    } catch (error) {
      if (!NOT_FOUND.has(error?.code)) throw error;
      const file = find(specifier, context.parentURL);
      if (file === undefined) throw error;
      return nextResolve(pathToFileURL(file).href, context);
    }
  }

  // Read at once and not in the background: then a file is evaluated in the turn that imports it, where SIGINT ends it.
  function load(url, context, nextLoad) {
    const isEntry = url === entry?.url;
    const isTypeScript = /^file:[^?]*\.[cm]?ts(\?|$)/.test(url) && !url.includes("/node_modules/");
    const isModule = url.startsWith("file:") && context.format === "module";
    if (!isEntry && !isTypeScript && !isModule) return nextLoad(url, context);
    let source = fs.readFileSync(fileURLToPath(url), "utf8").replace(/^#!/, "//");
    if (isTypeScript) source = strip(source);
    const format = isEntry ? entry.format : isTypeScript ? typeScriptFormat(url, source) : "module";
    if (isEntry && format === "commonjs" && options.strict) source = `"use strict";${source}`;
    return { format, source, shortCircuit: true };
  }

  nodeModule.registerHooks({ resolve, load });
}

/** What a TypeScript file that is imported is: its extension tells, else whether it has imports or exports. */
function typeScriptFormat(url, source) {
  if (/\.cts(\?|$)/.test(url)) return "commonjs";
  return /\.mts(\?|$)/.test(url) || /^\s*(import|export)\b/m.test(source) ? "module" : "commonjs";
}

/** For the entry file of a run: its format is the template's to say, not its folder's. */
function setEntry(url, format) {
  entry = url === undefined ? undefined : { url, format };
}

/** `require` as from a file in the folder where the kernel is. */
function requireFrom(kernel) {
  install(kernel);
  let folder;
  let made;
  const here = () => {
    const cwd = process.cwd();
    if (cwd !== folder) {
      folder = cwd;
      made = nodeModule.createRequire(path.join(cwd, "input.js"));
    }
    return made;
  };
  const require = (id) => here()(id);
  return Object.assign(require, {
    resolve: Object.assign((id, options) => here().resolve(id, options), { paths: (id) => here().resolve.paths(id) }),
    cache: nodeModule._cache,
    main: undefined,
  });
}

module.exports = { FROM_INPUT, install, requireFrom, setEntry };
