/** How a runner ends. The host reads the code and the end of stderr; everything else is in the outbound mailbox. */
export const exitCode = {
  /** Asked to by a signal. A turn that ran is left without an end: the host takes it up again. */
  stopped: 0,
  /** Something was thrown that nobody expected; stderr has it. */
  crashed: 1,
  /** `config.json` or `instructions.md` is missing or wrong. */
  config: 2,
  /** The outbound mailbox can't be opened or written, for example because the disk is full. */
  outbox: 3,
  /** The relay to the session socket can't listen. */
  relay: 4,
  /** A turn was broken off and the agent did not let go of it. The turn's end is in the mailbox. */
  stuck: 5,
} as const;
