/**
 * What words around a block say about it. Each cue is a list of phrases in several languages; a phrase is searched in lower case, at the
 * beginning of a word. `*` stands for up to three words, `~` for any ending.
 */
export const CUES = {
  /** "Do not run this." */
  notRun: phrases(`
    don't run | do not run | don't execute | do not execute | never run | never execute | not run this | not meant to be run |
    not meant to run | not intended to run | isn't meant to be | is not meant to be | shouldn't be run | should not be run |
    should not execute | shouldn't execute | should not run | shouldn't run | must not run | must not execute | mustn't run |
    should never | won't run as | will not run as | not runnable | doesn't run as | does not run as | without running |
    no need to run | avoid running | don't actually | do not actually | not executable | isn't executable | can't be run |
    cannot be run | dangerous | malicious | would wipe | would delete | destroys | irreversibl~ | don't copy | do not copy |
    don't paste | do not paste | don't use this | do not use this | won't compile | does not compile | doesn't compile |
    will not compile | won't work | will not work | would fail | nicht ausführen | nicht ausgeführt | niemals ausführen |
    nicht laufen | führe * nicht aus | n'exécute~ | ne lance~ | ne pas exécuter | ne pas lancer | no ejecutes | no lo ejecutes |
    no ejecute~ | no debe ejecutarse | não execute | não rode | non eseguire | non eseguirlo | не запускай~ | не выполняй~ | 不要运行 |
    不要执行 | 请勿运行 | 请勿执行 | 別執行 | 実行しない`),
  /** "Pseudo-code, a sketch, only to illustrate." */
  sketch: phrases(`
    pseudo-code | pseudocode | pseudo code | conceptual | in concept | sketch | skeleton | outline | illustrat~ | roughly |
    something like | simplified | simplifi~ | template | placeholder | fill in | adapt~ | replace * with your | hypothetical |
    in spirit | the idea is | the general shape | the shape of | looks like this | would look like | might look like |
    could look like | looks something like | the pattern | typical usage | usage example | the signature | the syntax is |
    general syntax | syntax: | basic form | excerpt | snippet from | fragment | pseudocódigo | pseudocodice | pseudokode | skizze |
    schematisch | vereinfacht~ | esquema | esquisse | schéma | 伪代码 | 示意 | 疑似コード | псевдокод | so ähnlich | algo así |
    quelque chose comme | beispielhaft`),
  /** "It prints:" */
  output: phrases(`
    output: | output is | outputs | the output | prints: | it prints | will print | would print | this prints | which prints |
    expected output | sample output | example output | result: | results: | the result is | you should see | you'll see |
    you will see | you'd see | shows: | returns: | i got | i get | the error | error message | traceback | stack trace | the log |
    logs show | the logs | reported | it says | printed | gave: | gives: | yields | produces | responds with | response: | stdout |
    ausgabe | ergebnis | sortie | résultat : | salida | resultado | saída | risultato: | l'output | 输出 | 结果 | 出力 | 実行結果 | вывод |
    результат`),
  /** "This was wrong." */
  wrong: phrases(`
    wrong | incorrect | buggy | the bug | broken | vulnerable | insecure | unsafe | anti-pattern | antipattern | bad: | bad example |
    bad practice | before: | the original | original code | original version | your code | your current | current code |
    existing code | old code | the old | old version | you wrote | you have | you had | currently | deprecated | legacy |
    naive version had | the problem is | problem line | the issue is | culprit | the offending | was: | not like this | don't write |
    don't do this | falsch~ | fehlerhaft~ | bisher | faux | incorrecte | votre code | incorrecto | tu código | el original | errado |
    sbagliat~ | 错误的 | 有问题 | 原来 | неправильн~`),
  /** "Save it as app.py", "in settings.py". */
  file: phrases(`
    save this | save it | save as | save the | create a file | create the file | create a new file | put this in | put it in |
    put the following in | add this to | add the following to | add to your | add these | paste this | paste it | append | in your \` |
    to your \` | your project | your app | your repo | your codebase | your component | edit \` | edit the | edit your | open \` |
    update your | change the line | change line | change this line | modify | workflow file | your shell profile | your .bashrc |
    ~/.bashrc | ~/.zshrc | speicher~ | in deine | in der datei | enregistre~ | dans votre | dans le fichier | guarda esto |
    en tu archivo | en el archivo | salve | no arquivo | nel file | 保存 | 文件中 | ファイルに`),
  /** "On your machine", "before you start". */
  theirs: phrases(`
    install | set up | setup | your machine | your computer | your terminal | your server | on the server | your laptop | your local |
    locally | on your | your cluster | in production | deploy | prerequisite | requirements | first-time | clone | to start the |
    start the server | start it with | run it with | then run it | run it like | run it as | run it: | invoke it | usage |
    use it like | call it like | from the command line | from the project root | cli | terminalde | to run the script |
    to run this script | to run your | you can run | you can then | you would run | you'd run | if you want | if you need |
    if you have | if you prefer | you could | alternatively | optionally | someday | later on | installier~ | auf deinem |
    auf dem server | installez | sur votre | instala~ | en tu | instale~ | installa~ | sul tuo | 安装 | 在你的 | インストール | установи~`),
  /** "For example, f(x) is used like this." */
  example: phrases(`
    for example | e.g. | for instance | an example | example: | examples: | example of | such as | zum beispiel | beispiel |
    par exemple | por ejemplo | por exemplo | ad esempio | 例如 | 比如 | たとえば | например | this is how | here is how | here's how you |
    how it works | explanation | explain | means | equivalent to | same as | compare | in contrast | versus | whereas | line by line |
    breaks down | break down | this line | this part | this call | this function`),
  /** "Let me run this." */
  run: phrases(`
    let me run | let's run | let me compute | let me calculate | let me check | let me verify | let me test | let me try |
    let me execute | let me look | let me see | let me do | let me count | let me find | let me start | let me load | let me write |
    let me use | let me fix | let's compute | let's calculate | let's check | let's verify | let's test | let's try | let's see |
    let's execute | let's look | let's find | let's plot | let's load | let's count | let's do | let's simulate | let's confirm |
    let me confirm | let me simulate | let me first | let me reproduce | i'll run | i will run | i'll compute | i'll calculate |
    i'll check | i'll execute | i'll use | i'll verify | i'll test | i'll start | i'll write | i'll count | i'll do | i'll load |
    i'll simulate | i can compute | i can check | running | executing | run this | run the following | run it and | run that |
    execute this | execute the following | please run | compute it | computes | calculates | checks whether | runnable |
    self-contained | complete program | complete script | full program | full script | complete example | complete, runnable |
    ready to run | try this | try it | here's a script | here is a script | here's a program | here is a program |
    here's the program | here is the program | here's the script | here is the script | here's the code | here is the code |
    a quick script | a small script | a short script | a short program | a one-liner | one-liner | quick check | sanity check |
    a quick test | to verify | to confirm | to find out | now run | and run | fixed version | corrected version | here's the fix |
    corrected program | corrected code | fixed code | working version | führe | führ  | ausführen | ich berechne | berechnen wir |
    hier ist das programm | hier ist ein | hier das | lass mich | exécut~ | lançons | calculons | je vais | voici le programme |
    voici un script | voici un programme | voici le script | ejecut~ | voy a | vamos a | calculemos | aquí está el | aquí tienes |
    executando | executar | vou executar | vou  | vamos  | aqui está | esegu~ | ecco il programma | ecco uno script | ecco il codice |
    calcoliamo | 运行 | 执行 | 计算 | 下面的代码 | 以下代码 | 完整 | 実行 | 計算 | 次のコード | プログラム | запуст~ | запуск~ | выполн~ | посчита~ | вот программа |
    вот код | 实行 | 실행 | 계산 | uruchom~ | çalıştır~ | voer uit | kör `),
  /** In what a user asks: something is to be found out by running. */
  request: phrases(`
    run | execute | compute | calculate | what is | what's | how many | how much | count | find | plot | check | test | simulate |
    solve | sum | list | print | convert | sort | generate | verify | does it print | does it output | analy~ | estimate | make a |
    write a program | write a script | write and run | try | show me the result | fix | berechne | führe | wie viel | calcul~ |
    exécute | combien | calcula~ | ejecuta~ | cuánt~ | quant~ | calcola~ | esegui~ | 计算 | 运行 | 多少 | 執行 | 計算 | 実行 | вычисли~ |
    запуст~ | посчитай | сколько`),
  /** In what a user asks: something is to be understood. */
  question: phrases(`
    explain | what does | why does | why is | how do i | how can i | how does | how would | how to | what's the difference |
    difference between | review | should i | best practice | teach me | erkläre | wie kann ich | wie installiere | explique~ |
    comment puis-je | comment faire | explica~ | cómo | como faço | como posso | spiega~ | come posso | come si | 解释 | 如何 | 怎么 | 説明 |
    объясни~ | как `),
  /** Beside inline code: it is to run. */
  inlineRun: phrases(`
    run | execute | evaluate | running | please run | let me run | i'll run | i will run | executing | compute | calculate | try |
    führe | exécute | ejecuta~ | esegui~ | 运行 | 执行 | 実行 | запуст~ | выполн~`),
} as const;

