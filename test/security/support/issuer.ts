import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly publicJwk: JWK;
}

/** An OpenID Connect issuer on 127.0.0.1: discovery and key set over real HTTP, and tokens it signs. */
export class TestIssuer {
  readonly #server: Server;
  #keys: SigningKey[] = [];
  /** Requests for the key set. */
  asked = 0;
  /** Answers with a fault instead. */
  broken = false;
  url = '';

  private constructor() {
    this.#server = createServer((request, response) => {
      if (request.url === '/keys') this.asked += 1;
      if (this.broken) return response.writeHead(503).end();
      const body =
        request.url === '/keys'
          ? this.keySet
          : request.url === '/.well-known/openid-configuration'
            ? { issuer: this.url, jwks_uri: `${this.url}/keys` }
            : undefined;
      if (body === undefined) return response.writeHead(404).end();
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  }

  static async start(alg = 'RS256'): Promise<TestIssuer> {
    const issuer = new TestIssuer();
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve));
    issuer.url = `http://127.0.0.1:${(issuer.#server.address() as AddressInfo).port}`;
    await issuer.addKey(alg);
    return issuer;
  }

  get keySet(): { keys: JWK[] } {
    return { keys: this.#keys.map(({ publicJwk }) => publicJwk) };
  }

  get keysUrl(): string {
    return `${this.url}/keys`;
  }

  /** The newest signs. */
  async addKey(alg = 'RS256'): Promise<string> {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const kid = `key-${alg}-${this.#keys.length}-${Math.random().toString(36).slice(2)}`;
    this.#keys.unshift({ kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } });
    return kid;
  }

  removeKey(kid: string): void {
    this.#keys = this.#keys.filter((key) => key.kid !== kid);
  }

  /** A token for "mina", a writer of the workspace "one", for a minute. @param claims undefined ones are left out */
  sign(claims: { readonly [name: string]: unknown } = {}, header: Record<string, unknown> = {}): Promise<string> {
    const [key] = this.#keys;
    if (key === undefined) throw new Error('the issuer has no key');
    const now = Math.floor(Date.now() / 1000);
    const standard = { iss: this.url, aud: 'memory-hub', sub: 'mina', iat: now, exp: now + 60 };
    const all = { ...standard, memoryhub_workspace: 'one', memoryhub_role: 'writer', ...claims };
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return new SignJWT(given).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header }).sign(key.privateKey);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
