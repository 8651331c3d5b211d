// A relying party of the gateway: npm openid-client, and jose for the ID token once more.
// Told what to do by one JSON line on standard input; answers with JSON lines.
import { createInterface } from 'node:readline/promises';
import * as jose from 'jose';
import * as oidc from 'openid-client';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const say = (value) => console.log(JSON.stringify(value));

const job = await read();
const plain = { execute: [oidc.allowInsecureRequests] };

async function authentication() {
  if (!job.key) return oidc.ClientSecretBasic(job.secret);
  return oidc.PrivateKeyJwt(await jose.importJWK(job.key, 'ES256'));
}

const config = await oidc.discovery(
  new URL(job.issuer), job.client_id, {}, await authentication(), plain,
);
const DPoP = job.dpop
  ? oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'))
  : undefined;
const me = new URL(`${job.issuer}/api/v1/me`);
const resource = async (token) =>
  (await oidc.fetchProtectedResource(config, token, me, 'GET', null, undefined, { DPoP })).json();

async function machine() {
  const tokens = await oidc.clientCredentialsGrant(config, { scope: 'read' }, { DPoP });
  say({ me: await resource(tokens.access_token), token_type: tokens.token_type });
}

async function person() {
  const verifier = oidc.randomPKCECodeVerifier();
  const wanted = {
    redirect_uri: job.redirect_uri,
    scope: 'openid profile offline_access read',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
  };
  const address = job.par
    ? await oidc.buildAuthorizationUrlWithPAR(config, wanted, { DPoP })
    : oidc.buildAuthorizationUrl(config, wanted);
  say({ address: address.href });
  const { back } = await read();
  const checks = {
    pkceCodeVerifier: verifier, expectedNonce: wanted.nonce, expectedState: wanted.state,
    idTokenExpected: true,
  };
  const first = await oidc.authorizationCodeGrant(config, new URL(back), checks, undefined, { DPoP });
  const { sub } = first.claims();
  const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const known = await jose.jwtVerify(first.id_token, keys, {
    issuer: job.issuer, audience: job.client_id,
  });
  const told = await oidc.fetchUserInfo(config, first.access_token, sub, { DPoP });
  const again = await oidc.refreshTokenGrant(config, first.refresh_token, undefined, { DPoP });
  const mine = await resource(again.access_token);
  await oidc.tokenRevocation(config, again.refresh_token);
  let after = 200;
  try { await resource(again.access_token); } catch (error) { after = error.response?.status ?? error.status ?? 401; }
  say({
    sub, jose: known.payload.sub, alg: known.protectedHeader.alg, name: told.name,
    me: mine, token_type: again.token_type, after,
  });
}

await (job.machine ? machine() : person());
