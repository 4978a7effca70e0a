// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

// Makes dist/: our pages' scripts and styles (bundled), and Element Call as published (copied, never changed).
// dist/manifest.json tells bridge/web/pages.py the hashed names. Files that compress well get a .gz beside them.

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import { build } from "esbuild";

const VENDOR = path.dirname(fileURLToPath(import.meta.url));
const STATIC = path.join(VENDOR, "..", "static");
const DIST = path.join(VENDOR, "dist");
const MODULES = path.join(VENDOR, "node_modules");
const ELEMENT_CALL = path.join(MODULES, "@element-hq", "element-call-embedded");

const PAGE_BUDGET = 250_000; // bytes of script and style of the heaviest page, before compression
const COMPRESSED = new Set([".js", ".css", ".html", ".json", ".wasm", ".svg"]);

async function bundlePages() {
  const result = await build({
    absWorkingDir: VENDOR,
    entryPoints: {
      access: path.join(STATIC, "ts", "access.ts"),
      account: path.join(STATIC, "ts", "account.ts"),
      contractors: path.join(STATIC, "ts", "contractors.ts"),
      host: path.join(STATIC, "ts", "host.ts"),
      home: path.join(STATIC, "ts", "home.ts"),
      join: path.join(STATIC, "ts", "join.ts"),
      meeting: path.join(STATIC, "ts", "meeting.ts"),
      pass: path.join(STATIC, "ts", "pass.ts"),
      plan: path.join(STATIC, "ts", "plan.ts"),
      search: path.join(STATIC, "ts", "search.ts"),
      transcript: path.join(STATIC, "ts", "transcript.ts"),
      pages: path.join(STATIC, "css", "pages.css"),
      hosting: path.join(STATIC, "css", "host.css"), // the same
      reading: path.join(STATIC, "css", "transcript.css"), // of two pages alone
    },
    nodePaths: [MODULES],
    outdir: path.join(DIST, "page"),
    entryNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    bundle: true,
    format: "esm",
    loader: { ".woff2": "file" },
    legalComments: "linked",
    metafile: true,
    minify: true,
    target: ["chrome116", "firefox124", "safari17.4"],
  });
  const names = {};
  const bytes = {};
  for (const [file, output] of Object.entries(result.metafile.outputs)) {
    if (!output.entryPoint) continue;
    const name = path.basename(output.entryPoint).replace(/\.ts$/, ".js");
    names[name] = path.basename(file);
    bytes[name] = output.bytes;
  }
  const heaviest = Math.max(bytes["home.js"], bytes["join.js"], bytes["meeting.js"]) + bytes["pages.css"];
  if (heaviest > PAGE_BUDGET) throw new Error(`the heaviest page has ${heaviest} bytes, the budget is ${PAGE_BUDGET}`);
  const icon = await readFile(path.join(STATIC, "img", "favicon.svg"));
  names["favicon.svg"] = `favicon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
  await writeFile(path.join(DIST, "page", names["favicon.svg"]), icon);
  const inter = path.join(MODULES, "@fontsource-variable", "inter", "LICENSE"); // OFL-1.1 travels with its font
  await cp(inter, path.join(DIST, "page", "inter-LICENSE.txt"));
  return { names, heaviest };
}

async function copyElementCall() {
  const target = path.join(DIST, "ec");
  // Source maps are left out (18 MB): they are no part of what runs, and the source itself is linked.
  await cp(path.join(ELEMENT_CALL, "dist"), target, { recursive: true, filter: (file) => !file.endsWith(".map") });
  await cp(path.join(ELEMENT_CALL, "LICENSE-AGPL-3.0"), path.join(target, "LICENSE-AGPL-3.0"));
  const page = await readFile(path.join(target, "index.html"), "utf8");
  const first = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map((match) => match[1]);
  const inline = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
    (match) => `sha256-${createHash("sha256").update(match[1]).digest("base64")}`,
  );
  const { version } = JSON.parse(await readFile(path.join(ELEMENT_CALL, "package.json"), "utf8"));
  return { version, warm: first.map((file) => `/ec/${file}`), inline };
}

async function compress(folder) {
  const squeeze = promisify(gzip);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !COMPRESSED.has(path.extname(entry.name))) continue;
    const file = path.join(entry.parentPath, entry.name);
    await writeFile(`${file}.gz`, await squeeze(await readFile(file), { level: 7 }));
  }
}

await rm(DIST, { recursive: true, force: true });
await mkdir(path.join(DIST, "page"), { recursive: true });
const { names, heaviest } = await bundlePages();
const elementCall = await copyElementCall();
await compress(path.join(DIST, "page"));
await compress(path.join(DIST, "ec"));
await writeFile(path.join(DIST, "manifest.json"), JSON.stringify({ page: names, element_call: elementCall }, null, 2));
console.log(`heaviest page: ${heaviest} bytes of script and style; Element Call ${elementCall.version}`);
