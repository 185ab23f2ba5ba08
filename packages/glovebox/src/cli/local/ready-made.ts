import { GloveboxError, type Isolation, type Language } from "../../core/index.ts";

/** The ready-made templates, as far as they matter without a server. */
const READY_MADE: Readonly<Record<string, { readonly isolation: Isolation; readonly languages: readonly Language[] }>> =
  {
    python: { isolation: "bubblewrap", languages: ["python", "bash"] },
    node: { isolation: "bubblewrap", languages: ["javascript", "typescript", "bash"] },
    bash: { isolation: "bubblewrap", languages: ["bash"] },
    rust: { isolation: "bubblewrap", languages: ["rust", "bash"] },
    ci: { isolation: "bubblewrap", languages: ["bash", "python", "javascript", "typescript"] },
    gvisor: { isolation: "gvisor", languages: ["python", "javascript", "typescript", "bash", "rust"] },
    microvm: { isolation: "microvm", languages: ["python", "javascript", "typescript", "bash"] },
    firecracker: { isolation: "firecracker", languages: ["python", "javascript", "typescript", "bash"] },
    "js-isolate": { isolation: "isolate", languages: ["javascript", "typescript"] },
  };

export interface LocalChoice {
  readonly isolation: Isolation;
  /** Those of the template; none when no template was named. */
  readonly languages: readonly Language[];
}

/** What a sandbox without a server is made of. Errors: `not_found` for a template that only a server can have. */
export function localChoice(asked: {
  readonly isolation?: Isolation | undefined;
  readonly template?: string | undefined;
}): LocalChoice {
  const { isolation, template } = asked;
  if (template === undefined) return { isolation: isolation ?? "bubblewrap", languages: [] };
  const known = Object.hasOwn(READY_MADE, template) ? READY_MADE[template] : undefined;
  if (known === undefined) {
    const names = Object.keys(READY_MADE).join(", ");
    throw new GloveboxError("not_found", `no ready-made template is called ${JSON.stringify(template)}`, {
      details: { hint: `templates of your own are a server's; ready-made are ${names}` },
    });
  }
  if (isolation !== undefined && isolation !== known.isolation) {
    throw new GloveboxError("invalid_argument", `template ${template} is for ${known.isolation}, not for ${isolation}`);
  }
  return known;
}
