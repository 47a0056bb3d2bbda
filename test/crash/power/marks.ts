/**
 * Preloaded into the host beside the shim: remarks in the shim's log, just before each answer to `chat.send` leaves, that
 * this one counts as acknowledged from here on. The answers come in the order of the messages.
 */
import { unlinkSync } from "node:fs";
import { ServerResponse } from "node:http";

const dir = process.env.POWER_DIR ?? "";
const end = ServerResponse.prototype.end;
ServerResponse.prototype.end = function (this: ServerResponse, ...args: Parameters<typeof end>) {
  if (this.req?.url === "/v1/verbs/chat.send" && this.statusCode === 200) {
    try {
      unlinkSync(`${dir}/.mark:acknowledged`);
    } catch {
      // There is no such file: the shim has heard it all the same.
    }
  }
  return end.apply(this, args);
} as typeof end;
