/** What a rule says. */

export type Action = "allow" | "ask" | "deny" | "tunnel";
export type Scheme = "https" | "http";

export interface Rule {
  /** Tells rules apart; of two that say the very same, the lower one counts. */
  id: number;
  host: string;
  port: number;
  scheme: Scheme;
  /** Upper case; `*` alone for all. A request that changes its protocol has the method `UPGRADE`. */
  methods: string[];
  path: string;
  action: Action;
  /** The name of the credential that the request gets. */
  credential: string | null;
  /** The host may have an address in a private network. */
  privateNetwork: boolean;
  /** What is read there counts as safe, and what is sent there as not told to others. */
  trusted: boolean;
  /** A request that only asks does something there, too: a service that sends a message when an address is fetched. */
  acts: boolean;
}
