// Validates state machines with asl-validator: one definition per line of stdin, a list of errors per line of stdout.
"use strict";

const validate = require("asl-validator");
const { createInterface } = require("node:readline");

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    const { errors } = validate(JSON.parse(line), { checkPaths: true, checkArn: true });
    console.log(JSON.stringify(errors.map((error) => `${error["Error code"]}: ${error.Message ?? JSON.stringify(error.schemaError)}`)));
  }
})();
