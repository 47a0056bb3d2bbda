/**
 * Recovery mode: opens the outbound mailbox as its writer and closes it. That rolls back what a killed runner left in
 * the middle of a commit, here, where the file belongs; the host never opens it for writing.
 */
import { inside } from "../../protocol/layout.ts";
import { MailboxWriter } from "../../protocol/mailbox/writer.ts";

MailboxWriter.open(inside.outboundDb).close();
