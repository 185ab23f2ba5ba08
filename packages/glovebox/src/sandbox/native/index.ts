export { compileNative, readSources } from "./compile.ts";
export { defaultNativeDir, type NativeTools, nativeTools } from "./native-tools.ts";
export { nativeProgram, nativeSources, repositoryRoot } from "./programs.ts";
