/** Descriptors that gvisor-host inherits from the supervisor. */
export const HOST_FDS = { listen: 10, commands: 11, filter: 12 } as const;

/** Descriptors in the sandbox. runsc gives three, whatever they are: these, and 2 for what the agent complains of. */
export const GUEST_FDS = { connections: 0, filter: 1 } as const;

/** The socket in the run folder on which gvisor-host takes runsc commands. */
export const COMMANDS_NAME = "commands.sock";

/** In the run folder: `STAGE.bundle`. */
export const BUNDLE_NAME = "bundle";

/** In a bundle: the same bundle, but runsc stops at the gate that is in it as {@link GATE_NAME}. */
export const GATED_NAME = "gated";
export const GATE_NAME = "gate";

/** In the run folder: `STAGE.exchange`. */
export const EXCHANGE_NAME = "exchange";

/** What runsc calls a checkpoint in its folder. */
export const IMAGE_NAME = "checkpoint.img";

/** In the stage that the supervisor makes. */
export const STAGE = {
  /** The root of sandboxes without a network: mounted while the supervisor waits. */
  root: "/image",
  /** The root of the others, which have other files in `/etc`. */
  networkRoot: "/network-image",
  workspace: "/workspace",
  bundle: "/bundle",
  /** Where runsc keeps what it knows of the sandbox. */
  state: "/state",
  /** Where runsc leaves a checkpoint, and finds the one that it restores: a folder of the run folder, in which each has a folder. */
  exchange: "/exchange",
} as const;

/** The first program inside (`native/gvisor-entry.c`): it becomes the agent. */
export const ENTRY = "/glovebox/entry";

/** The library that programs inside load first. */
export const COMPAT = "/glovebox/compat.so";

/** A folder in the sandbox's memory for what tells its name: each copy of it has another. */
export const NAMES = "/run/glovebox";

/** What runsc calls the one sandbox that it sees. */
export const CONTAINER = "sandbox";
