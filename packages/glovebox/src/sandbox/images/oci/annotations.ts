/** What our exports say of themselves, in the manifest's annotations; what an import believes of it is only names. */
export const ANNOTATIONS = {
  name: "glovebox.image.name",
  inputsHash: "glovebox.image.inputs",
  description: "org.opencontainers.image.description",
  created: "org.opencontainers.image.created",
} as const;
