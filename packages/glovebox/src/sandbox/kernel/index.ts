/** How the host speaks with a language kernel: requests out, messages in, and which program a kernel is. */
export {
  encodeKernelRenew,
  encodeKernelRequest,
  KERNEL_RENEW,
  MAX_REQUEST_BYTES,
  quoteForShell,
} from "./encode-request.ts";
export {
  detectLanguage,
  KERNEL_ARGV,
  KERNEL_LOAD_ENV,
  KERNEL_OPTIONS_ENV,
  kernelArgv,
  LANGUAGE_EXTENSIONS,
  type ProgramCommands,
  type ProgramOptions,
  programArgv,
  programCommands,
  SANDBOX_PATHS,
  type SandboxPaths,
} from "./languages.ts";
export { KernelMessageReader, MAX_LINE_BYTES } from "./message-reader.ts";
