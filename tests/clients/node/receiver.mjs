// A partner's webhook receiver, checking every message with the official library.
//
//     node receiver.mjs SECRET
//
// Prints its port, then one line of JSON for each request: what it verified, or why not. Reads commands from standard
// input, one to a line: "status N" answers N from now on, "secret S" checks with another secret.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join } from "node:path";

const require = createRequire(join(process.env.NODE_MODULES, "..", "package.json"));
const { Webhook } = require("standardwebhooks");

const print = (line) => process.stdout.write(JSON.stringify(line) + "\n");
let status = 204;
let webhook = new Webhook(process.argv[2]);

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const seen = { id: request.headers["webhook-id"], verified: true, answered: status };
    try {
      const message = webhook.verify(Buffer.concat(parts), request.headers);
      seen.type = message.type;
      seen.payout = message.data.id;
      seen.sequence = message.data.sequence;
      seen.previous_status = message.data.previous_status;
    } catch (error) {
      seen.verified = false;
      seen.why = String(error);
    }
    response.writeHead(status).end();
    print(seen);
  });
});

server.listen(0, "127.0.0.1", () => print(server.address().port));
const commands = createInterface({ input: process.stdin });
commands.on("line", (line) => {
  const [word, value] = line.split(" ");
  if (word === "status") status = Number(value);
  else webhook = new Webhook(value);
  print({ did: word });
});
commands.on("close", () => process.exit(0));
