import { GloveboxError } from "../../core/index.ts";

/** A JavaScript library that templates may offer: pinned, and checked against the registry's own checksum. */
export interface Library {
  readonly name: string;
  /** The name under which code finds it. */
  readonly global: string;
  readonly version: string;
  /** Of the package's archive, as npm writes it in lockfiles. */
  readonly integrity: string;
  /** The file in the package that is the whole library as one CommonJS or UMD script. */
  readonly file: string;
}

const LIBRARIES: readonly Library[] = [
  {
    name: "lodash",
    global: "_",
    version: "4.18.1",
    integrity: "sha512-dMInicTPVE8d1e5otfwmmjlxkZoUpiVLwyeTdUsi/Caj/gfzzblBcCE5sRHV/AsjuCmxWrte2TNGSYuCeCq+0Q==",
    file: "lodash.min.js",
  },
  {
    name: "ramda",
    global: "R",
    version: "0.32.0",
    integrity: "sha512-GQWAHhxhxWBWA8oIBr1XahFVjQ9Fic6MK9ikijfd4TZHfE2+urfk+irVlR5VOn48uwMgM+loRRBJd6Yjsbc0zQ==",
    file: "dist/ramda.min.js",
  },
  {
    name: "dayjs",
    global: "dayjs",
    version: "1.11.23",
    integrity: "sha512-QDTCU0M0MxR3hQfnlDJfwekQiaanm1ubOD231u73WBckQ/fsamwRLiE2GBz6D3a/xF1NgfiDLJjXBa1hYOYTtQ==",
    file: "dayjs.min.js",
  },
  {
    name: "moment",
    global: "moment",
    version: "2.31.0",
    integrity: "sha512-0acOTfMiWOheYS4eoWb80yYMb/JLvVv9SHbs2PehaDzfUG0Bw855SKyk0IKTnPGa5+U2bmi3W68l1+sGLX/pvw==",
    file: "min/moment.min.js",
  },
  {
    name: "axios",
    global: "axios",
    version: "1.21.1",
    integrity: "sha512-6eI5Q/Y4u/Um9dDlsRoq5pY2rxnUTv+L4PpLitnbk/i4jb3MxLZ5CsN5Ih3IysbeRYK4pR+P7qfMsOQl9fwwFQ==",
    file: "dist/axios.min.js",
  },
  {
    name: "zustand",
    global: "zustand",
    version: "5.1.0",
    integrity: "sha512-ciJZlP48M1PTQbVQq81CGVFxHTLpZNrFjKqwjtCU34AWuXTZT/jrF3p9+fI84Cf1eSCMLapxqBy/SNTfwOBuqA==",
    file: "vanilla.js",
  },
];

export function libraryCatalogue(): { readonly name: string; readonly global: string; readonly version: string }[] {
  return LIBRARIES.map(({ name, global, version }) => ({ name, global, version }));
}

/** Errors: `module_not_allowed` for what is not in the catalogue. */
export function findLibrary(name: string): Library {
  const library = LIBRARIES.find((known) => known.name === name);
  if (library !== undefined) return library;
  const names = LIBRARIES.map((known) => known.name).join(", ");
  throw new GloveboxError("module_not_allowed", `there is no library '${name}'; there are ${names}`, {
    details: { library: name },
  });
}
