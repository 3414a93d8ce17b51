// Evaluates JSONata with the reference engine: one JSON request per line of stdin, one answer per line of stdout.
//
//   {"expression": "$x + 1", "variables": {"x": 1}, "millis": 0}
//   {"value": 2}  or  {}, which is undefined  or  {"code": "T2001", "message": "…"}  or  {"type": "function"}
"use strict";

const jsonata = require("jsonata");
const { createInterface } = require("node:readline");

async function evaluate({ expression, variables, millis }) {
  const clock = { millis: () => millis, now: () => new Date(millis).toISOString() };
  try {
    const value = await jsonata(expression).evaluate(undefined, { ...clock, ...variables });
    const isFunction = typeof value === "function" || (value && (value._jsonata_lambda || value._jsonata_function));
    return isFunction ? { type: "function" } : { value };
  } catch (error) {
    return { code: error.code ?? null, message: error.message };
  }
}

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await evaluate(JSON.parse(line))));
  }
})();
