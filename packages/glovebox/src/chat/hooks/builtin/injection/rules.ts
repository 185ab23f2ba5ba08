/** A way to talk to a model. All of them are read without regard to case. */
export interface InjectionRule {
  readonly id: string;
  /** How sure one such passage makes: 0 to 1. */
  readonly weight: number;
  /** With every repetition bounded: no text makes it slow. */
  readonly pattern: RegExp;
}

/** Up to some words on one topic; commas and line breaks may stand between, the ends of sentences may not. */
const GAP = "[^.!?;<>]{0,40}?";
const WHICH =
  "(?:previous|prior|above|earlier|preceding|initial|original|existing|former|past|system|your|hidden|developer'?s?|user'?s?)";
const ORDERS =
  "(?:instructions?|prompts?|directions?|guidelines?|guardrails|directives?|orders|programming|training|(?:safety )?rules)";
/** What is left out for other reasons as well. */
const MATTERS = "(?:tasks?|context|commands?|messages?|policy|policies)";
const DROP =
  "(?:ignore|disregard|forget|override|bypass|discard|abandon|neglect|do not (?:follow|obey)|don't (?:follow|obey)|stop (?:following|obeying)|pay no attention to)";
const AI = "(?:ai|a\\.i\\.|llms?|language models?|assistants?|chatbots?|chatgpt|gpt|claude|copilot|gemini|agents?)";
const SECRETS =
  "(?:api[ _-]?keys?|passwords?|credentials?|secrets?|access tokens?|environment variables?|private keys?|~?/?\\.ssh\\b|\\.aws\\b|id_rsa|(?:conversation|chat)(?:'s)? history|whole inbox|system prompt|/etc/passwd)";

function rule(id: string, weight: number, source: string): InjectionRule {
  return { id, weight, pattern: new RegExp(source, "gim") };
}

