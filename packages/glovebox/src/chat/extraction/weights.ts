/**
 * What each sign adds to the log-odds that a block is meant to run, and what it is called. Fitted on the tuning half of the labelled set
 * (`testdata/`), then rounded; the other half only ever measures.
 */
export const SIGNS = {
  tagged: [2.2, "its tag names a language that runs"],
  detected: [1.2, "it has no tag that helps, but looks like a language that runs"],
  otherLanguage: [-9, "its language does not run here"],
  notCode: [-6, "it looks like output, data or configuration"],
  diff: [-9, "it is a difference between files"],
  mismatch: [-4, "its tag says another language than the code"],
  syntaxErrors: [-3.5, "it does not parse"],
  unread: [-3, "it is too long to be looked into"],
  empty: [-9, "there is nothing in it but comments"],
  definesOnly: [-0.3, "it only defines"],
  shows: [0.8, "it shows what it computes"],
  severalLines: [0.3, "it has several lines"],
  imports: [0.2, "it brings what it needs"],
  freeNames: [-2.2, "it uses names that nothing here defines"],
  noMain: [-2.5, "a Rust program needs a main function"],
  placeholder: [-3, "it has gaps to fill in"],
  waits: [-2.5, "it waits for people, a browser, services or requests"],
  changesMachine: [-2.5, "it sets up a machine"],
  callsFile: [-2, "it calls programs of files that may not be there"],
  takesArguments: [-2, "it expects arguments of a command line"],
  destroys: [-2, "it destroys data"],
  indented: [-1, "it is set off by indentation alone"],
  inline: [0, "it stands in a sentence"],
  unclosed: [-2.5, "its closing fence is missing"],
  inQuote: [-2.5, "it is quoted"],
  inReasoning: [-4, "it is in the model's reasoning"],
  transcript: [-0.5, "it is a transcript"],
  transcriptOutput: [-2, "the transcript shows its output already"],
  tagNotRun: [-4, "its tag says that it does not run"],
  tagFile: [-1, "its tag names a file"],
  userText: [-1.5, "a person wrote it"],
  "words.notRun": [-4, "the words say not to run it"],
  "words.sketch": [-2.2, "the words call it a sketch"],
  "words.output": [-2.5, "the words announce output"],
  "words.wrong": [-2, "the words call it wrong, or old"],
  "words.file": [-1.2, "the words put it into a file"],
  "words.theirs": [-1.5, "the words leave running it to the reader"],
  "words.example": [-1, "the words explain"],
  "words.run": [1.8, "the words want it to run"],
  "after.notRun": [-2.5, "the words after it say not to run it"],
  "after.sketch": [-1.2, "the words after it call it a sketch"],
  "after.wrong": [-1, "the words after it call it wrong"],
  "request.run": [1, "the user asked for something to run"],
  "request.notRun": [-4, "the user asked not to run anything"],
  "request.explain": [-1.5, "the user asked for an explanation"],
  "message.notRun": [-2.5, "the text says elsewhere not to run its code"],
  alternative: [-0.5, "it repeats a definition of a block before it"],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

export type Sign = keyof typeof SIGNS;

/** Before anything is known. */
export const BIAS = -0.6;
