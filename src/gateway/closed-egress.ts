/** An egress that lets nothing out, and says so. */
import type { Egress } from "./egress.ts";

const refusal = {
  status: 403,
  message: "The NanoClaw gateway refused it: nothing but the model can be reached from here.",
};

export const closedEgress: Egress = {
  // The refusal of a tunnel itself is seldom shown by a client; that of a request inside is.
  tunnel: async () => ({ do: "intercept" }),
  decide: async () => ({ allow: false, ...refusal }),
  ended: () => {},
  leaked: () => {},
  refused: () => {},
};
