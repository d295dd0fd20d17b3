// A real OpenID provider on loopback: says where it is, and takes `rotate` and `forget` a line on stdin.
// Clients get JWT access tokens by their own credentials; the groups that a token tells of are in its scope.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const AUDIENCE = "urn:highroad:test";
const GROUPS = ["net-ops", "net-eng", "acme-admins", "acme-readers", "rival-members", "nobody"];

const key = (alg) => {
  const { privateKey } = alg === "ES256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), alg, use: "sig", kid: randomUUID() };
};

let keys = [key("RS256"), key("ES256")];
let serve;
const server = createServer((request, response) => serve(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const start = () => {
    const provider = new Provider(issuer, {
      jwks: { keys },
      scopes: ["openid", ...GROUPS],
      clients: ["RS256", "ES256"].map((alg) => ({
        client_id: alg,
        client_secret: "secret",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        scope: GROUPS.join(" "),
      })),
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => AUDIENCE,
          getResourceServerInfo: (ctx, resource, client) => ({
            scope: GROUPS.join(" "),
            audience: resource,
            accessTokenTTL: Number(process.env.TTL_S ?? 60),
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: client.clientId } },
          }),
        },
      },
      extraTokenClaims: (ctx, token) => ({ groups: (token.scope ?? "").split(" "), sub: token.clientId }),
    });
    serve = provider.callback();
  };
  start();
  console.log(JSON.stringify({ issuer, audience: AUDIENCE }));
  createInterface({ input: process.stdin }).on("line", (line) => {
    if (line === "rotate") {
      keys = [key("RS256"), key("ES256"), ...keys];
      start();
    } else if (line === "forget") {
      keys = keys.slice(0, 2);
      start();
    }
    console.log(JSON.stringify({ done: line }));
  }).on("close", () => process.exit(0));
});
