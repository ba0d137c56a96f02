// Mails as somebody else's program writes them: the npm package `nodemailer`, one for each JSON line of input, which
// holds its options. Each is answered by a line with the mail in base64.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const nodemailer = require("nodemailer");
const transport = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });

for await (const line of createInterface(process.stdin)) {
  const { message } = await transport.sendMail(JSON.parse(line));
  console.log(message.toString("base64"));
}