export type Cue = keyof typeof CUES;

const PATTERNS = new Map<Cue, RegExp>(
  (Object.entries(CUES) as [Cue, readonly string[]][]).map(([cue, phrases]) => [cue, patternOf(phrases)]),
);

/** Phrases of a cue in a text, as they stand in the list, in lower case, at most ten. */
export function wordsOf(cue: Cue, text: string): string[] {
  const pattern = PATTERNS.get(cue);
  const refusal = PATTERNS.get("notRun");
  if (pattern === undefined || refusal === undefined) return [];
  const found = new Set<string>();
  const plain = text.toLowerCase().replaceAll("’", "'");
  // "Do not run this" has "run this" in it, and means the contrary.
  const read = cue === "notRun" ? plain : plain.replace(refusal, " … ");
  for (const [phrase] of read.matchAll(pattern)) {
    found.add(phrase.trim());
    if (found.size === 10) break;
  }
  return [...found];
}

/**
 * Longer phrases first. Around a phrase there is no letter, but for scripts that write no blanks between words. A `~` at the end of a phrase
 * stands for any ending.
 */
function patternOf(phrases: readonly string[]): RegExp {
  const alternatives = [...phrases]
    .sort((a, b) => b.length - a.length)
    .map((phrase) => {
      const stem = phrase.replace(/~$/, "");
      const escaped = stem.replace(/[.()[\]?+^$|\\]/g, "\\$&").replace(/ ?\* ?/g, " (?:[^\\s.]{1,20} ){0,3}");
      if (!/^[\p{Script=Latin}\p{Script=Cyrillic}~]/u.test(phrase)) return escaped;
      const ending = stem === phrase && /\p{L}$/u.test(stem) ? "(?![\\p{L}\\p{N}_])" : "";
      return `(?<![\\p{L}\\p{N}_-])${escaped}${ending}`;
    });
  return new RegExp(alternatives.join("|"), "gu");
}

function phrases(text: string): readonly string[] {
  return text.split("|").map((phrase) => phrase.trim());
}
