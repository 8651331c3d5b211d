// A certified OpenID provider on loopback: `node provider.mjs PORT REDIRECT_URI`. Whoever signs in
// is whom they say they are.
import Provider from 'oidc-provider';

const [port, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'sumun',
    client_secret: 'a secret of at least 32 characters',
    redirect_uris: [redirectUri],
    response_types: ['code'],
    grant_types: ['authorization_code'],
  }],
  cookies: { keys: ['only for tests'] },
  pkce: { required: () => true },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: false,
  findAccount: async (_ctx, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id, name: '홍길동', email: `${id}@snu.ac.kr`, email_verified: true,
    }),
  }),
});
provider.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${issuer}`));
