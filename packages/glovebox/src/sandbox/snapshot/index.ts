export { MANIFEST_NAME, readManifest, requireCompatible, writeManifest } from "./manifest.ts";
export { cannot } from "./unsupported.ts";
