import type { GitRemote } from "../forge.ts";

/** Settings of git that hold for every command here, whatever a repository or this machine say. */
const SETTINGS: readonly (readonly [string, string])[] = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.askPass", ""],
  ["credential.helper", ""],
  ["submodule.recurse", "false"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  // Every small fetch is one pack file, not a thousand loose ones.
  ["fetch.unpackLimit", "1"],
  // What is malformed, or tries to get into `.git`, is refused before it is in the cache …
  ["fetch.fsckObjects", "true"],
  ["receive.fsckObjects", "true"],
  // … except for what old versions of git wrote in good faith.
  ["fetch.fsck.zeroPaddedFilemode", "ignore"],
  ["fetch.fsck.missingSpaceBeforeDate", "ignore"],
  ["fetch.fsck.badTimezone", "ignore"],
  ["fetch.fsck.zeroPaddedDate", "ignore"],
  ["fetch.fsck.badFilemode", "ignore"],
  // A redirect elsewhere would be a request that nobody allowed.
  ["http.followRedirects", "false"],
  ["http.lowSpeedLimit", "1024"],
  ["http.lowSpeedTime", "60"],
  ["pack.threads", "2"],
  ["tar.umask", "0022"],
  // What some systems take for `.git` gets into no commit of ours. Their index is a file of ours alone, and they are the same whoever makes them.
  ["core.protectHFS", "true"],
  ["core.protectNTFS", "true"],
  ["core.splitIndex", "false"],
  ["core.untrackedCache", "false"],
  ["index.sparse", "false"],
  ["i18n.commitEncoding", "UTF-8"],
];

/** What is passed on from the server's own environment: how to get out, and whom to trust. */
const PASSED_ON = [
  ...["PATH", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"],
  ...["ALL_PROXY", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"],
];

/**
 * The environment of every git: no configuration but ours, no prompts, no protocols but those that were asked for. A credential is here and
 * nowhere else: not among the arguments, which everybody on the machine can read, nor on the disk.
 */
export function gitEnvironment(
  remote: GitRemote | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const settings: (readonly [string, string])[] = [...SETTINGS, ["protocol.allow", "never"]];
  for (const protocol of protocolsOf(remote)) settings.push([`protocol.${protocol}.allow`, "always"]);
  if (remote?.authorization !== undefined) {
    settings.push([`http.${new URL(remote.url).origin}/.extraHeader`, `Authorization: ${remote.authorization}`]);
  }
  const variables: Record<string, string> = {
    HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "/bin/false",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_CONFIG_COUNT: String(settings.length),
  };
  for (const name of PASSED_ON) {
    const value = env[name];
    if (value !== undefined) variables[name] = value;
  }
  for (const [at, [key, value]] of settings.entries()) {
    variables[`GIT_CONFIG_KEY_${at}`] = key;
    variables[`GIT_CONFIG_VALUE_${at}`] = value;
  }
  return variables;
}

function protocolsOf(remote: GitRemote | undefined): readonly string[] {
  if (remote === undefined) return [];
  return remote.url.startsWith("/") ? ["file"] : ["http", "https"];
}
