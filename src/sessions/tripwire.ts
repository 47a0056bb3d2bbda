/** Looks for placeholders of credentials in what leaves a container by other ways than the network. */
import type { Progress } from "../../protocol/rows.ts";
import type { Session } from "../store/sessions.ts";

export interface Tripwire {
  /** Cuts them out wherever they stand in `value`, and reports them as part of the open transaction. */
  cut<Value>(session: Session, where: string, value: Value): Value;
  /** The same for what is shown while it is written. Never throws. */
  shown(session: Session, progress: Progress): Progress;
  /** The bytes of a file as they pass. They end in a Misuse where one stands in them or in the name. */
  file(session: Session, name: string, bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}
