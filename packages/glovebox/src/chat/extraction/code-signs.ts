import type { Language } from "../../core/index.ts";

/** What code shows by its words, where no syntax is needed. Each is searched in its first 20,000 units. */
export interface CodeSigns {
  /** `...`, `your code here`, `<name>`, `YOUR_KEY`. */
  readonly placeholder: boolean;
  /** Prints, or ends with a value. */
  readonly shows: boolean;
  /** Waits for a person, a browser or requests. */
  readonly waits: boolean;
  /** Changes a machine rather than computing: installs, services, deployments, repositories. */
  readonly changesMachine: boolean;
  /** Calls a program of files that are not there: `python app.py`, `./run.sh`. */
  readonly callsFile: boolean;
  /** Reads the arguments of a command line. */
  readonly takesArguments: boolean;
  /** `rm -rf /`, `mkfs`. */
  readonly destroys: boolean;
}

const READ = 20_000;

const PLACEHOLDER =
  /(^[ \t]*(\.\.\.|…);?[ \t]*(#.*|\/\/.*)?$|[,(] ?\.\.\.[,)]|[{(] ?\.\.\. ?[)}]|: \.\.\.$|# ?\.\.\.|\/\/ ?\.\.\.|\/\* ?\.\.\. ?\*\/|\[\.\.\.\]|[\w-]\.\.\.["'`]|\{ ?\/\* .{0,60}\*\/ ?\}|(#|\/\/|--|\/\*) ?(your|insert|add your|put your|todo|fixme|rest of|existing|same as|other|more|etc|implementation|logic|do something|snip|code|handle|omitted|unchanged|previous)\b|your[-_ ]?(api|token|key|secret|domain|user|name|server|bucket|app|project|host|file|email|password|repo)|YOUR_|(?<![\w:>])<[a-z][\w. -]{2,30}>(?!\()|\bpath\/to\/|\bexample\.(com|org)|\bfoo_bar_baz|xxx+|\bmy-(app|server|bucket|project|service|cluster)\b|\bdo_?something\b|\bsomeFunction\b|\bsome_function\b)/im;

const SHOWS: Readonly<Record<Language, RegExp>> = {
  python:
    /(\bprint\(|plt\.show|display\(|sys\.stdout|assert |pprint\(|\.savefig\(|unittest\.main|\.info\(|\.to_csv\(|\.write)/,
  javascript: /(console\.|process\.stdout|assert|writeFile)/,
  typescript: /(console\.|process\.stdout|assert|writeFile)/,
  bash: /\w/,
  rust: /(println!|print!|assert|dbg!|eprintln!|write!)/,
};

const WAITS =
  /(\binput\(|readline\.createInterface|app\.run\(|\.listen\(|uvicorn\.run|serve_forever|createServer|http\.server|mainloop\(|pygame|tkinter|\bstreamlit\b|client\.run\(|bot\.run\(|\bFlask\(|FastAPI\(|express\(|@app\.(get|post|route)|HttpServer|axum::|actix_web|tokio::net::TcpListener|stdin\(\)\s*\.?(\n\s*\.)?read_line|sys\.stdin|while True:\s*\n\s+(time\.sleep|schedule)|run_pending|addEventListener|document\.|window\.|useState|useEffect|from ['"]react['"]|ReactDOM|webdriver|selenium|playwright|cv2\.VideoCapture|models\.Model|@Component|getServerSideProps|defineConfig|module\.exports = \{|boto3|openai|anthropic|psycopg|pymongo|mysql|redis\.|smtplib|prisma|mongoose|tail -f|watch -n|\btop$|^read -p|\bread -rp)/m;

const CHANGES_MACHINE =
  /^[ \t]*(sudo|apt(-get)?|brew|dnf|yum|pacman|apk|snap|choco|winget|pip3?|pipx|uv|poetry|conda|npm|npx|yarn|pnpm|bun|cargo (install|new|add|build|run|init|test)|rustup|gem|bundle|go (install|get|mod|run)|git (?!--version)|gh|docker|docker-compose|podman|kubectl|helm|terraform|ansible\S*|aws|gcloud|az|heroku|fly|vercel|netlify|systemctl|service|ssh|scp|rsync|crontab|ufw|iptables|useradd|usermod|passwd|mount|umount|reboot|shutdown|source (\S*venv\S*|~)|nvm|pyenv|asdf|make|cmake|createdb|psql|mysql|mongo\w*|redis-cli|python3? -m (venv|pip|http)|virtualenv|chsh|code|vim|nano|open|xdg-open|deactivate|export \w*(PATH|KEY|TOKEN)\w*|django-admin|flask|rails|php artisan|ollama|nginx|certbot|openssl|mvn|gradle|\.\/gradlew|dotnet|jest|vitest|pytest|tsc|eslint|prettier|ruff|black|mypy|wrangler|supabase|expo|glovebox)\b/m;

const CALLS_FILE =
  /^[ \t]*((python3?|node|ruby|bash|sh|deno run|tsx|ts-node|perl|php|java|rustc|gcc|\.\/[\w.-]+)\s+[\w./-]*\w+\.(py|js|ts|sh|rb|rs|mjs|pl|php|c|java|jar)|\.\/[\w./-]+)/m;

const ARGUMENTS = /(\bsys\.argv|argparse\.|process\.argv|env::args\(|\bclick\.command|\btyper\.)/;
const SHELL_ARGUMENTS = /\$(\{?[1-9]|[@*])/;

const DESTROYS =
  /(rm\s+(-\w+\s+){0,4}-\w*[rR]\w*\s+(-\w+\s+){0,4}["']?(\/|~|\$HOME)|mkfs|dd\s.{0,200}of=\/dev\/|:\(\)\s*\{|>\s*\/dev\/(sd|nvme)|(curl|wget)\s[^|\n]{0,300}\|\s*(sudo\s+)?(ba|z)?sh\b|rmtree\(["'](\/|~)|format c:|del \/f)/i;

export function codeSigns(code: string, language: Language): CodeSigns {
  const read = code.slice(0, READ);
  const shell = language === "bash";
  return {
    placeholder: PLACEHOLDER.test(read),
    shows: SHOWS[language].test(read) || endsWithValue(read, language),
    waits: WAITS.test(read),
    changesMachine: shell && CHANGES_MACHINE.test(read),
    callsFile: shell && CALLS_FILE.test(read),
    takesArguments: (shell ? SHELL_ARGUMENTS : ARGUMENTS).test(read) && !(shell && /\w\(\) ?\{|^function /m.test(read)),
    destroys: DESTROYS.test(read),
  };
}

/** A last line that is an expression: a session shows its value. */
function endsWithValue(code: string, language: Language): boolean {
  if (language === "bash" || language === "rust") return false;
  const last = code.trimEnd().slice(-300).split("\n").at(-1) ?? "";
  return (
    /^[\w.[\]'"()+*/%, -]+;?$/.test(last) &&
    !/^(return|import|from|pass|break|\s)/.test(last) &&
    !/^[\w.]+ ?= /.test(last)
  );
}
