/**
 * Seeds that show a fault which the host once had, with what that fault was. They are played first, every time. What a
 * seed means changes with scenario.ts: then undo a fix in a copy of the project and look for a seed that shows it again.
 */
export const ONCE_FAILED: Record<string, string> = {
  "2": "a container that became idle was not offered to the sessions that waited for a slot",
  "4": "a turn that hung in a container found after a restart had no time limit",
  "17": "a session with endless work kept its slot while others waited",
  "43": "a retry could not be stored: its pause was a fraction of a millisecond",
  "46": "a message whose answer was lost was not sent again, although the platform remembers keys",
  "47": "a container whose start was not heard of was not looked for before the next start",
  "84": "a message that came while a container was being stopped was begun in it, and cut off; later: a receipt told of a long message when its first part was delivered, and again with the others",
  "153": "an engine that was down when a container was to be ended ended the host",
  "221": "with the engine down at the start, containers were started beside those that still ran",
  "492": "readers that were killed now and then, over the months, counted as many in a row",
  "635": "a start that failed after its runner had been heard left the session in a state without a container",
  "3091": "a container could not be adopted because of a full disk, and was stuck",
  "50336":
    "a container that was found again, but not talked to for want of disk space, was let run and forgotten; later: two stops with a message in between, while the first had not ended its turn yet: the message was begun after all",
  "32683": "a one-shot task that failed before the clock was set back was never tried again",
  "36": "a task that ended with nothing to say left its draft as if it were still being written",
  "88": "a runner that froze before it took its work up was never ended",
  "280": "the word that held messages were stopped did not name them",
  "378": "a message near the platform's limit was too long when it was repeated with its mark",
  "5003299": "a stop was not passed to a container that was being ended, and that began the work after it",
  "5002405":
    "of two who waited when the clock was set back, one was told in time and the other as if they had come then",
  "5001453": "an answer did not wait for a change of its draft once the next turn had shown something",
  "5000089": "whoever waited when the clock was set back was told only after it had caught up",
  "1796072400010": "a container that cleared what a run had left froze, and nobody ended it",
  "1796200000013": "a container that cleared what a run had left outlived a clean stop",
  "1796200000098": "of a long message whose first parts were sent after all, the agent heard that it was delivered",
  "1796300000030": "a host whose disk was full could not start where requests of the model had no end yet",
  "1796087874000468": "a draft that was to come when the clock was set back came after it had caught up",
  "1796093000463": "a draft whose sending could not be recorded for a while was sent after its answer",
  "5818": "a stop ended a turn whose container still ran, before that was found again",
};
