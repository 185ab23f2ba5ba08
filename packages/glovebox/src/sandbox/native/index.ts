export { compileNative } from "./compile.ts";
export { defaultNativeDir, type NativeTools, nativeTools, repositoryRoot } from "./native-tools.ts";
