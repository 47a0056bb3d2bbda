/** Every attack, in the order in which they are made: those that use up a limit of the session come late. */
import type { Attack, Step } from "../attack.ts";
import { bombs, leaveTraces } from "./bombs.ts";
import { fileAttacks } from "./files.ts";
import { gatewayAttacks } from "./gateway.ts";
import { identityAttacks } from "./identity.ts";
import { kernelAttacks } from "./kernel.ts";
import { mailboxAttacks } from "./mailbox.ts";
import { outsideAttacks } from "./outside.ts";
import { secretAttacks } from "./secrets.ts";

export const attacks: Attack[] = [
  ...fileAttacks,
  ...identityAttacks,
  ...kernelAttacks,
  ...outsideAttacks,
  ...secretAttacks,
  ...mailboxAttacks,
  ...gatewayAttacks,
  ...bombs,
];

/** What has to be done beside them, in the first container. */
export const preparations: Step[] = [leaveTraces];
