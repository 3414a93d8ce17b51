// Runs CloudFront Functions: a line of JSON in, a line of JSON out, one after the other.
//
//   {"name", "version", "code", "event", "store": {key: value} or null}  ->  {"result"} or {"error"}
//
// The code sees what the JavaScript runtime 2.0 of CloudFront Functions has, and nothing else of Node:
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html

'use strict';

const crypto = require('crypto');
const readline = require('readline');
const vm = require('vm');

const EVALUATION_MS = 1000;

let store = null;

const handle = {
    async exists(key) { return Object.hasOwn(store, key); },
    async get(key, options) {
        if (!Object.hasOwn(store, key)) { throw new Error('KeyNotFound'); }
        const format = (options && options.format) || 'string';
        return format === 'json' ? JSON.parse(store[key]) : format === 'bytes' ? Buffer.from(store[key]) : store[key];
    },
    async meta() { return { keyCount: Object.keys(store).length }; },
};

const MODULES = {
    cloudfront: { kvs() { if (store === null) { throw new Error('no key value store is associated'); } return handle; } },
    crypto: { createHash: crypto.createHash, createHmac: crypto.createHmac },
};

const compiled = new Map();

async function handlerOf(name, version, code) {
    const known = compiled.get(name);
    if (known && known.version === version) { return known.handler; }
    const context = vm.createContext({ Buffer, console: { log() {} }, TextDecoder, TextEncoder, atob, btoa,
        require(module) { return library(module); } });
    const module = new vm.SourceTextModule(`${code}\nexport { handler };`, { context, identifier: name });
    await module.link((specifier) => {
        const value = library(specifier);
        return new vm.SyntheticModule(['default'], function () { this.setExport('default', value); }, { context });
    });
    await module.evaluate({ timeout: EVALUATION_MS });
    compiled.set(name, { version, handler: module.namespace.handler });
    return module.namespace.handler;
}

function library(name) {
    if (!Object.hasOwn(MODULES, name)) { throw new Error(`CloudFront Functions have no module ${name}`); }
    return MODULES[name];
}

async function answer(line) {
    const request = JSON.parse(line);
    store = request.store;
    try {
        const handler = await handlerOf(request.name, request.version, request.code);
        return { result: await handler(request.event) };
    } catch (error) {
        return { error: String(error) };
    }
}

let last = Promise.resolve();
readline.createInterface({ input: process.stdin }).on('line', (line) => {
    last = last.then(() => answer(line)).then((done) => process.stdout.write(`${JSON.stringify(done)}\n`));
});
