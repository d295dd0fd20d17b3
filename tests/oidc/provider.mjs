// A real OpenID provider on loopback: says where it is, and takes `rotate` and `forget` a line on stdin.
// Clients get JWT access tokens by their own credentials; the groups that a token tells of are in its scope. The client
// `page` is a browser's: who comes is signed in as `anna` without being asked, and comes back to what RETURN says.
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
      })).concat(!process.env.RETURN ? [] : [{
        client_id: "page",
        client_secret: "page-secret",
        grant_types: ["authorization_code"],
        redirect_uris: [process.env.RETURN],
        response_types: ["code"],
        scope: ["openid", ...GROUPS].join(" "),
      }]),
      pkce: { required: () => true },
      findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
      interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => AUDIENCE,
          useGrantedResource: () => true,
          getResourceServerInfo: (ctx, resource, client) => ({
            scope: GROUPS.join(" "),
            audience: resource,
            accessTokenTTL: Number(process.env.TTL_S ?? 60),
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: client.clientId === "page" ? "RS256" : client.clientId } },
          }),
        },
      },
      extraTokenClaims: (ctx, token) => ({ groups: (token.scope ?? "").split(" "), sub: token.accountId ?? token.clientId }),
    });
    const answer = provider.callback();
    serve = async (request, response) => {
      if (!request.url.startsWith("/interaction/")) return answer(request, response);
      const { params, session } = await provider.interactionDetails(request, response);
      const grant = new provider.Grant({ accountId: session?.accountId ?? "anna", clientId: params.client_id });
      grant.addOIDCScope("openid");
      grant.addResourceScope(AUDIENCE, params.scope.replace("openid", "").trim());
      const grantId = await grant.save();
      const said = params.scope.includes("nobody")
        ? { error: "access_denied" }
        : { login: { accountId: "anna" }, consent: { grantId } };
      await provider.interactionFinished(request, response, said, { mergeWithLastSubmission: false });
    };
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
