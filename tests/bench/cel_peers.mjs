// Measures the CEL evaluators of the npm registry as bench_cel measures ours: the same rules over the
// same variables, medians over batches. Prints "PACKAGE.compile|eval.RULE NANOSECONDS ns" lines.
// Usage: node cel_peers.mjs FOLDER (with node_modules); what is not installed there is left out.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const folder = path.resolve(process.argv[2]);
const require = createRequire(path.join(folder, "package.json"));

const rules = {
  int: "port == 443",
  string: 'host == "api.example.com"',
  rule: 'host.endsWith(".example.com") && method == "POST"',
  in: 'host in ["a.org", "b.org", "c.org", "api.example.com"]',
  exists: 'tags.exists(t, t == "prod")',
};

const variables = (port) => ({
  host: "api.example.com",
  method: "POST",
  port,
  path: "/v1/messages/batches?limit=20",
  tags: ["a", "b", "prod"],
});

// Each: text -> (variables) -> value
const peers = {
  "@marcbachmann/cel-js": (m) => {
    const env = new m.Environment()
      .registerVariable("host", "string")
      .registerVariable("method", "string")
      .registerVariable("port", "int")
      .registerVariable("path", "string")
      .registerVariable("tags", "list<string>");
    const compile = (text) => {
      const run = env.parse(text);
      const checked = run.check();
      if (!checked.valid) throw checked.error;
      return run;
    };
    return { port: 443n, compile };
  },
  "cel-js": (m) => ({
    port: 443,
    compile: (text) => {
      const parsed = m.parse(text);
      if (!parsed.isSuccess) throw new Error(parsed.errors.join());
      return (v) => m.evaluate(parsed.cst, v);
    },
  }),
  "@bufbuild/cel": (m) => {
    const env = m.celEnv({});
    return { port: 443n, compile: (text) => m.plan(env, m.parse(text)) };
  },
};

function median(figures) {
  return figures.sort((a, b) => a - b)[figures.length >> 1];
}

// Nanoseconds of one call, in the median of batches that last about a millisecond each.
function time(call) {
  let n = 1;
  for (;;) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < n; i++) call(i);
    if (process.hrtime.bigint() - start > 1000000n) break;
    n *= 2;
  }
  const figures = [];
  for (let b = 0; b < 101; b++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < n; i++) call(i);
    figures.push(Number(process.hrtime.bigint() - start) / n);
  }
  return median(figures);
}

for (const [name, open] of Object.entries(peers)) {
  let peer;
  try {
    peer = open(await import(pathToFileURL(require.resolve(name))));
  } catch (error) {
    console.error(`${name}: ${error.message.split("\n")[0]}`);
    continue;
  }
  for (const [rule, text] of Object.entries(rules)) {
    try {
      const run = peer.compile(text);
      const v = [variables(peer.port), variables(peer.port)];
      if (run(v[0]) !== true) throw new Error(`came out ${run(v[0])}`);
      console.log(`${name}.eval.${rule} ${time((i) => run(v[i & 1])).toFixed(1)} ns`);
      console.log(`${name}.compile.${rule} ${time(() => peer.compile(text)).toFixed(1)} ns`);
    } catch (error) {
      console.error(`${name}: ${text}: ${error.message}`);
    }
  }
}
