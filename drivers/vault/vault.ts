/**
 * The built-in vault: rows of the central database, each secret sealed with its settings under a key that is not there.
 * What is listed is told without the key; a row or a key that can't be used stops nothing but its own use.
 */
import { type HttpCredential, httpCredential, type OAuth2 } from "../../packages/http-credentials/kinds.ts";
import { settingsOf, type Wire, wireOf } from "../../packages/http-credentials/wire.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { Database } from "../../src/lib/sqlite.ts";
import { nameOf, placeholderOf } from "../../src/vault/placeholder.ts";
import type { Credential, PlainKind, PlainSecret, Vault } from "../../src/vault/vault.ts";
import { currentKey, derived, idOf, prepareNext, settleKey } from "./key.ts";
import { type AskProvider, Refresher, setAgain } from "./refresher.ts";
import { type Bound, seal, unseal } from "./seal.ts";

/** The last use is written down this seldom, milliseconds: using a credential must not cost a commit. */
const USE_NOTED = 60 * 60_000;

export interface SealedVaultOptions {
  clock?: Clock;
  /** Asks a provider's token endpoint. */
  ask?: AskProvider;
  /** A credential does not work any more until somebody sets it again. Must not throw. */
  onTrouble?(name: string, why: string): void;
}

interface Row extends Bound {
  kind: Credential["kind"];
  sealed: Uint8Array;
  usedAt: number | null;
  trouble: string | null;
}

const isPlain = (kind: Credential["kind"]): kind is PlainKind => kind === "api_key" || kind === "oauth_token";

export class SealedVault implements Vault {
  readonly #db: Database;
  readonly #keyFile: string;
  readonly #clock: Clock;
  readonly #refresher: Refresher;
  #key: Buffer | null = null;

