// What somebody else's program reads in a mail: the npm package `mailparser`. Each line of input names a file; each is
// answered by a line of JSON: the header's lines in order, and the tree with what it makes of each part.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const { MailParser } = require("mailparser");
const plain = { skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true, skipImageLinks: true };

function read(path) {
  return new Promise((resolve, reject) => {
    const parser = new MailParser(plain);
    const files = [];
    parser.on("data", (data) => {
      if (data.type !== "attachment") return;
      const hash = createHash("sha256");
      let size = 0;
      data.content.on("data", (part) => {
        hash.update(part);
        size += part.length;
      });
      data.content.on("end", () => {
        files.push({ name: data.filename ?? "", cid: data.cid ?? "", size, sha256: hash.digest("hex") });
        data.release();
      });
    });
    parser.on("error", reject);
    parser.on("end", () => {
      const header = (parser.headerLines ?? []).map(({ line }) => line);
      resolve({ header, tree: parser.tree ? shown(parser.tree, files) : null, left: files.length });
    });
    createReadStream(path).pipe(parser);
  });
}

// The parser's own nodes, in order; its attachments come in the same order.
function shown(node, files) {
  const made = { type: node.contentType ?? "", header: (node.headerLines ?? []).map(({ line }) => line) };
  if (node.disposition) made.disposition = node.disposition;
  if (node.charset) made.charset = node.charset;
  if (node.isAttachment) Object.assign(made, files.shift());
  else if (node.textContent !== undefined) Object.assign(made, { text: node.textContent, codec: "characters" });
  made.parts = (node.children ?? []).map((each) => shown(each, files));
  return made;
}

for await (const path of createInterface(process.stdin)) {
  try {
    console.log(JSON.stringify(await read(path)));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}
