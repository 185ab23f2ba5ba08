import { GloveboxError } from "../../../core/index.ts";
import type { BuiltInAction } from "../built-in.ts";
import { refuseVersion, versionOf } from "./toolchain.ts";
import { isInRange } from "./version-range.ts";

/** `dtolnay/rust-toolchain`: the image's Rust. The ref of the action names the toolchain, as there. */
export const rustToolchain: BuiltInAction = {
  inputs: { toolchain: {}, targets: {}, target: {}, components: {} },
  async run(run, at, inputs, used) {
    const ref = used.kind === "repository" ? used.ref : "stable";
    const asked = inputs.toolchain?.trim() || (/^(master|main|v1)$/.test(ref) ? "stable" : ref);
    const found = await versionOf(run, at, "rustc --version", /rustc (\d+\.\d+\.\d+\S*)/);
    if (found === undefined || !fits(found, asked)) throw refuseVersion("Rust", asked, found);
    const others = `${inputs.targets ?? ""},${inputs.target ?? ""}`.split(/[\s,]+/).filter((target) => target !== "");
    const own = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-unknown-linux-gnu`;
    const foreign = others.filter((target) => target !== own);
    if (foreign.length > 0) {
      throw new GloveboxError(
        "language_unavailable",
        `This template has no Rust target but ${own}; the job asks for ${foreign.join(", ")}`,
      );
    }
    return { outcome: "success", outputs: { cachekey: found, name: asked } };
  },
};

function fits(found: string, asked: string): boolean {
  const isStable = !/nightly|beta/.test(found);
  if (asked === "stable") return isStable;
  if (/^(beta|nightly)/.test(asked)) return found.includes(asked.split("-", 1)[0] ?? asked);
  return isInRange(found, asked);
}
