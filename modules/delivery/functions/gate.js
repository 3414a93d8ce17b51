// Viewer requests of `/assets/*`: refuses shares that were revoked. CloudFront itself verifies signatures, times and paths.
//
// A share is known by the first 32 hex digits of its policy's SHA-256: of the decoded policy, which the signature covers,
// because one policy has several spellings in base64. Absent from the store = not revoked. A store that fails is an
// error, and CloudFront answers an error of this function with 503.
//
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-custom-methods.html

import cf from 'cloudfront';
import crypto from 'crypto';

const revoked = cf.kvs();

async function handler(event) {
    const request = event.request;
    if (isDisguised(request.cookies, 'cloudfront-policy') || isDisguised(request.querystring, 'policy')) {
        return refusal();
    }
    const policies = named(request.cookies, 'cloudfront-policy').concat(named(request.querystring, 'policy'));
    for (let i = 0; i < policies.length; i++) {
        const base64 = policies[i].replace(/-/g, '+').replace(/_/g, '=').replace(/~/g, '/');
        // What CloudFront might read in another way than this function is no policy that `impp` has signed.
        if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
            return refusal();
        }
        const id = crypto.createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex').slice(0, 32);
        if (await revoked.exists(id)) {
            return refusal();
        }
    }
    return request;
}

// All values under a name, whatever its case.
function named(values, name) {
    let all = [];
    Object.keys(values).forEach(function (key) {
        if (key.toLowerCase() === name) {
            all = all.concat((values[key].multiValue || [values[key]]).map(function (one) { return one.value; }));
        }
    });
    return all;
}

// Whether there is a policy that CloudFront might find under a name that `named` does not: `%50olicy`, `CloudFront-Policy `,
// or behind a separator that this function does not know.
function isDisguised(values, name) {
    return Object.keys(values).some(function (key) {
        if (key.toLowerCase() === name) {
            return false;
        }
        return [key].concat((values[key].multiValue || [values[key]]).map(function (one) { return one.value; }))
            .some(function (text) { return plain(text).indexOf(name) >= 0; });
    });
}

function plain(text) {
    return text.replace(/%([0-9a-f]{2})/gi, function (_, code) { return String.fromCharCode(parseInt(code, 16)); }).toLowerCase();
}

function refusal() {
    return {
        statusCode: 403,
        statusDescription: 'Forbidden',
        headers: { 'cache-control': { value: 'no-store' }, 'content-type': { value: 'text/plain; charset=utf-8' } },
        body: 'This share has ended.\n',
    };
}
