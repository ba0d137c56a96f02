// A receiver of webhooks as somebody else writes one: Node's HTTP server and the npm package `standardwebhooks`.
// Its first line of input is JSON: the secrets by path. It answers 204 to what it believes and 400 to all else.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const { Webhook } = require("standardwebhooks");
const [line] = await new Promise((resolve) => createInterface(process.stdin).once("line", (text) => resolve([text])));
const secrets = JSON.parse(line);

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    try {
      const said = new Webhook(secrets[request.url]).verify(Buffer.concat(parts), request.headers);
      console.log(JSON.stringify({ id: request.headers["webhook-id"], type: said.type, data: said.data }));
      response.writeHead(204).end();
    } catch (error) {
      console.log(JSON.stringify({ refused: error.message }));
      response.writeHead(400).end();
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
