// A mail program as somebody else writes one: the npm package `nodemailer`, handing on whole mails as they are.
// Its first line of input is JSON: the port, and for each mail its file, sender and recipient.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const nodemailer = require("nodemailer");
const [line] = await new Promise((resolve) => createInterface(process.stdin).once("line", (text) => resolve([text])));
const { port, letters } = JSON.parse(line);

const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port,
  name: "nodemailer.interop.example",
  ignoreTLS: true,
  pool: true,
  maxConnections: 4,
  maxMessages: Infinity,
});
await Promise.all(
  letters.map(({ path, sender, recipient }) =>
    transport.sendMail({ envelope: { from: sender, to: [recipient] }, raw: { path } }),
  ),
);
transport.close();
