// Domain signatures by other people's programs: `nodemailer` signs, `mailauth` verifies. Each line of input is JSON:
// {"sign": mail in base64, "domain", "selector", "key"} is answered by the signed mail in base64,
// {"verify": file, "record": what DNS would say} by the signature's result.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const nodemailer = require("nodemailer");
const { dkimVerify } = require("mailauth/lib/dkim/verify");
const transport = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });

async function answer({ sign, domain, selector, key, verify, record }) {
  if (sign !== undefined) {
    const dkim = { domainName: domain, keySelector: selector, privateKey: key };
    const envelope = { from: `ana@${domain}`, to: ["li@customer.example"] };
    const { message } = await transport.sendMail({ envelope, raw: Buffer.from(sign, "base64"), dkim });
    return message.toString("base64");
  }
  const { results } = await dkimVerify(await readFile(verify), { resolver: async () => [[record]] });
  return results.map(({ status }) => status.result).join(" ");
}

for await (const line of createInterface(process.stdin)) {
  console.log(await answer(JSON.parse(line)));
}
