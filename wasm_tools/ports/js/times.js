// Timers and dates; and the ways of en-US, the only ones. A part of the function that runtime.js begins.

  // -- time

  const timers = new Map();
  let nextTimer = 1;
  const ms = () => Number(native.now()) / 1e6;
  class Timeout {
    constructor(id) { this.id = id; }
    ref() { return this; }
    unref() { const t = timers.get(this.id); if (t) t.idle = true; return this; }
    hasRef() { return !timers.get(this.id)?.idle; }
    refresh() { const t = timers.get(this.id); if (t) t.at = ms() + t.delay; return this; }
    [Symbol.toPrimitive]() { return this.id; }
  }
  function timer(call, delay, args, every) {
    if (typeof call !== 'function') throw typeError('callback', 'of type function', call);
    const wait = delay >= 1 && delay <= 0x7fffffff ? Math.trunc(delay) : 1;
    const id = nextTimer++;
    timers.set(id, { at: ms() + wait, delay: wait, call, args, every, id });
    return new Timeout(id);
  }
  const clear = (t) => void timers.delete(Number(t?.id ?? t));
  const immediate = [], ticks = [];
  Object.assign(globalThis, {
    global: globalThis, Buffer,
    setTimeout: (call, delay, ...args) => timer(call, delay, args, false),
    setInterval: (call, delay, ...args) => timer(call, delay, args, true),
    setImmediate: (call, ...args) => { const job = { call, args }; immediate.push(job); return job; },
    clearTimeout: clear, clearInterval: clear,
    clearImmediate: (job) => { const at = immediate.indexOf(job); if (at >= 0) immediate.splice(at, 1); },
    queueMicrotask: globalThis.queueMicrotask ?? ((call) => void Promise.resolve().then(call)),
    structuredClone: (value) => clone(value, new Map()),
    TextEncoder: class { get encoding() { return 'utf-8'; } encode(text = '') { return Uint8Array.from(native.encode(String(text))); } },
    TextDecoder: class {
      constructor(label = 'utf-8') { if (plainEncoding(label) !== 'utf8') throw new RangeError(`The encoding ${label} is not supported`); }
      decode(bytes = new Uint8Array()) { return native.decode(bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes).replace(/^\uFEFF/, ''); }
    },
    fetch: () => { throw refuse('fetch', 'a program has no network; the agent has a tool of its own for requests'); },
  });
  globalThis.performance ??= { now: ms };
  function clone(value, seen) {
    if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError(`${String(value)} could not be cloned.`);
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (copy) => (seen.set(value, copy), copy);
    if (value instanceof Date) return keep(new Date(value));
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (value instanceof Map) { const m = keep(new Map()); for (const [k, v] of value) m.set(clone(k, seen), clone(v, seen)); return m; }
    if (value instanceof Set) { const s = keep(new Set()); for (const v of value) s.add(clone(v, seen)); return s; }
    if (ArrayBuffer.isView(value)) return keep(value.slice());
    if (value instanceof Error) return keep(Object.assign(new value.constructor(value.message), { stack: value.stack }));
    const copy = keep(Array.isArray(value) ? new Array(value.length) : {});
    for (const k of Object.keys(value)) copy[k] = clone(value[k], seen);
    return copy;
  }

  // -- the ways of en-US, the only ones

  function onlyEnglish(what, locales, options, known) {
    const asked = [locales ?? []].flat().filter((l) => !/^en(-US)?$/.test(l));
    const odd = Object.keys(options ?? {}).filter((k) => !known.includes(k));
    if (asked.length || odd.length) throw refuse(`${what} with ${[...asked, ...odd].join(', ')}`, 'there is no Intl; en-US alone is known');
  }
  const digits = ['minimumFractionDigits', 'maximumFractionDigits', 'useGrouping'];
  Number.prototype.toLocaleString = function (locales, options) {
    onlyEnglish('toLocaleString', locales, options, digits);
    const value = Number(this), least = options?.minimumFractionDigits ?? 0, most = options?.maximumFractionDigits ?? Math.max(least, 3);
    if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value < 0 ? '-∞' : '∞';
    let [whole, part = ''] = Math.abs(value).toFixed(most).split('.');
    while (part.length > least && part.endsWith('0')) part = part.slice(0, -1);
    if (options?.useGrouping !== false) whole = whole.replace(/\B(?=(\d{3})+$)/g, ',');
    return (value < 0 || Object.is(value, -0) ? '-' : '') + whole + (part ? '.' + part : '');
  };
  BigInt.prototype.toLocaleString = function (locales, options) {
    onlyEnglish('toLocaleString', locales, options, []);
    return String(this).replace(/\B(?=(\d{3})+$)/g, ',');
  };
  const two = (n) => String(n).padStart(2, '0');
  Date.prototype.toLocaleDateString = function (locales, options) {
    onlyEnglish('toLocaleDateString', locales, options, []);
    return isNaN(this) ? 'Invalid Date' : `${this.getMonth() + 1}/${this.getDate()}/${this.getFullYear()}`;
  };
  Date.prototype.toLocaleTimeString = function (locales, options) {
    onlyEnglish('toLocaleTimeString', locales, options, []);
    const h = this.getHours();
    return isNaN(this) ? 'Invalid Date' : `${h % 12 || 12}:${two(this.getMinutes())}:${two(this.getSeconds())} ${h < 12 ? 'AM' : 'PM'}`;
  };
  Date.prototype.toLocaleString = function (locales, options) {
    onlyEnglish('toLocaleString', locales, options, []);
    return isNaN(this) ? 'Invalid Date' : `${this.toLocaleDateString()}, ${this.toLocaleTimeString()}`;
  };
