import { type Execution, type ExecutionInput, GloveboxError, type Language } from "../../core/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { checkPins, type Ecosystem } from "./pins.ts";
import { findRegistries, type RegistrySettings } from "./registries.ts";

const ECOSYSTEMS: Partial<Record<Language, Ecosystem>> = { python: "python", javascript: "node", typescript: "node" };

/** The user's own folders: Python and Node look into them by themselves. */
const SCRIPTS: Readonly<Record<"python" | "node", string>> = {
  python: `index=$1; trusted=$2; shift 2
exec python3 -m pip install --user --no-input --disable-pip-version-check --no-cache-dir --no-warn-script-location \\
  --index-url "$index" \${trusted:+--trusted-host "$trusted"} "$@"`,
  node: `registry=$1; shift 2
exec npm install --prefix /workspace --registry "$registry" --cache /tmp/.npm --no-audit --no-fund --no-update-notifier --no-save "$@"`,
};

interface Parts {
  readonly session: LiveSession;
  readonly language: Language | undefined;
  readonly requirements: readonly string[];
  readonly registries: RegistrySettings;
  /** Runs the installer as an execution of the session's own, to be read like any other. */
  readonly run: (input: ExecutionInput) => Promise<Execution>;
}

/**
 * Installs what an execution asks for and the session lacks, through the session's own network. Errors: `invalid_argument`, `unavailable` with the
 * installer's execution when it fails.
 */
export async function installRequirements({ session, language, requirements, registries, run }: Parts): Promise<void> {
  const ecosystem = language === undefined ? undefined : ECOSYSTEMS[language];
  if (ecosystem !== "python" && ecosystem !== "node")
    throw invalid(`there are no requirements for ${language ?? "a command"}`);
  if (session.template.network.mode === "none")
    throw invalid("requirements come by the network, and the session has none");
  checkPins({ apt: [], cargo: [], python: [], node: [], [ecosystem]: [...requirements] });
  const missing = requirements.filter((pin) => !session.installed.has(`${ecosystem} ${pin}`));
  if (missing.length === 0) return;
  const found = await findRegistries(
    { apt: [], cargo: [], python: [], node: [], [ecosystem]: [...missing] },
    registries,
  );
  const url = found[ecosystem]?.url ?? "";
  const trusted = url.startsWith("http:") ? new URL(url).host : "";
  const { id, status, exitCode } = await run({
    kind: "command",
    argv: ["/bin/bash", "-c", SCRIPTS[ecosystem], "requirements", url, trusted, ...missing],
    // Debian marks its Python as managed by others; in a sandbox nobody else does.
    env: { PIP_BREAK_SYSTEM_PACKAGES: "1" },
    stdin: "",
    // Beside the session's turn, which the asker takes only after it, and for as long as the registry takes: installers give up by themselves.
    background: true,
  });
  if (status !== "ok") {
    throw new GloveboxError("unavailable", "the requirements could not be installed: the execution named tells why", {
      details: { executionId: id, status, ...(exitCode !== undefined && { exitCode }) },
    });
  }
  for (const pin of missing) session.installed.add(`${ecosystem} ${pin}`);
}

function invalid(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details: { path: "requirements" } });
}
