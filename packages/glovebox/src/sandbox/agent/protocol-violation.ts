/** The agent said what the protocol does not allow. Ends the connection; never leaves this folder. */
export class ProtocolViolation extends Error {
  override readonly name = "ProtocolViolation";
}