export const INJECTION_RULES: readonly InjectionRule[] = [
  rule("override", 0.8, `\\b${DROP}\\s${GAP}\\b${WHICH}\\s${GAP}\\b${ORDERS}\\b`),
  rule(
    "override",
    0.8,
    `\\b${DROP}\\s{1,4}(?:all|any|everything|the|these|those)\\b${GAP}\\b${ORDERS}\\b${GAP}\\b(?:above|before|so far|you (?:got|were|have|had|received))`,
  ),
  rule(
    "override",
    0.8,
    `\\b${DROP}\\s{1,4}(?:everything|anything|all|what)\\s{1,4}(?:that )?(?:you (?:were|have been|are) told|you know|was said|is written above|above|before this)`,
  ),
  rule("override-matters", 0.4, `\\b${DROP}\\s${GAP}\\b${WHICH}\\s${GAP}\\b${MATTERS}\\b`),
  rule("override-user", 0.6, `\\b${DROP}\\s{1,4}(?:the )?(?:user|issue above|text above|operator|human)\\b`),
  rule(
    "new-role",
    0.5,
    `\\byou(?: are|'re) now\\s{1,4}(?:an? |in |the )?(?:dan\\b|unrestricted|jailbroken|developer mode|evil|free (?:of|from)|no longer)`,
  ),
  rule("from-now-on", 0.4, `\\bfrom now on,?\\s{1,4}(?:you|only (?:answer|respond)|answer|respond|obey|act)\\b`),
  rule(
    "new-role",
    0.5,
    `\\b(?:act as|pretend (?:to be|(?:that )?you are)|you are)\\s{1,4}(?:an?\\s)?${GAP}\\b(?:unrestricted|without (?:any )?(?:rules|restrictions|limits|filters)|uncensored|unfiltered|jailbroken)`,
  ),
  rule(
    "new-orders",
    0.6,
    `\\b(?:new|updated|real|actual|secret|important|hidden)\\s{1,4}(?:system |developer )?(?:instructions?|prompt|directives?|objective|policy)(?: for (?:the |this |an? )?${AI})?\\s{0,4}[:：]`,
  ),
  rule(
    "new-orders",
    0.35,
    `\\b(?:your|the) (?:new )?(?:task|goal|objective|instructions?|role) (?:is now|has changed|is to|have changed)`,
  ),
  rule("new-orders", 0.35, `\\byour new (?:task|goal|objective|role|instructions?)\\b`),
  rule(
    "unbound",
    0.6,
    `\\b(?:do anything now|jailbreak mode|no longer bound (?:by|to)|developer mode (?:is )?(?:enabled|activated|on)\\b|(?:admin|system|safety|root) override\\b|god mode)`,
  ),
  rule(
    "unbound",
    0.5,
    `\\b(?:safety|security|content) (?:guidelines|filters?|rules|polic(?:y|ies)|restrictions) (?:have been|has been|are|is)(?: now)? (?:disabled|lifted|off|suspended|removed)`,
  ),
  rule("unbound", 0.45, `\\bwithout (?:any )?(?:restrictions|filters)(?: or (?:restrictions|filters))?\\b`),
  rule(
    "role-token",
    0.6,
    `<\\|(?:im_start|start_header_id|system|user|assistant|start)\\|>\\s{0,4}(?:system|user|assistant|developer)?`,
  ),
  rule("role-token", 0.35, `<\\|(?:im_end|eot_id|end|endoftext|end_header_id|im_sep)\\|>`),
  rule("role-token", 0.5, `\\[INST\\]|<<SYS>>`),
  rule(
    "role-line",
    0.6,
    `^[ \\t>*#"'-]{0,8}(?:system|developer|admin)(?: message| prompt)?\\s{0,2}[:：]\\s{0,4}(?:the user|you (?:are|must|should|will)|ignore|disregard|forget|override|from now|new |comply|always |never |please )`,
  ),
  rule("role-line", 0.35, `^(?:human|user)\\s?: \\S[^\\n]{0,400}\\n{1,3}assistant\\s?:`),
  rule("role-line", 0.3, `^(?:#{2,4} ?instruction:?)\\s{0,4}$`),
  rule("role-json", 0.3, `["']role["']\\s{0,4}:\\s{0,4}["'](?:system|developer)["']`),
  rule(
    "role-tag",
    0.6,
    `</?(?:system-reminder|system[_-]prompt|system[_-]message|tool_result|tool_response|function_results?|admin[_-]override)>`,
  ),
  rule("role-tag", 0.4, `<(?:system|user|assistant|developer)>\\s{0,4}(?=\\S{1,40}\\s\\S)`),
  rule(
    "tool-call",
    0.7,
    `<(?:tool_call|function_calls?|tool_use|antml:invoke|antml:function_calls)\\b[^>]{0,100}>|<invoke name=`,
  ),
  rule(
    "tool-call",
    0.5,
    `\\b(?:call|invoke|use) (?:the )?(?:tool )?(?:execute_code|write_file|read_file|list_files|rollback)\\b`,
  ),
  rule(
    "conceal",
    0.5,
    `\\b(?:do not|don't|never|without)\\s{1,4}(?:tell(?:ing)?|inform(?:ing)?|mention(?:ing)?|alert(?:ing)?|notify(?:ing)?|reveal(?:ing)?|ask(?:ing)?)\\b${GAP}\\b(?:the )?(?:user|human|operator)\\b`,
  ),
  rule("conceal", 0.25, `\\b(?:silently|secretly|without (?:asking|confirmation|telling))\\b`),
  rule(
    "address",
    0.45,
    `\\b(?:dear|attention|hey|hello|note (?:to|for)|message (?:to|for)|instructions? (?:to|for))[, :]{1,4}(?:the |any |all )?${AI}\\b`,
  ),
  rule(
    "address",
    0.45,
    `\\b${AI} (?:that (?:is|are) )?(?:reading|screening|processing|summari[sz]ing|parsing|reviewing) (?:this|these)\\b`,
  ),
  rule("address", 0.45, `\\bif you are an? (?:ai|llm|language model|assistant|chatbot|automated)\\b`),
  rule(
    "address",
    0.35,
    `\\b(?:the|an|this) (?:ai|assistant|model|llm) (?:must|should|shall|will now|has to|forwards|needs to)\\b`,
  ),
  rule("address", 0.3, `@(?:assistant|claude|copilot|chatgpt|agent)\\b`),
  rule("you-must", 0.3, `\\byou (?:must|will now|should|shall|are required to)\\s`),
  rule(
    "authority",
    0.5,
    `\\b(?:this|the following)(?: message)? (?:comes|is) from (?:your|the) (?:developers?|creators?|operators?|administrators?|system)`,
  ),
  rule(
    "authority",
    0.4,
    `\\b(?:the )?(?:user|operator|administrator) (?:has (?:already )?approved|now wants you|has authori[sz]ed)\\b`,
  ),
  rule(
    "exfiltrate",
    0.45,
    `\\b(?:send|post|upload|forward|e-?mail|exfiltrate|leak|transmit|push)\\s${GAP}${SECRETS}${GAP}\\b(?:to|at|into)\\b`,
  ),
  rule(
    "exfiltrate",
    0.45,
    `\\b(?:reveal|print|output|repeat|show|disclose|display|recite|respond with|answer (?:only )?with|tell me)\\s${GAP}${SECRETS}`,
  ),
  rule(
    "exfiltrate",
    0.6,
    `\\b(?:reveal|print|output|repeat|show|disclose|display|recite)\\s${GAP}\\b(?:your|the) (?:system prompt|initial (?:instructions|prompt)|hidden prompt|(?:instructions|prompt) above)`,
  ),
  rule("exfiltrate", 0.65, `!\\[[^\\]\\n]{0,80}\\]\\(https?://[^)\\s]{0,200}[?&][\\w-]{1,30}=(?:\\{|\\[|<|%7b|\\$\\{)`),
  rule(
    "exfiltrate",
    0.65,
    `\\b(?:send|post|upload|forward|exfiltrate|leak|transmit)\\s${GAP}${SECRETS}${GAP}\\bto https?://`,
  ),
  rule("destroy", 0.3, `\\b(?:delete (?:all|every|the) (?:files?|repository|workspace)|delete every file|rm -rf /)`),
  rule("run-remote", 0.35, `\\b(?:curl|wget)\\s[^\\n|]{0,200}\\|\\s{0,4}(?:sudo )?(?:ba|z|da)?sh\\b`),
  rule(
    "override-german",
    0.8,
    `\\b(?:ignorier(?:e|en sie)?|vergiss|vergessen sie|missachte)\\s(?:alle |die |deine |ihre |sämtliche )?(?:(?:vorherigen|bisherigen|vorigen|früheren|obigen)\\s){1,2}(?:anweisungen|befehle|regeln|instruktionen|vorgaben)`,
  ),
  rule(
    "override-french",
    0.8,
    `\\b(?:ignore[zr]?|oublie[zr]?)\\s(?:toutes\\s)?(?:les|tes|vos)\\s(?:instructions|consignes|règles)\\s(?:précédentes|antérieures|ci-dessus)`,
  ),
  rule(
    "override-spanish",
    0.8,
    `\\b(?:ignora|ignore|olvida|olvide)\\s(?:todas\\s)?(?:las|tus|sus)\\s(?:instrucciones|órdenes|reglas)\\s(?:anteriores|previas)`,
  ),
  rule(
    "override-italian",
    0.8,
    `\\b(?:ignora|dimentica|ignorate)\\s(?:tutte\\s)?(?:le|tue)\\s(?:istruzioni|regole)\\s(?:precedenti|di cui sopra)`,
  ),
  rule(
    "override-portuguese",
    0.8,
    `\\b(?:ignore|ignora|esqueça)\\s(?:todas\\s)?(?:as|suas)\\s(?:instruções|regras)\\s(?:anteriores|prévias)`,
  ),
  rule(
    "override-russian",
    0.8,
    `(?:игнорируй|забудь|проигнорируй)(?:те)?\\s(?:все\\s)?(?:предыдущие|прежние|прошлые|вышеуказанные)\\s(?:инструкции|указания|команды)`,
  ),
  rule(
    "override-chinese",
    0.8,
    `(?:忽略|无视|忘记|無視|忘掉)[^。！\\n]{0,6}(?:之前|以前|先前|前面|以上|上面)[^。！\\n]{0,8}(?:指令|指示|提示词|规则|命令)`,
  ),
  rule(
    "override-japanese",
    0.8,
    `(?:これまで|以前|前|上記|今まで)の(?:全ての|すべての)?(?:指示|命令|ルール)[^。\\n]{0,8}(?:無視|忘れ)`,
  ),
  rule("override-korean", 0.8, `(?:이전|앞|위)의?\\s?(?:모든\\s)?(?:지시|명령|지침)[^.\\n]{0,8}(?:무시|잊)`),
];
