// A partner's webhook receiver that verifies every message with the official library.
//
//     node receiver.mjs SECRET
//
// Prints its port, then one line of JSON for each request: the verified message, or the reason why it is invalid. Reads
// commands from standard input, one per line: "status N" sets the status of its responses, "secret S" replaces the
// secret.

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
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const result = { id: request.headers["webhook-id"], verified: true, answered: status };
    try {
      const message = webhook.verify(Buffer.concat(chunks), request.headers);
      result.type = message.type;
      result.payout = message.data.id;
      result.sequence = message.data.sequence;
      result.previous_status = message.data.previous_status;
    } catch (error) {
      result.verified = false;
      result.why = String(error);
    }
    response.writeHead(status).end();
    print(result);
  });
});

server.listen(0, "127.0.0.1", () => print(server.address().port));
const commands = createInterface({ input: process.stdin });
commands.on("line", (line) => {
  const [command, value] = line.split(" ");
  if (command === "status") status = Number(value);
  else webhook = new Webhook(value);
  print({ did: command });
});
commands.on("close", () => process.exit(0));
