interface WithEnvironment {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> };
  readonly Deno?: { readonly env?: { get(name: string): string | undefined } };
}

/** An environment variable where there is an environment (Node, Bun, Deno with permission), else `undefined`. */
export function environmentVariable(name: string): string | undefined {
  const host = globalThis as unknown as WithEnvironment;
  try {
    const value = host.process?.env?.[name] ?? host.Deno?.env?.get(name);
    return value === "" ? undefined : value;
  } catch {
    return undefined; // Deno without --allow-env
  }
}
