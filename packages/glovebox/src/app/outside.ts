import { readFile } from "node:fs/promises";
import type { Config } from "../config/index.ts";
import { type AuditSink, type Logger, type Outside, systemClock } from "../core/index.ts";
import { createEgress, parseNetworkRules, type Secrets } from "../governance/index.ts";
import type { PackageSettings } from "../sessions/index.ts";

/** The way out for sandboxes: the proxy as configured, over the audit log and the secrets. */
export async function openOutside(parts: {
  readonly config: Config;
  readonly audit: AuditSink;
  readonly secrets: Secrets;
  readonly logger: Logger;
}): Promise<Outside & AsyncDisposable> {
  const { audit, secrets, logger } = parts;
  const { permitAddresses, nameServers, authoritiesFile } = parts.config.egress;
  const egress = createEgress({
    audit,
    logger,
    clock: systemClock,
    authorities: secrets.authorities,
    permitAddresses,
    ...(nameServers.length > 0 && { nameServers }),
    ...(authoritiesFile !== undefined && { trustedAuthorities: [await readFile(authoritiesFile, "utf8")] }),
  });
  return {
    egress,
    checkNetwork: (network) => void parseNetworkRules(network),
    bindSecrets: (tenantId, names) => secrets.bind(tenantId, names),
    [Symbol.asyncDispose]: () => egress[Symbol.asyncDispose](),
  };
}

/** Where packages come from. What is not set stays as this machine's installers say. */
export async function packageSettings(config: Config["packages"]): Promise<PackageSettings> {
  const { node, python, pythonFiles, aptSourcesFile, maxMb } = config;
  return {
    maxMb,
    registries: {
      pythonFiles,
      ...(node !== undefined && { node }),
      ...(python !== undefined && { python }),
      ...(aptSourcesFile !== undefined && { apt: await readFile(aptSourcesFile, "utf8") }),
    },
  };
}