  /** @param keyFile read when the first secret is needed, so that a missing key stops nothing else. */
  constructor(db: Database, keyFile: string, { clock = systemClock, ask, onTrouble }: SealedVaultOptions = {}) {
    this.#db = db;
    this.#keyFile = keyFile;
    this.#clock = clock;
    this.#refresher = new Refresher({
      clock,
      ask: ask ?? (() => Promise.reject(new Error("nothing here can ask a provider"))),
      load: (name) => this.#oauth2(name),
      keep: (name, from, to) => this.#keep(name, from, to),
      refused: (name, from, why) => {
        // Another one may have been set meanwhile.
        if (this.#oauth2(name).secret !== from.secret) return;
        this.#db.run("UPDATE credentials SET trouble=? WHERE name=?", why, name);
        onTrouble?.(name, `${why}. ${setAgain(name)}`);
      },
    });
  }

  put(name: string, secret: PlainSecret | HttpCredential, now: number, variable: string | null = null): void {
    const { kind } = secret;
    const key = this.#openKey();
    const sealed = seal(key, { name, kind, variable }, isPlainSecret(secret) ? secret.secret : JSON.stringify(secret));
    this.#db.run(
      `INSERT OR REPLACE INTO credentials (name, kind, variable, sealed, key_id, created_at, expires_at)
       VALUES (?,?,?,?,?,?,?)`,
      ...[name, kind, variable, sealed, idOf(key), now, endOf(secret)],
    );
    this.#refresher.wasSet(name);
  }

  reveal(name: string): PlainSecret | null {
    const row = this.#row(name);
    if (!row) return null;
    const { kind } = row;
    if (!isPlain(kind)) throw new Misuse(`credential "${name}" is of kind ${kind}, which only requests may carry`);
    const secret = this.#open(row);
    this.#used(row);
    return { kind, secret };
  }

  async forModel(name: string): Promise<PlainSecret | null> {
    if (this.#row(name)?.kind !== "oauth2") return this.reveal(name);
    const { secret } = await this.wire(name);
    return { kind: "oauth_token", secret };
  }

  async wire(name: string): Promise<Wire> {
    const row = this.#row(name);
    if (!row) {
      throw new Misuse(`there is no credential "${name}"`, `Store it with \`ncl credentials set ${name} --kind …\`.`);
    }
    const credential = this.#parse(row);
    const wire =
      credential.kind === "oauth2"
        ? wireOf({ kind: "bearer", secret: await this.#token(row, credential) })
        : wireOf(credential);
    this.#used(row);
    return wire;
  }

  describe(name: string): Record<string, string> {
    const row = this.#row(name);
    if (!row || isPlain(row.kind)) return {};
    return settingsOf(this.#parse(row));
  }

  list(): Credential[] {
    return this.#db.all(
      `SELECT name, kind, variable, created_at AS createdAt, expires_at AS expiresAt, used_at AS usedAt, trouble
       FROM credentials ORDER BY name`,
    );
  }

  remove(name: string): boolean {
    return this.#db.run("DELETE FROM credentials WHERE name=?", name) === 1;
  }

  /**
   * The order: the next key is durable beside the current one; one transaction seals every row anew and names that key in
   * it; the next key takes the place of the current one. Cut off before the commit, the next key is thrown away; after it,
   * the rows name it, and it is put in its place when the key is needed again (see currentKey).
   */
  rotateKey(within: (reseal: () => number) => number): number {
    const key = this.#openKey();
    const next = prepareNext(this.#keyFile);
    // Should it stop half-way, the rows say which one counts.
    this.#key = null;
    const count = within(() => this.#reseal(key, next));
    settleKey(this.#keyFile);
    return count;
  }

  placeholderOf(session: string, name: string): string {
    return placeholderOf(this.#placeholderKey(), session, name);
  }

  nameOf(session: string, placeholder: string, names: readonly string[]): string | null {
    return nameOf(this.#placeholderKey(), session, placeholder, names);
  }

  #placeholderKey(): Buffer {
    return derived(this.#openKey(), "placeholders");
  }

  #reseal(key: Buffer, next: Buffer): number {
    const rows = this.#rows("");
    for (const row of rows) {
      const sealed = seal(next, row, this.#open(row, key));
      this.#db.run("UPDATE credentials SET sealed=?, key_id=? WHERE name=?", sealed, idOf(next), row.name);
    }
    return rows.length;
  }

  #token(row: Row, { access }: OAuth2): Promise<string> {
    if (row.trouble === null) return this.#refresher.token(row.name);
    // What was refused is not asked for again, but what was granted before lasts to its end.
    if (access && this.#clock.now() < access.expiresAt) return Promise.resolve(access.token);
    return Promise.reject(new Misuse(row.trouble, setAgain(row.name)));
  }

  #oauth2(name: string): OAuth2 {
    const row = this.#row(name);
    const credential = row && !isPlain(row.kind) && this.#parse(row);
    if (credential && credential.kind === "oauth2") return credential;
    throw new Misuse(
      `there is no OAuth 2 credential "${name}" any more`,
      "`ncl credentials list` shows what there is.",
    );
  }

  #keep(name: string, from: OAuth2, to: OAuth2): boolean {
    return this.#db.transaction(() => {
      const row = this.#row(name);
      if (row?.kind !== "oauth2" || this.#oauth2(name).secret !== from.secret) return false;
      const key = this.#openKey();
      this.#db.run(
        "UPDATE credentials SET sealed=?, key_id=?, expires_at=?, trouble=NULL WHERE name=?",
        ...[seal(key, row, JSON.stringify(to)), idOf(key), endOf(to), name],
      );
      return true;
    });
  }

  #row(name: string): Row | undefined {
    return this.#rows("WHERE name=?", name)[0];
  }

  #rows(where: string, ...values: string[]): Row[] {
    const columns = "name, kind, variable, sealed, used_at AS usedAt, trouble";
    return this.#db.all(`SELECT ${columns} FROM credentials ${where}`, ...values);
  }

  #parse(row: Row): HttpCredential {
    if (isPlain(row.kind)) {
      throw new Misuse(
        `credential "${row.name}" is the model's or a channel's, and no request to another service may carry it`,
        `Store one for that service: \`ncl credentials set NAME --kind bearer\`, for example.`,
      );
    }
    const parsed = httpCredential.safeParse(jsonIn(this.#open(row)));
    if (parsed.success && parsed.data.kind === row.kind) return parsed.data;
    throw new Misuse(`credential "${row.name}" was stored by another version of NanoClaw`, setItAgain(row.name));
  }

  #open(row: Row, key = this.#openKey()): string {
    const secret = unseal(key, row, row.sealed);
    if (secret !== null) return secret;
    throw new Misuse(
      `credential "${row.name}" can't be opened: the vault's key does not fit, or its data is damaged or was moved here from elsewhere`,
      `${setItAgain(row.name)} Or restore the database together with the key file ${this.#keyFile}.`,
    );
  }

  #used({ name, usedAt }: Row): void {
    const now = this.#clock.now();
    if (usedAt !== null && Math.abs(now - usedAt) < USE_NOTED) return;
    try {
      this.#db.run("UPDATE credentials SET used_at=? WHERE name=?", now, name);
    } catch {
      // A full disk is no reason not to use what is there.
    }
  }

  #openKey(): Buffer {
    if (this.#key) return this.#key;
    const rows = this.#db.all<{ id: string | null }>("SELECT key_id AS id FROM credentials");
    const ids = [...new Set(rows.flatMap(({ id }) => (id === null ? [] : [id])))];
    this.#key = currentKey(this.#keyFile, { rows: rows.length, ids });
    return this.#key;
  }
}

const setItAgain = (name: string) => `Set it again with \`ncl credentials set ${name}\`.`;
const isPlainSecret = (secret: PlainSecret | HttpCredential): secret is PlainSecret => isPlain(secret.kind);
const endOf = (secret: PlainSecret | HttpCredential) =>
  secret.kind === "oauth2" ? (secret.access?.expiresAt ?? null) : null;

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
