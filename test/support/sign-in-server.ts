/**
 * A sign-in provider of our own over TLS on loopback: grants access tokens for refresh tokens, each of which it takes once.
 * One that comes a second time revokes the whole sign-in, as providers do that rotate them (RFC 9700, section 4.14.2).
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";

/** What it does instead of what was asked. */
export type Mood = "well" | "error 500" | "no JSON" | "no token" | "silent" | "cuts" | "endless" | "busy" | "redirects";

export class SignInServer {
  readonly certificateFile: string;
  readonly certificate: string;
  mood: Mood = "well";
  /** Seconds that a token lives; null where it does not say. */
  expiresIn: number | null = 3600;
  rotates = true;
  /** Before it answers, milliseconds. */
  delay = 0;
  /** The parameters of each request, in order. */
  readonly asked: Record<string, string>[] = [];
  /** Every token that it gave out. */
  readonly granted: string[] = [];
  refreshToken = this.#token();
  readonly #spent = new Set<string>();
  readonly #server: Server;
  #revoked = false;

  private constructor(dir: string, key: string) {
    this.certificateFile = join(dir, "cert.pem");
    this.certificate = readFileSync(this.certificateFile, "utf8");
    this.#server = createServer({ key: readFileSync(key), cert: this.certificate }, (request, response) => {
      void this.#serve(request, response);
    });
  }

  static async start(t: Pick<TestContext, "after">): Promise<SignInServer> {
    const dir = mkdtempSync(join(tmpdir(), "sign-in-"));
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
    execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, ...names], { stdio: "ignore" });
    const server = new SignInServer(dir, key);
    await once(server.#server.listen(0, "127.0.0.1"), "listening");
    t.after(() => {
      server.#server.close();
      server.#server.closeAllConnections();
      rmSync(dir, { recursive: true });
    });
    return server;
  }

  get tokenEndpoint(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}/oauth/token`;
  }

  revoke(): void {
    this.#revoked = true;
  }

  /** Somebody signs in again. @returns the refresh token */
  signIn(): string {
    this.#revoked = false;
    this.refreshToken = this.#token();
    return this.refreshToken;
  }

  #token(): string {
    const token = `t-${randomBytes(24).toString("base64url")}`;
    this.granted?.push(token);
    return token;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const json = request.headers["content-type"] === "application/json";
    const given = json ? (JSON.parse(body) as Record<string, string>) : Object.fromEntries(new URLSearchParams(body));
    this.asked.push(given);
    if (this.delay > 0) await new Promise((done) => setTimeout(done, this.delay));
    const answer = (status: number, value: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    switch (this.mood) {
      case "error 500":
        return void answer(500, { error: "server_error", error_description: `about ${given.refresh_token}` });
      case "no JSON":
        return void response.end("<html>hello</html>");
      case "no token":
        return void answer(200, { token_type: "bearer" });
      case "silent":
        return;
      case "cuts":
        response.writeHead(200, { "content-length": 500 }).write('{"access');
        return void setTimeout(() => response.destroy(), 10);
      case "endless":
        response.on("error", () => {});
        return void response.writeHead(200).end("x".repeat(200_000));
      case "busy":
        return void answer(429, { error: "slow_down" });
      case "redirects":
        return void response.writeHead(302, { location: "https://localhost:1/elsewhere" }).end();
      case "well":
        break;
    }
    const { refresh_token = "" } = given;
    if (this.#spent.has(refresh_token)) this.#revoked = true;
    if (this.#revoked || refresh_token !== this.refreshToken) {
      return void answer(400, { error: "invalid_grant", error_description: `${refresh_token} is not good` });
    }
    if (this.rotates) {
      this.#spent.add(refresh_token);
      this.refreshToken = this.#token();
    }
    answer(200, {
      access_token: this.#token(),
      token_type: "Bearer",
      ...(this.expiresIn !== null && { expires_in: this.expiresIn }),
      ...(this.rotates && { refresh_token: this.refreshToken }),
    });
  }
}
