/** The package's door: what the runner imports (see container/runner/providers/provider.ts for what it promises). */
import type { ProviderFactory } from "../../runner/providers/provider.ts";
import { openClaude } from "./claude.ts";

export const open: ProviderFactory = (options) => openClaude(options);
