/** Small registries that speak what npm, pip and git speak, with one package and one repository in each. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/** What is served: the npm package and the wheel `small` 1.0.0, each with a program `small-*`, and a repository. */
export class Registries {
  readonly #files = mkdtempSync(join(tmpdir(), "registries-"));
  readonly #tarball: Buffer;
  readonly #wheel = makeWheel();

  constructor() {
    this.#makeRepository();
    const folder = join(this.#files, "package");
    mkdirSync(folder);
    const manifest = { name: "small", version: "1.0.0", main: "index.js", bin: { "small-npm": "index.js" } };
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    const program = '#!/usr/bin/env node\nmodule.exports = "a small package";\nconsole.error("small-npm ran");\n';
    writeFileSync(join(folder, "index.js"), program, { mode: 0o755 });
    const file = join(this.#files, "small.tgz");
    execFileSync("tar", ["-czf", file, "-C", this.#files, "package"]);
    this.#tarball = readFileSync(file);
  }

  close(): void {
    rmSync(this.#files, { recursive: true });
  }

  /** The registry protocol: what is known about a package, and its tarball. @param prefix of its paths */
  npm(prefix = "", scheme: "https" | "http" = "https"): RequestListener {
    return ({ url = "", headers }, response) => {
      if (url === `${prefix}/small`) {
        const tarball = `${scheme}://${headers.host}${prefix}/small/-/small-1.0.0.tgz`;
        const integrity = `sha512-${createHash("sha512").update(this.#tarball).digest("base64")}`;
        const version = { name: "small", version: "1.0.0", bin: { "small-npm": "index.js" } };
        const versions = { "1.0.0": { ...version, dist: { tarball, integrity } } };
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ name: "small", "dist-tags": { latest: "1.0.0" }, versions }));
      } else if (url === `${prefix}/small/-/small-1.0.0.tgz`) response.end(this.#tarball);
      else response.writeHead(404).end("{}");
    };
  }

  /** An index as PEP 503 has it. @param files where wheels are: an address that ends before `/packages` */
  pythonIndex(files: () => string): RequestListener {
    return ({ url = "" }, response) => {
      if (url !== "/simple/small/") return void response.writeHead(404).end();
      const sum = createHash("sha256").update(this.#wheel).digest("hex");
      response.setHeader("content-type", "text/html");
      response.end(
        `<!DOCTYPE html><html><body><a href="${files()}/packages/aa/bb/small-1.0.0-py3-none-any.whl#sha256=${sum}">small</a></body></html>`,
      );
    };
  }

  wheels(): RequestListener {
    return ({ url = "" }, response) => {
      if (/^\/packages\/.*\.whl$/.test(url)) response.end(this.#wheel);
      else response.writeHead(404).end();
    };
  }

  /** Git's own server program, behind what CGI asks for. The repository is `/some/repo.git`. */
  git(): RequestListener {
    return (request: IncomingMessage, response: ServerResponse) => {
      const [path = "", query = ""] = (request.url ?? "").split("?");
      const child = spawn("git", ["http-backend"], {
        env: {
          PATH: process.env.PATH,
          GIT_PROJECT_ROOT: this.#files,
          GIT_HTTP_EXPORT_ALL: "1",
          PATH_INFO: path,
          QUERY_STRING: query,
          REQUEST_METHOD: request.method ?? "",
          CONTENT_TYPE: request.headers["content-type"] ?? "",
          HTTP_CONTENT_ENCODING: String(request.headers["content-encoding"] ?? ""),
        },
      });
      request.pipe(child.stdin);
      const parts: Buffer[] = [];
      child.stdout.on("data", (part: Buffer) => parts.push(part));
      child.on("close", () => {
        const all = Buffer.concat(parts);
        const end = all.indexOf("\r\n\r\n");
        const lines = all.toString("latin1", 0, end).split("\r\n");
        const head = Object.fromEntries(lines.map((line) => line.split(/: (.*)/).slice(0, 2)));
        response.writeHead(Number.parseInt(head.Status ?? "200", 10), { "content-type": head["Content-Type"] ?? "" });
        response.end(all.subarray(end + 4));
      });
    };
  }

  #makeRepository(): void {
    const work = join(this.#files, "work");
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.org", ...args], {
        cwd: this.#files,
        stdio: "pipe",
      });
    git("init", "-q", work);
    writeFileSync(join(work, "file"), "from the repository\n");
    git("-C", work, "add", "file");
    git("-C", work, "commit", "-qm", "one");
    git("clone", "-q", "--bare", work, join(this.#files, "some", "repo.git"));
  }
}

function makeWheel(): Buffer {
  const info = "small-1.0.0.dist-info";
  const files = {
    "small.py": 'TEXT = "a small wheel"\n\ndef main():\n    print("small-pip ran")\n',
    [`${info}/METADATA`]: "Metadata-Version: 2.1\nName: small\nVersion: 1.0.0\n",
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    [`${info}/entry_points.txt`]: "[console_scripts]\nsmall-pip = small:main\n",
  };
  const record = [...Object.keys(files), `${info}/RECORD`].map((name) => `${name},,\n`).join("");
  return zip({ ...files, [`${info}/RECORD`]: record });
}

/** An archive without compression (APPNOTE.TXT 4.3): local headers with their data, the directory, its end. */
function zip(files: Record<string, string>): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const [path, data] = [Buffer.from(name), Buffer.from(text)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    // 1 January 1980, the first day that the format knows.
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, path, data]);
    const more = Buffer.alloc(14);
    more.writeUInt32LE(0o100644 * 2 ** 16, 6);
    more.writeUInt32LE(offset, 10);
    entries.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x03"), common, more, path]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from("PK\x05\x06"), end]);
}
