import { GloveboxError, type Template } from "../../core/index.ts";

export type Packages = Template["packages"];
export type Ecosystem = keyof Packages;

/**
 * An exact version, as each installer writes it. Nothing that an installer could take for an option, a path or an address: names begin with a letter
 * or digit. Sources: npm's package name rules, PEP 508 and 440, Cargo's manifest format, Debian Policy 5.6.1 and 5.6.12.
 */
const PINS: Readonly<Record<Ecosystem, { readonly form: RegExp; readonly example: string }>> = {
  node: {
    form: /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*@\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/,
    example: "lodash@4.17.21",
  },
  python: {
    form: /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9._, -]+\])?==[0-9][0-9A-Za-z.!+_-]*$/,
    example: "requests==2.32.3",
  },
  cargo: { form: /^[A-Za-z0-9][A-Za-z0-9_-]*@\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/, example: "serde@1.0.219" },
  apt: { form: /^[a-z0-9][a-z0-9+.-]+=(?:\d+:)?[0-9][0-9A-Za-z.+~-]*$/, example: "jq=1.6-2.1" },
};

export function isEmpty(packages: Packages): boolean {
  return Object.values(packages).every((list) => list.length === 0);
}

/** Errors: `invalid_argument` for what is not pinned, `not_supported_by_isolation` for crates, which need a cargo in the sandbox. */
export function checkPins(packages: Packages): void {
  for (const [ecosystem, list] of Object.entries(packages) as [Ecosystem, string[]][]) {
    const { form, example } = PINS[ecosystem];
    const wrong = list.findIndex((item) => item.length > 256 || !form.test(item));
    if (wrong < 0) continue;
    throw new GloveboxError(
      "invalid_argument",
      `'${list[wrong]}' does not name one version of one package, such as '${example}'`,
      { details: { path: `packages.${ecosystem}[${wrong}]` } },
    );
  }
  if (packages.cargo.length === 0) return;
  throw new GloveboxError(
    "not_supported_by_isolation",
    "crates cannot be installed yet: there is no cargo in the sandboxes of this version",
    { details: { path: "packages.cargo" } },
  );
}
