/**
 * Checks that imports go one way: down the list of the house, never up, never round. Fails when it looked at nothing.
 * Run as a script it checks this project.
 */
import { resolve } from "node:path";
import { cruise, type IFlattenedRuleSet } from "dependency-cruiser";

/** The parts of `src/`, from the top down. A part may import those after it; everything may import `lib` and `protocol`. */
const LAYERS = [
  "main.ts",
  "http",
  "control",
  "message-path.ts",
  "inbound",
  "approvals",
  "outbound",
  "channels",
  "sessions",
  "sandbox",
  "gateway",
  "agents",
  "vault",
  "access",
  "store",
  "audit",
  "lib",
];
/** Tests and their helpers may reach further than what they test. */
const TESTS = "\\.test\\.ts$|/testing/";
/** What a client of the host may know. */
const CONTRACT = "^(api/|src/lib/)";

type Rules = NonNullable<IFlattenedRuleSet["forbidden"]>;

const inLayer = (layer: string) => (layer.endsWith(".ts") ? `^src/${layer.replace(".", "\\.")}$` : `^src/${layer}/`);

function rules(): Rules {
  const upward = LAYERS.slice(1).map((layer, index) => ({
    name: `${layer} imports what is above it`,
    severity: "error" as const,
    from: { path: inLayer(layer), pathNot: TESTS },
    to: { path: LAYERS.slice(0, index + 1).map(inLayer) },
  }));
  const only = (name: string, from: string, allowed: string[]) => ({
    name: `${name} may import only ${allowed.join(" ")}`,
    severity: "error" as const,
    from: { path: from, pathNot: TESTS },
    to: {
      path: "^(src|parts|drivers|packages|api|protocol|container|cli|setup|practice|skills|test|bench|scripts)/",
      pathNot: allowed,
    },
  });
  return [
    ...upward,
    { name: "no cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "imports that lead nowhere",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: "^bun(:|$)" },
    },
    only("src", "^src/(?!main\\.ts$)", ["^src/", "^protocol/", "^api/", "^packages/"]),
    only("main.ts", "^src/main\\.ts$", ["^src/", "^protocol/", "^drivers/", "^parts/[^/]+/index\\.ts$"]),
    only("api", "^api/", ["^api/", "^protocol/"]),
    // A library of our own knows nothing of NanoClaw.
    only("packages", "^packages/([^/]+)/", ["^packages/$1/"]),
    // A driver stands behind a port of src: it knows that port, and no other driver.
    only("drivers", "^drivers/([^/]+)/", [
      "^drivers/$1/",
      "^src/(sandbox/|gateway/|vault/|channels/|sessions/(mailbox-readers|files)\\.ts$|lib/)",
      "^src/store/(address|inbox|outbox|sessions)\\.ts$",
      "^packages/",
      "^protocol/",
    ]),
    only(
      "a part of src that LAYERS does not know",
      `^src/(?!${LAYERS.map((layer) => layer.replace(".ts", "\\.ts$")).join("|")})`,
      ["^$"],
    ),
    // A part that the way of a message can do without: it knows the host, and only main.ts knows it.
    only("parts", "^parts/([^/]+)/", [
      "^parts/$1/",
      "^src/(?!main\\.ts$|message-path\\.ts$|http/)",
      "^packages/",
      "^api/",
      "^protocol/",
    ]),
    only("protocol", "^protocol/", ["^protocol/"]),
    only("practice", "^practice/", ["^practice/"]),
    only("container/runner", "^container/runner/", ["^container/runner/", "^protocol/"]),
    // It runs inside, in the runner's place: the host knows it as files only.
    only("container/probe", "^container/probe/", ["^container/probe/", "^protocol/"]),
    // A provider knows the runner by its contract, and no other provider.
    only("container/providers", "^container/providers/([^/]+)/", [
      "^container/providers/$1/",
      "^container/runner/(providers/provider|prompt)\\.ts$",
      "^protocol/",
    ]),
    // A skill is code of its own behind a contract, and nothing here knows it.
    only("skills", "^skills/([^/]+)/", [
      "^skills/$1/",
      "^src/channels/channel\\.ts$",
      "^src/lib/(errors|clock|log|ids)\\.ts$",
      "^src/store/address\\.ts$",
      "^packages/",
      "^protocol/",
    ]),
    only("cli", "^cli/", ["^cli/", "^packages/", "^protocol/", CONTRACT]),
    only("setup", "^setup/", ["^setup/", "^cli/", "^protocol/", CONTRACT]),
    {
      name: "product code imports a test",
      severity: "error",
      from: { path: "^(src|parts|drivers|packages|api|protocol|container|cli|setup|practice|skills)/", pathNot: TESTS },
      to: { path: `^test/|${TESTS}` },
    },
  ];
}

/** @returns how many modules were looked at, and each violation as "rule: from -> to" */
export async function checkImports(
  root: string,
  folders: string[],
): Promise<{ modules: number; violations: string[] }> {
  const { output } = await cruise(folders, {
    baseDir: root,
    ruleSet: { forbidden: rules() },
    validate: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "node_modules" },
    // Types count: a type is a contract too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  });
  if (typeof output === "string") throw new Error("dependency-cruiser answered in words, not in data");
  const { violations } = output.summary;
  return {
    // Only what has imports proves that the sources were understood.
    modules: output.modules.filter(({ dependencies }) => dependencies.length > 0).length,
    violations: violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
  };
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "../..");
  const { modules, violations } = await checkImports(root, [
    "src",
    "parts",
    "api",
    "packages",
    "drivers",
    "protocol",
    "container",
    "cli",
    "setup",
    "practice",
    "skills",
  ]);
  process.stdout.write(
    `${modules} modules with imports, ${violations.length} against the rules\n${violations.map((line) => `  ${line}\n`).join("")}`,
  );
  process.exitCode = modules === 0 || violations.length > 0 ? 1 : 0;
}
