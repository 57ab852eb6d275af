// The small modules of Node's. A part of the function that runtime.js begins.

  const randomBytes = (n) => { const b = Buffer.alloc(n); native.random(b); return b; };
  const isDeep = (a, b, strict, seen = new Map()) => {
    if (strict ? Object.is(a, b) : a == b || (a !== a && b !== b)) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
    if (strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (seen.get(a) === b) return true;
    seen.set(a, b);
    if (Array.isArray(a) !== Array.isArray(b)) return false;
    if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
    if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b);
    if (a instanceof Error && (a.message !== b.message || a.name !== b.name)) return false;
    if (a instanceof Set || a instanceof Map) {
      if (a.size !== b.size) return false;
      for (const item of a) {
        const [k, v] = a instanceof Map ? item : [item, undefined];
        if (b.has(k) ? a instanceof Map && !isDeep(v, b.get(k), strict, seen) : ![...b].some((other) => isDeep(item, other, strict, seen))) return false;
      }
      return true;
    }
    const ka = Object.keys(a), kb = Object.keys(b);
    return ka.length === kb.length && ka.every((k) => Object.hasOwn(b, k) && isDeep(a[k], b[k], strict, seen));
  };
  class AssertionError extends Error {
    constructor({ message, actual, expected, operator }) {
      super(message ?? `Expected ${operator}:\n\n${inspect(actual)}\n\nshould ${operator}\n\n${inspect(expected)}`);
      Object.assign(this, { name: 'AssertionError', code: 'ERR_ASSERTION', generatedMessage: message === undefined, actual, expected, operator });
    }
  }
  const must = (ok, message, actual, expected, operator) => {
    if (ok) return;
    if (message instanceof Error) throw message;
    throw new AssertionError({ message, actual, expected, operator });
  };
  const fits = (e, wanted) => {
    if (wanted === undefined) return true;
    if (wanted instanceof RegExp) return wanted.test(String(e));
    if (typeof wanted === 'function') return wanted.prototype !== undefined && e instanceof wanted ? true : Error.isPrototypeOf(wanted) ? false : wanted.call({}, e) === true;
    return Object.keys(wanted).every((k) => (wanted[k] instanceof RegExp ? wanted[k].test(e[k]) : isDeep(e[k], wanted[k], true)));
  };
  const assert = Object.assign((v, m) => must(v, m ?? 'The expression evaluated to a falsy value', v, true, '=='), {
    AssertionError,
    ok: (v, m) => assert(v, m),
    equal: (a, b, m) => must(a == b || (a !== a && b !== b), m, a, b, '=='),
    notEqual: (a, b, m) => must(a != b, m, a, b, '!='),
    strictEqual: (a, b, m) => must(Object.is(a, b), m, a, b, 'strictEqual'),
    notStrictEqual: (a, b, m) => must(!Object.is(a, b), m, a, b, 'notStrictEqual'),
    deepEqual: (a, b, m) => must(isDeep(a, b, false), m, a, b, 'deepEqual'),
    deepStrictEqual: (a, b, m) => must(isDeep(a, b, true), m, a, b, 'deepStrictEqual'),
    notDeepEqual: (a, b, m) => must(!isDeep(a, b, false), m, a, b, 'notDeepEqual'),
    notDeepStrictEqual: (a, b, m) => must(!isDeep(a, b, true), m, a, b, 'notDeepStrictEqual'),
    match: (t, re, m) => must(re.test(t), m, t, re, 'match'),
    doesNotMatch: (t, re, m) => must(!re.test(t), m, t, re, 'doesNotMatch'),
    fail: (m = 'Failed') => must(false, m),
    throws(call, wanted, m) {
      try {
        call();
      } catch (e) {
        if (!fits(e, typeof wanted === 'string' ? undefined : wanted)) throw e;
        return;
      }
      must(false, typeof wanted === 'string' ? wanted : m ?? 'Missing expected exception.');
    },
    doesNotThrow: (call) => void call(),
    async rejects(promise, wanted, m) {
      try {
        await (typeof promise === 'function' ? promise() : promise);
      } catch (e) {
        if (!fits(e, wanted)) throw e;
        return;
      }
      must(false, m ?? 'Missing expected rejection.');
    },
  });
  assert.strict = Object.assign((...a) => assert(...a), assert, {
    equal: assert.strictEqual, notEqual: assert.notStrictEqual, deepEqual: assert.deepStrictEqual, notDeepEqual: assert.notDeepStrictEqual,
  });
  const promisify = (call) => (call[promisify.custom] ?? ((...a) => new Promise((done, fail) => call(...a, (e, v) => (e ? fail(e) : done(v))))));
  promisify.custom = Symbol.for('nodejs.util.promisify.custom');
  setTimeout[promisify.custom] = (delay, value) => new Promise((done) => setTimeout(done, delay, value));
  inspect.custom = Symbol.for('nodejs.util.inspect.custom');
  const util = {
    inspect, format, promisify, isDeepStrictEqual: (a, b) => isDeep(a, b, true),
    callbackify: (call) => (...a) => { const done = a.pop(); call(...a).then((v) => done(null, v), done); },
    inherits: (child, parent) => { child.super_ = parent; Object.setPrototypeOf(child.prototype, parent.prototype); },
    deprecate: (call) => call,
    stripVTControlCharacters: (t) => t.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, ''),
    types: {
      isDate: (v) => v instanceof Date, isRegExp: (v) => v instanceof RegExp, isPromise: (v) => v instanceof Promise,
      isMap: (v) => v instanceof Map, isSet: (v) => v instanceof Set, isNativeError: (v) => v instanceof Error,
    },
    TextEncoder: globalThis.TextEncoder, TextDecoder: globalThis.TextDecoder,
  };
  const os = {
    EOL: '\n', platform: () => 'wasi', type: () => 'WASI', arch: () => 'wasm32', release: () => '', homedir: () => env.HOME ?? '/workspace',
    tmpdir: () => env.TMPDIR ?? '/workspace', hostname: () => 'sandbox', cpus: () => [], endianness: () => 'LE', userInfo: () => ({ username: 'agent', uid: 1000, gid: 1000, homedir: '/workspace', shell: null }),
    availableParallelism: () => 1, loadavg: () => [0, 0, 0], networkInterfaces: () => ({}), constants: { signals: {} },
  };
  const noProcesses = 'a program cannot start others here; run them in the shell';
  const child_process = Object.fromEntries(['exec', 'execFile', 'execSync', 'execFileSync', 'spawn', 'spawnSync', 'fork'].map((n) => [n, () => { throw refuse(`child_process.${n}`, noProcesses); }]));
  const crypto = {
    randomBytes, randomInt: (a, b) => { const [lo, hi] = b === undefined ? [0, a] : [a, b]; return lo + (randomBytes(6).reduce((s, x) => s * 256 + x, 0) % (hi - lo)); },
    randomUUID: () => { const b = randomBytes(16); b[6] = (b[6] & 15) | 64; b[8] = (b[8] & 63) | 128; return b.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'); },
    getRandomValues: (a) => { native.random(new Uint8Array(a.buffer, a.byteOffset, a.byteLength)); return a; },
    createHash: () => { throw refuse('crypto.createHash', 'hash files with sha256sum or md5sum in the shell'); },
    createHmac: () => { throw refuse('crypto.createHmac', 'there is no cryptography'); },
  };
  globalThis.crypto ??= { randomUUID: crypto.randomUUID, getRandomValues: crypto.getRandomValues };
  const url = { fileURLToPath, pathToFileURL: (p) => ({ href: 'file://' + encodeURI(path.resolve(p)), protocol: 'file:', pathname: encodeURI(path.resolve(p)), toString() { return this.href; } }) };
  const builtins = {
    fs, 'fs/promises': fs.promises, path, 'path/posix': path, process, util, os, events: EventEmitter, assert, 'assert/strict': assert.strict,
    buffer: { Buffer }, url, child_process, crypto, console,
    timers: { setTimeout, setInterval, setImmediate, clearTimeout: clear, clearInterval: clear, clearImmediate },
    'timers/promises': { setTimeout: setTimeout[promisify.custom], setImmediate: (v) => new Promise((done) => setImmediate(done, v)) },
    module: { createRequire: (from) => modules.makeRequire(new modules.Module(String(from).startsWith('file:') ? fileURLToPath(from) : from, null)), builtinModules: [] },
  };
  const modules = makeModules(native, fs, path, builtins, url);
  builtins.module.builtinModules = Object.keys(builtins);
