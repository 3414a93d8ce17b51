// Viewer requests of `/` and `/enter`. This function answers them all; none reaches the bucket.
//
//   /enter?k=<key pair id>&p=<policy>&s=<signature>[&p=…&s=…]&to=/app/…
//
// turns the signed policies of a link into CloudFront's cookies and redirects to `to`. It cannot verify a signature
// (CloudFront Functions have no RSA); CloudFront does, whenever it gets the cookies. So whatever comes in here, the worst
// that goes out is a cookie that opens nothing.
//
// The event: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
// The cookies: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-setting-signed-cookie-custom-policy.html

var HOME = '/app/index.html';
var MOST_POLICIES = 10;

// CloudFront's base64: `-`, `_` and `~` stand for `+`, `=` and `/`.
var BASE64 = /^[A-Za-z0-9~-]+_{0,2}$/;
var KEY_PAIR_ID = /^[A-Z0-9]{5,32}$/;
var TARGET = /^\/app\/[A-Za-z0-9_.~!$&'()*+,;=:@%?#/-]*$/;

// Browsers take `%2e` for a dot, https://url.spec.whatwg.org/#double-dot-path-segment.
var DOTS = /(\.|%2e){2}/i;

function handler(event) {
    var request = event.request;
    if (request.uri !== '/enter') {
        return redirect(HOME, {});
    }
    var query = request.querystring;
    var key = values(query, 'k');
    var policies = values(query, 'p');
    var signatures = values(query, 's');
    var to = decoded(values(query, 'to')[0] || HOME);
    if (key.length !== 1 || !KEY_PAIR_ID.test(key[0]) || policies.length !== signatures.length
        || policies.length < 1 || policies.length > MOST_POLICIES || !TARGET.test(to) || DOTS.test(to)) {
        return refusal();
    }
    var all = { 'CloudFront-Policy': [], 'CloudFront-Signature': [], 'CloudFront-Key-Pair-Id': [] };
    for (var i = 0; i < policies.length; i++) {
        var scope = scopeOf(policies[i], request.headers.host.value);
        if (scope === null || !BASE64.test(signatures[i])) {
            return refusal();
        }
        var attributes = 'Path=' + scope.path + '; Expires=' + new Date(scope.expires * 1000).toUTCString()
            + '; Secure; HttpOnly; SameSite=Lax';
        all['CloudFront-Policy'].push({ value: policies[i], attributes: attributes });
        all['CloudFront-Signature'].push({ value: signatures[i], attributes: attributes });
        all['CloudFront-Key-Pair-Id'].push({ value: key[0], attributes: attributes });
    }
    return redirect(to, all);
}

// Path of the cookies and end (Unix seconds) of a policy; null unless it is one that `impp` signs for this host.
function scopeOf(encoded, host) {
    if (!BASE64.test(encoded)) {
        return null;
    }
    var statement;
    try {
        var text = Buffer.from(encoded.replace(/-/g, '+').replace(/_/g, '=').replace(/~/g, '/'), 'base64').toString('utf8');
        statement = JSON.parse(text).Statement[0];
        var expires = Number(statement.Condition.DateLessThan['AWS:EpochTime']);
    } catch (error) {
        return null;
    }
    var match = /^https:\/\/([^/]+)(\/|\/assets\/[A-Za-z0-9-]+\/)\*$/.exec(statement.Resource);
    if (match === null || match[1] !== host || !(expires > 0 && expires < 1e11)) {
        return null;
    }
    return { path: match[2], expires: expires };
}

// All values of a parameter: `value` is one of them, `multiValue` all when it is repeated.
function values(query, name) {
    var parameter = query[name];
    if (!parameter) {
        return [];
    }
    return (parameter.multiValue || [parameter]).map(function (one) { return one.value; });
}

function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch (error) {
        return '';
    }
}

// A cookie of several values is one with `multiValue`.
function redirect(to, all) {
    var cookies = {};
    for (var name in all) {
        cookies[name] = { value: all[name][0].value, attributes: all[name][0].attributes, multiValue: all[name] };
    }
    return {
        statusCode: 302,
        statusDescription: 'Found',
        headers: {
            'cache-control': { value: 'no-store' },
            'location': { value: to },
            'referrer-policy': { value: 'no-referrer' }, // the link is a credential
        },
        cookies: cookies,
    };
}

function refusal() {
    return {
        statusCode: 400,
        statusDescription: 'Bad Request',
        headers: { 'cache-control': { value: 'no-store' }, 'content-type': { value: 'text/plain; charset=utf-8' } },
        body: 'This link is incomplete. Ask for a new one, and copy all of it.\n',
    };
}
