// A clearinghouse of few lines on npm jose: a passport and its visas, from the keys they name.
// Told what to verify by one JSON line on standard input; answers with one.
import { createInterface } from 'node:readline/promises';
import * as jose from 'jose';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const job = JSON.parse((await lines.next()).value);
const algorithms = ['RS256', 'ES256'];

async function verified(token, keys, typ) {
  const url = new URL(keys ?? jose.decodeProtectedHeader(token).jku);
  return jose.jwtVerify(token, jose.createRemoteJWKSet(url), { issuer: job.issuer, typ, algorithms });
}

const passport = await verified(job.passport, job.jwks, 'vnd.ga4gh.passport+jwt');
const visas = [];
for (const visa of passport.payload.ga4gh_passport_v1) {
  const { payload, protectedHeader } = await verified(visa, null, 'vnd.ga4gh.visa+jwt');
  visas.push({ type: payload.ga4gh_visa_v1.type, sub: payload.sub, alg: protectedHeader.alg });
}
console.log(JSON.stringify({ sub: passport.payload.sub, visas }));
process.exit(0);
