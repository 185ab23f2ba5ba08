export { Assistant } from "./assistants/assistant.ts";
export { openAssistants } from "./assistants/assistant-service.ts";
export { DEMO } from "./assistants/demo.ts";
export { type ChatOptions, createChatServices, type OpenChat } from "./create-chat-services.ts";
export { extractCode } from "./extraction/extract-code.ts";
export { ExtractOptionsSchema, MAX_TEXT } from "./extraction/options.ts";
export type {
  BlockForm,
  BlockIntent,
  CodeBlock,
  Extraction,
  ExtractOptions,
  MessageIntent,
  Reason,
  SuggestedAction,
  TextSource,
} from "./extraction/types.ts";
export { type JudgedBlock, judgeBlocks } from "./judge-blocks.ts";
export type { ProjectHit, ProjectRun, ProjectServices, ProjectStart, WorkspaceFiles } from "./project.ts";
export type {
  ApprovalService,
  AssistantService,
  ChatServices,
  ConversationService,
  TurnAsk,
  TurnBlock,
  TurnEvent,
  TurnExecution,
  TurnInput,
  TurnResult,
  TurnService,
} from "./services.ts";
export { TOOL_NEEDS } from "./turn/tools.ts";
export { RULES } from "./validation/rules/index.ts";
export { RuleSchema, ValidateOptions } from "./validation/settings.ts";
export type { Finding, Rule, RuleDecision, Severity, Validation } from "./validation/types.ts";
export { validateCode } from "./validation/validate-code.ts";
