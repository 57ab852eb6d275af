// Events, process and console. A part of the function that runtime.js begins.

  // -- events

  class EventEmitter {
    #table = new Map();
    #add(name, call, front) {
      if (typeof call !== 'function') throw typeError('listener', 'of type function', call);
      const calls = this.#table.get(name) ?? [];
      this.#table.set(name, front ? [call, ...calls] : [...calls, call]);
      return this;
    }
    on(name, call) { return this.#add(name, call, false); }
    addListener(name, call) { return this.on(name, call); }
    prependListener(name, call) { return this.#add(name, call, true); }
    once(name, call) {
      const wrapper = (...a) => { this.off(name, wrapper); return call.apply(this, a); };
      wrapper.listener = call;
      return this.on(name, wrapper);
    }
    off(name, call) {
      const calls = this.#table.get(name) ?? [], at = calls.findLastIndex((c) => c === call || c.listener === call);
      if (at >= 0) this.#table.set(name, calls.toSpliced(at, 1));
      return this;
    }
    removeListener(name, call) { return this.off(name, call); }
    removeAllListeners(name) { name === undefined ? this.#table.clear() : this.#table.delete(name); return this; }
    emit(name, ...a) {
      const calls = this.#table.get(name) ?? [];
      if (!calls.length && name === 'error') throw a[0] instanceof Error ? a[0] : new Error(`Unhandled error. (${inspect(a[0])})`);
      for (const call of calls) call.apply(this, a);
      return calls.length > 0;
    }
    listenerCount(name) { return (this.#table.get(name) ?? []).length; }
    listeners(name) { return (this.#table.get(name) ?? []).map((c) => c.listener ?? c); }
    eventNames() { return [...this.#table.keys()].filter((n) => this.listenerCount(n)); }
    setMaxListeners() { return this; }
  }
  EventEmitter.EventEmitter = EventEmitter;
  EventEmitter.once = (emitter, name) => new Promise((done, fail) => { emitter.once(name, (...a) => done(a)); if (name !== 'error') emitter.once('error', fail); });

  // -- process and console

  const process = new EventEmitter();
  const stream = (fd) => Object.assign(new EventEmitter(), {
    fd, isTTY: false, writable: true, columns: undefined,
    write(data, encoding, done) {
      check(native.write(fd, bytesOf(data, typeof encoding === 'string' ? encoding : 'utf8'), -1), 'write');
      const call = typeof encoding === 'function' ? encoding : done;
      if (call) process.nextTick(call);
      return true;
    },
    end(data) { if (data !== undefined) this.write(data); },
  });
  const stdin = Object.assign(new EventEmitter(), {
    fd: 0, isTTY: false, encoding: null,
    setEncoding(e) { this.encoding = e; return this; },
    resume() { return this; },
    async *[Symbol.asyncIterator]() { const all = decoded(readAll(0), this.encoding); if (all.length) yield all; },
  });
  const attach = stdin.on.bind(stdin);
  let reading = false;
  stdin.on = stdin.addListener = (name, call) => {
    attach(name, call);
    if (!reading && (name === 'data' || name === 'end' || name === 'readable')) {
      reading = true;
      setImmediate(() => {
        if (stdin.listenerCount('readable')) throw refuse("process.stdin.on('readable')", "use 'data' and 'end', or fs.readFileSync(0)");
        const all = decoded(readAll(0), stdin.encoding);
        if (all.length) stdin.emit('data', all);
        stdin.emit('end');
        stdin.emit('close');
      });
    }
    return stdin;
  };
  const started = ms();
  let leaving = false;
  function leave(code) {
    if (code !== undefined) process.exitCode = code;
    if (!leaving) {
      leaving = true;
      process.emit('exit', Number(process.exitCode ?? 0));
    }
    native.exit(Number(process.exitCode ?? 0));
  }
  Object.assign(process, {
    title: 'js', argv: [], argv0: 'js', execArgv: [], execPath: '/bin/js', env, exitCode: undefined,
    platform: 'wasi', arch: 'wasm32', pid: 1, ppid: 0,
    version: 'v20.0.0', versions: { node: '20.0.0', quickjs: native.version }, release: { name: 'agentsh-js' }, features: {},
    stdin, stdout: stream(1), stderr: stream(2),
    cwd: () => check(native.cwd(), 'uv_cwd'),
    chdir: (d) => void check(native.chdir(d), 'chdir', d),
    exit: leave,
    abort: () => native.exit(134),
    nextTick: (call, ...args) => { ticks.push([call, args]); queueMicrotask(runTicks); },
    uptime: () => (ms() - started) / 1000,
    hrtime: Object.assign((since) => {
      const n = native.now(), s = Number(n / 1000000000n), ns = Number(n % 1000000000n);
      return since ? [s - since[0] - (ns < since[1] ? 1 : 0), ns - since[1] + (ns < since[1] ? 1e9 : 0)] : [s, ns];
    }, { bigint: () => native.now() }),
    memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
    getuid: () => 1000, getgid: () => 1000, geteuid: () => 1000, getegid: () => 1000,
    umask: () => 0o022,
    emitWarning: (w) => void process.stderr.write(`(js) Warning: ${w?.message ?? w}\n`),
    kill: () => { throw refuse('process.kill', 'there are no other processes'); },
    binding: () => { throw refuse('process.binding', "there is no native code of Node's"); },
  });
  function runTicks() {
    while (ticks.length) {
      const [call, args] = ticks.shift();
      call(...args);
    }
  }
  const counts = new Map(), times = new Map();
  let indent = '';
  const print = (to) => (...words) => {
    const text = format(...words);
    to.write((indent ? text.split('\n').map((l) => indent + l).join('\n') : text) + '\n');
  };
  const out = print(process.stdout), err = print(process.stderr);
  function table(data, wanted) {
    if (typeof data !== 'object' || data === null) return out(data);
    const rows = Array.isArray(data) ? data.map((v, i) => [i, v]) : Object.entries(data);
    const columns = [];
    for (const [, v] of rows) if (typeof v === 'object' && v !== null) for (const k of Object.keys(v)) if (!columns.includes(k)) columns.push(k);
    const shown = wanted ?? columns, values = rows.some(([, v]) => typeof v !== 'object' || v === null);
    const head = ['(index)', ...shown, ...(values ? ['Values'] : [])];
    const cells = rows.map(([k, v]) => [String(k), ...shown.map((c) => (typeof v === 'object' && v !== null && c in v ? inspect(v[c], { depth: 0 }) : '')), ...(values ? [typeof v !== 'object' || v === null ? inspect(v) : ''] : [])]);
    const widths = head.map((h, i) => Math.max(h.length, ...cells.map((r) => r[i].length)) + 2);
    const left = (t, w) => ' ' + t.padEnd(w - 1);
    const rule = (a, b, c) => a + widths.map((w) => '─'.repeat(w)).join(b) + c;
    out([rule('┌', '┬', '┐'), '│' + head.map((t, i) => left(t, widths[i])).join('│') + '│', rule('├', '┼', '┤'),
      ...cells.map((r) => '│' + r.map((t, i) => left(t, widths[i])).join('│') + '│'), rule('└', '┴', '┘')].join('\n'));
  }
  globalThis.process = process;
  globalThis.console = {
    log: out, info: out, debug: out, error: err, warn: err,
    trace: (...w) => err('Trace: ' + format(...w) + '\n' + new Error().stack),
    dir: (v, options) => out(inspect(v, options)),
    table,
    assert: (ok, ...w) => void (ok || err(...(w.length && typeof w[0] === 'string' ? [`Assertion failed: ${w[0]}`, ...w.slice(1)] : ['Assertion failed', ...w]))),
    count: (l = 'default') => { counts.set(l, (counts.get(l) ?? 0) + 1); out(`${l}: ${counts.get(l)}`); },
    countReset: (l = 'default') => void counts.delete(l),
    group: (...w) => { if (w.length) out(...w); indent += '  '; },
    groupCollapsed: (...w) => console.group(...w),
    groupEnd: () => { indent = indent.slice(2); },
    time: (l = 'default') => void times.set(l, ms()),
    timeLog: (l = 'default', ...w) => out(`${l}: ${(ms() - times.get(l)).toFixed(3)}ms`, ...w),
    timeEnd: (l = 'default') => { console.timeLog(l); times.delete(l); },
  };
