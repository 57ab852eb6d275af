// What programs find: console, process, timers, Buffer, and the modules of Node's that work on files and text.
(function (native, argv, { inspect, format, use }, makeModules, rejected) {
  use(native);
  const env = native.env;

  // -- errors

  Error.prepareStackTrace = (e, sites) => {
    const head = `${e?.name ?? 'Error'}${e?.message ? ': ' + e.message : ''}`;
    const lines = sites.filter((s) => s.getFileName() && !s.isNative() && !/^js:/.test(s.getFileName())).map((s) => {
      const where = `${s.getFileName()}:${s.getLineNumber()}:${s.getColumnNumber()}`;
      return `    at ${s.getFunctionName() ? `${s.getFunctionName()} (${where})` : where}`;
    });
    return [head, ...lines].join('\n');
  };

  // Numbers and words as on Linux, where programs were written.
  const LINUX = {
    EPERM: [1, 'operation not permitted'], ENOENT: [2, 'no such file or directory'], EIO: [5, 'i/o error'], EBADF: [9, 'bad file descriptor'],
    EACCES: [13, 'permission denied'], EEXIST: [17, 'file already exists'], EXDEV: [18, 'cross-device link not permitted'],
    ENOTDIR: [20, 'not a directory'], EISDIR: [21, 'illegal operation on a directory'], EINVAL: [22, 'invalid argument'],
    EMFILE: [24, 'too many open files'], EFBIG: [27, 'file too large'], ENOSPC: [28, 'no space left on device'], EROFS: [30, 'read-only file system'],
    EPIPE: [32, 'broken pipe'], ENAMETOOLONG: [36, 'name too long'], ENOSYS: [38, 'function not implemented'],
    ENOTEMPTY: [39, 'directory not empty'], ELOOP: [40, 'too many symbolic links encountered'], EILSEQ: [84, 'illegal byte sequence'],
  };

  function check(result, syscall, path, target) {
    if (typeof result !== 'number' || result >= 0) return result;
    const code = native.errors[-result] ?? `E${-result}`;
    const [number, text] = LINUX[code] ?? [-result, native.strerror(-result).toLowerCase()];
    const where = path === undefined ? '' : target === undefined ? ` '${path}'` : ` '${path}' -> '${target}'`;
    const e = new Error(`${code}: ${text}, ${syscall}${where}`);
    Object.assign(e, { errno: -number, code, syscall });
    if (path !== undefined) e.path = path;
    if (target !== undefined) e.dest = target;
    throw e;
  }

  function refuse(what, why) {
    const e = new Error(`${what} is not there: ${why}`);
    e.code = 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM';
    return e;
  }

  function typeError(name, wanted, got) {
    const e = new TypeError(`The "${name}" argument must be ${wanted}. Received ${got === null ? 'null' : typeof got}`);
    e.code = 'ERR_INVALID_ARG_TYPE';
    return e;
  }

  // -- Buffer

  const plainEncoding = (e) => String(e ?? 'utf8').toLowerCase().replace(/^(utf-8|utf8)$/, 'utf8').replace(/^(binary)$/, 'latin1');
  class Buffer extends Uint8Array {
    static from(value, encoding, length) {
      if (typeof value === 'string') {
        switch (plainEncoding(encoding)) {
          case 'utf8': return view(native.encode(value));
          case 'hex': return view(Uint8Array.from(value.match(/^([0-9a-f]{2})*/i)[0].match(/../g) ?? [], (h) => parseInt(h, 16)));
          case 'latin1': case 'ascii': return view(Uint8Array.from(value, (c) => c.charCodeAt(0)));
          case 'base64': case 'base64url': {
            const clean = value.replace(/-/g, '+').replace(/_/g, '/').replace(/[^A-Za-z0-9+/]/g, '');
            return view(Uint8Array.from(atob(clean + '='.repeat((4 - (clean.length % 4)) % 4)), (c) => c.charCodeAt(0)));
          }
          default: throw new TypeError(`Unknown encoding: ${encoding}`);
        }
      }
      if (value instanceof ArrayBuffer) return new Buffer(value, encoding, length);
      if (Array.isArray(value) || ArrayBuffer.isView(value)) return view(Uint8Array.from(value));
      if (value?.type === 'Buffer') return view(Uint8Array.from(value.data));
      throw typeError('value', 'a string, a buffer or an array', value);
    }
    static alloc(size, fill = 0, encoding) {
      return new Buffer(size).fill(typeof fill === 'string' ? Buffer.from(fill, encoding)[0] ?? 0 : fill);
    }
    static allocUnsafe(size) { return new Buffer(size); }
    static isBuffer(value) { return value instanceof Buffer; }
    static byteLength(value, encoding) { return typeof value === 'string' ? Buffer.from(value, encoding).length : value.byteLength; }
    static concat(list, size = list.reduce((sum, b) => sum + b.length, 0)) {
      const out = Buffer.alloc(size);
      let at = 0;
      for (const b of list) {
        out.set(b.subarray(0, Math.max(0, size - at)), at);
        at += b.length;
      }
      return out;
    }
    static compare(a, b) { return a.compare(b); }
    compare(other) {
      for (let i = 0; i < Math.min(this.length, other.length); i++) if (this[i] !== other[i]) return this[i] < other[i] ? -1 : 1;
      return Math.sign(this.length - other.length);
    }
    equals(other) { return this.compare(other) === 0; }
    toString(encoding, start = 0, end = this.length) {
      const part = this.subarray(start, end);
      switch (plainEncoding(encoding)) {
        case 'utf8': return native.decode(part);
        case 'hex': return Array.prototype.map.call(part, (b) => b.toString(16).padStart(2, '0')).join('');
        case 'latin1': return Array.prototype.map.call(part, (b) => String.fromCharCode(b)).join('');
        case 'ascii': return Array.prototype.map.call(part, (b) => String.fromCharCode(b & 127)).join('');
        case 'base64': return btoa(part.toString('latin1'));
        case 'base64url': return part.toString('base64').replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
        default: throw new TypeError(`Unknown encoding: ${encoding}`);
      }
    }
    toJSON() { return { type: 'Buffer', data: [...this] }; }
    slice(start, end) { return this.subarray(start, end); }
    write(text, offset = 0, encoding) {
      const bytes = Buffer.from(text, encoding).subarray(0, this.length - offset);
      this.set(bytes, offset);
      return bytes.length;
    }
    includes(value, from) { return this.indexOf(value, from) >= 0; }
    indexOf(value, from = 0) {
      if (typeof value === 'number') return super.indexOf(value, from);
      const wanted = typeof value === 'string' ? Buffer.from(value) : value;
      for (let i = from; i + wanted.length <= this.length; i++) {
        let j = 0;
        while (j < wanted.length && this[i + j] === wanted[j]) j++;
        if (j === wanted.length) return i;
      }
      return -1;
    }
    [Symbol.for('nodejs.util.inspect.custom')]() {
      const bytes = Array.prototype.map.call(this.subarray(0, 50), (b) => ' ' + b.toString(16).padStart(2, '0')).join('');
      return `<Buffer${bytes}${this.length > 50 ? ` ... ${this.length - 50} more bytes` : ''}>`;
    }
  }
  const view = (bytes) => new Buffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [suffix, method] of [['8', 'Uint8'], ['16LE', 'Uint16'], ['16BE', 'Uint16'], ['32LE', 'Uint32'], ['32BE', 'Uint32']]) {
    const little = !suffix.endsWith('BE'), data = (b) => new DataView(b.buffer, b.byteOffset, b.byteLength);
    Buffer.prototype[`readUInt${suffix}`] = function (at = 0) { return data(this)[`get${method}`](at, little); };
    Buffer.prototype[`writeUInt${suffix}`] = function (v, at = 0) { data(this)[`set${method}`](at, v, little); return at + method.slice(4) / 8; };
    Buffer.prototype[`readInt${suffix}`] = function (at = 0) { return data(this)[`get${method.slice(1, 2).toUpperCase()}${method.slice(2)}`](at, little); };
  }

  // -- path

  function tidy(text, absolute) {
    const out = [];
    for (const part of text.split('/')) {
      if (!part || part === '.') continue;
      if (part !== '..') out.push(part);
      else if (out.length && out.at(-1) !== '..') out.pop();
      else if (!absolute) out.push('..');
    }
    return out.join('/');
  }
  const path = {
    sep: '/', delimiter: ':',
    isAbsolute: (p) => p.startsWith('/'),
    normalize(p) {
      const absolute = p.startsWith('/'), inner = tidy(p, absolute);
      const end = inner && p.endsWith('/') ? '/' : '';
      return (absolute ? '/' : '') + inner + end || (absolute ? '/' : p.endsWith('/') ? './' : '.');
    },
    join(...parts) {
      for (const p of parts) if (typeof p !== 'string') throw typeError('path', 'a string', p);
      const whole = parts.filter(Boolean).join('/');
      return whole ? path.normalize(whole) : '.';
    },
    resolve(...parts) {
      let out = '';
      for (let i = parts.length - 1; i >= 0 && !out.startsWith('/'); i--) {
        if (typeof parts[i] !== 'string') throw typeError('path', 'a string', parts[i]);
        if (parts[i]) out = out ? `${parts[i]}/${out}` : parts[i];
      }
      if (!out.startsWith('/')) out = `${native.cwd()}/${out}`;
      return '/' + tidy(out, true);
    },
    relative(from, to) {
      const a = path.resolve(from).split('/').filter(Boolean), b = path.resolve(to).split('/').filter(Boolean);
      let same = 0;
      while (same < a.length && same < b.length && a[same] === b[same]) same++;
      return [...a.slice(same).map(() => '..'), ...b.slice(same)].join('/');
    },
    dirname(p) {
      const clean = p.replace(/(?<=.)\/+$/, ''), at = clean.lastIndexOf('/');
      return at < 0 ? '.' : at === 0 ? '/' : clean.slice(0, at).replace(/(?<=.)\/+$/, '');
    },
    basename(p, suffix = '') {
      const name = p.replace(/\/+$/, '').split('/').at(-1);
      return suffix && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
    },
    extname(p) {
      const name = path.basename(p), at = name.lastIndexOf('.');
      return at > 0 ? name.slice(at) : '';
    },
    parse(p) {
      const base = path.basename(p), ext = path.extname(p), at = p.lastIndexOf('/');
      return { root: p.startsWith('/') ? '/' : '', dir: at < 0 ? '' : path.dirname(p), base, ext, name: ext ? base.slice(0, -ext.length) : base };
    },
    format: (o) => (o.dir ? (o.dir === o.root ? o.dir : o.dir + '/') : o.root ?? '') + (o.base ?? (o.name ?? '') + (o.ext ?? '')),
    toNamespacedPath: (p) => p,
  };
  path.posix = path;

  // -- fs

  const fileURLToPath = (u) => {
    const text = String(u?.href ?? u);
    if (!text.startsWith('file://')) throw new TypeError('The URL must be of scheme file');
    return decodeURIComponent(text.slice(7));
  };
  function nameOf(p) {
    if (p instanceof Uint8Array) p = native.decode(p);
    else if (typeof p === 'object' && p !== null && typeof p.href === 'string') p = fileURLToPath(p);
    if (typeof p !== 'string') throw typeError('path', 'of type string or an instance of Buffer or URL', p);
    if (p.includes('\0')) throw new TypeError('The argument "path" must be a string without null bytes');
    return p;
  }
  const FLAGS = { r: 0, 'r+': 2, w: 1 | 4 | 16, 'w+': 2 | 4 | 16, a: 1 | 4 | 32, 'a+': 2 | 4 | 32 };
  function flagsOf(text) {
    const flags = FLAGS[String(text).replace(/[xs]/g, '')];
    if (flags === undefined) throw new TypeError(`The argument 'flags' is invalid: ${inspect(text)}`);
    return flags | (String(text).includes('x') ? 8 : 0);
  }
  const encodingOf = (options) => (typeof options === 'string' ? options : options?.encoding);
  const decoded = (bytes, encoding) => (encoding && encoding !== 'buffer' ? bytes.toString(encoding) : bytes);
  const bytesOf = (data, encoding) => {
    if (typeof data === 'string') return plainEncoding(encoding) === 'utf8' ? data : Buffer.from(data, encoding);
    if (ArrayBuffer.isView(data)) return data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    throw typeError('data', 'of type string or an instance of Buffer, TypedArray, or DataView', data);
  };

  class Stats {
    constructor(f) {
      const [dev, ino, mode, nlink, size, atimeMs, mtimeMs, ctimeMs] = f;
      Object.assign(this, { dev, mode, nlink, uid: 1000, gid: 1000, rdev: 0, blksize: 4096, ino, size, blocks: Math.ceil(size / 512) });
      Object.assign(this, { atimeMs, mtimeMs, ctimeMs, birthtimeMs: ctimeMs, atime: new Date(atimeMs), mtime: new Date(mtimeMs), ctime: new Date(ctimeMs), birthtime: new Date(ctimeMs) });
    }
    isFile() { return (this.mode & 0o170000) === 0o100000; }
    isDirectory() { return (this.mode & 0o170000) === 0o040000; }
    isSymbolicLink() { return (this.mode & 0o170000) === 0o120000; }
    isFIFO() { return false; }
    isSocket() { return false; }
    isCharacterDevice() { return (this.mode & 0o170000) === 0o020000; }
    isBlockDevice() { return false; }
  }
  class Dirent {
    #kind;
    constructor(name, parentPath, kind) { this.name = name; this.parentPath = parentPath; this.#kind = kind; }
    get path() { return this.parentPath; }
    isFile() { return this.#kind === 0; }
    isDirectory() { return this.#kind === 1; }
    isSymbolicLink() { return this.#kind === 2; }
    isFIFO() { return false; }
    isSocket() { return false; }
    isCharacterDevice() { return false; }
    isBlockDevice() { return false; }
  }

  function readAll(fd, name) {
    const parts = [];
    let room = 1 << 16;
    for (;;) {
      const part = new Uint8Array(room);
      const n = check(native.read(fd, part, 0, room, -1), 'read', name);
      if (!n) break;
      parts.push(part.subarray(0, n));
      if (n === room && room < 1 << 24) room *= 2;
    }
    return Buffer.concat(parts);
  }
  function withFile(name, flags, mode, use) {
    const fd = check(native.open(name, flags, mode), 'open', name);
    try {
      return use(fd);
    } finally {
      native.close(fd);
    }
  }
  const change = (what, p, second) => check(native.change(what, p, second), what, p, typeof second === 'string' ? second : undefined);
  function statOf(p, follow, options, call) {
    const found = native.stat(p, follow);
    if (typeof found === 'number' && options?.throwIfNoEntry === false && native.errors[-found] === 'ENOENT') return undefined;
    return new Stats(check(found, call, p));
  }
  function list(p) {
    const flat = check(native.readdir(p), 'scandir', p), out = [];
    for (let i = 0; i < flat.length; i += 2) out.push([flat[i], flat[i + 1]]);
    return out.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  }
  function walk(p, below, out) {
    for (const [name, kind] of list(path.join(p, below))) {
      out.push([below ? `${below}/${name}` : name, kind, path.join(p, below), name]);
      if (kind === 1) walk(p, below ? `${below}/${name}` : name, out);
    }
    return out;
  }
  function removeTree(p, options) {
    const st = statOf(p, false, { throwIfNoEntry: false }, 'lstat');
    if (!st) {
      if (!options?.force) check(-Object.keys(native.errors).find((n) => native.errors[n] === 'ENOENT'), 'rm', p);
      return;
    }
    if (!st.isDirectory()) return void change('unlink', p);
    if (!options?.recursive) {
      const e = new Error(`Path is a directory: rm returned EISDIR (is a directory) ${p}`);
      e.code = 'ERR_FS_EISDIR';
      throw e;
    }
    for (const [name] of list(p)) removeTree(path.join(p, name), options);
    change('rmdir', p);
  }
  function copyTree(from, to, options) {
    const st = statOf(from, options?.dereference === true, null, 'lstat');
    if (st.isDirectory()) {
      if (!options?.recursive) throw Object.assign(new Error(`Recursive option not enabled, cannot copy a directory: cp returned EISDIR (${from} is a directory) ${to}`), { code: 'ERR_FS_EISDIR' });
      fs.mkdirSync(to, { recursive: true });
      for (const [name] of list(from)) copyTree(path.join(from, name), path.join(to, name), options);
    } else if (st.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(from), to);
    else if (options?.force !== false || !fs.existsSync(to)) fs.copyFileSync(from, to);
  }

  const fs = {
    constants: { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1, COPYFILE_EXCL: 1, O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2 },
    Stats, Dirent,
    openSync: (p, flags = 'r', mode = 0o666) => check(native.open(nameOf(p), flagsOf(flags), mode), 'open', nameOf(p)),
    closeSync: (fd) => void check(native.close(fd), 'close'),
    readSync(fd, buffer, offset = 0, length, position) {
      if (typeof offset === 'object' && offset !== null) ({ offset = 0, length, position } = offset);
      const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
      return check(native.read(fd, bytes, offset, length ?? bytes.length - offset, position ?? -1), 'read');
    },
    writeSync(fd, data, ...rest) {
      if (typeof data === 'string') {
        check(native.write(fd, bytesOf(data, rest[1]), rest[0] ?? -1), 'write');
        return Buffer.byteLength(data, rest[1]);
      }
      const part = bytesOf(data).subarray(rest[0] ?? 0, rest[1] === undefined ? undefined : (rest[0] ?? 0) + rest[1]);
      check(native.write(fd, part, rest[2] ?? -1), 'write');
      return part.length;
    },
    fstatSync: (fd) => new Stats(check(native.stat(fd, true), 'fstat')),
    readFileSync(p, options) {
      if (typeof p === 'number') return decoded(readAll(p), encodingOf(options));
      const name = nameOf(p);
      const st = native.stat(name, true);
      if (Array.isArray(st) && (st[2] & 0o170000) === 0o040000) check(-Object.keys(native.errors).find((n) => native.errors[n] === 'EISDIR'), 'read');
      return decoded(withFile(name, flagsOf(options?.flag ?? 'r'), 0, (fd) => readAll(fd, name)), encodingOf(options));
    },
    writeFileSync(p, data, options) {
      const bytes = bytesOf(data, encodingOf(options));
      if (typeof p === 'number') return void check(native.write(p, bytes, -1), 'write');
      const name = nameOf(p);
      withFile(name, flagsOf(options?.flag ?? 'w'), options?.mode ?? 0o666, (fd) => check(native.write(fd, bytes, -1), 'write', name));
    },
    appendFileSync: (p, data, options) => fs.writeFileSync(p, data, { ...(typeof options === 'string' ? { encoding: options } : options), flag: options?.flag ?? 'a' }),
    existsSync: (p) => typeof p === 'string' && !p.includes('\0') && Array.isArray(native.stat(p, true)),
    accessSync: (p) => void statOf(nameOf(p), true, null, 'access'),
    statSync: (p, options) => statOf(nameOf(p), true, options, 'stat'),
    lstatSync: (p, options) => statOf(nameOf(p), false, options, 'lstat'),
    readdirSync(p, options) {
      const name = nameOf(p), kinds = typeof options === 'object' && options?.withFileTypes;
      const found = options?.recursive ? walk(name, '', []) : list(name).map(([n, k]) => [n, k, name, n]);
      return found.map(([n, kind, parent, last]) => (kinds ? new Dirent(last, parent, kind) : n));
    },
    mkdirSync(p, options) {
      const name = nameOf(p), mode = typeof options === 'number' ? options : options?.mode ?? 0o777;
      if (!options?.recursive) return void change('mkdir', name, mode);
      let first;
      const make = (at) => {
        const st = statOf(at, true, { throwIfNoEntry: false }, 'stat');
        if (st?.isDirectory()) return;
        if (!st && path.dirname(at) !== at) make(path.dirname(at));
        change('mkdir', at, mode);
        first ??= at;
      };
      make(path.resolve(name));
      return first;
    },
    mkdtempSync(prefix) {
      for (;;) {
        const name = prefix + randomBytes(4).toString('base64url').replace(/[-_]/g, 'x').slice(0, 6);
        if (!fs.existsSync(name)) return fs.mkdirSync(name, 0o700), name;
      }
    },
    rmdirSync: (p, options) => (options?.recursive ? removeTree(nameOf(p), options) : void change('rmdir', nameOf(p))),
    rmSync: (p, options) => removeTree(nameOf(p), options),
    unlinkSync: (p) => void change('unlink', nameOf(p)),
    renameSync: (p, to) => void change('rename', nameOf(p), nameOf(to)),
    copyFileSync(p, to, mode = 0) {
      const from = nameOf(p), st = fs.statSync(from);
      const target = nameOf(to);
      withFile(target, flagsOf(mode & 1 ? 'wx' : 'w'), st.mode & 0o777, (fd) => check(native.write(fd, fs.readFileSync(from), -1), 'copyfile', from, target));
    },
    cpSync: (p, to, options) => copyTree(nameOf(p), nameOf(to), options),
    symlinkSync: (target, p) => void check(native.change('symlink', nameOf(target), nameOf(p)), 'symlink', target, p),
    linkSync: (p, to) => void change('link', nameOf(p), nameOf(to)),
    readlinkSync: (p) => check(native.readlink(nameOf(p)), 'readlink', nameOf(p)),
    realpathSync: (p) => check(native.realpath(nameOf(p)), 'realpath', nameOf(p)),
    chmodSync: (p, mode) => void change('chmod', nameOf(p), typeof mode === 'string' ? parseInt(mode, 8) : mode),
    utimesSync(p, a, m) {
      const seconds = (t) => (t instanceof Date ? t.getTime() / 1000 : Number(t));
      check(native.utimes(nameOf(p), seconds(a), seconds(m)), 'utime', nameOf(p));
    },
    truncateSync(p, size = 0) {
      const all = fs.readFileSync(p);
      fs.writeFileSync(p, Buffer.concat([all.subarray(0, size), Buffer.alloc(Math.max(0, size - all.length))]));
    },
    fsyncSync() {},
  };
  fs.realpathSync.native = fs.realpathSync;
  fs.promises = { constants: fs.constants };
  for (const name of Object.keys(fs).filter((n) => n.endsWith('Sync'))) {
    const sync = fs[name], plain = name.slice(0, -4);
    fs.promises[plain] = async (...a) => sync(...a);
    fs[plain] = (...a) => {
      const done = a.pop();
      if (typeof done !== 'function') throw typeError('cb', 'of type function', done);
      let error = null, value;
      try {
        value = sync(...a);
      } catch (e) {
        error = e;
      }
      setImmediate(() => (plain === 'exists' ? done(value) : error ? done(error) : done(null, value)));
    };
  }
  for (const name of ['createReadStream', 'createWriteStream', 'watch', 'watchFile', 'opendir', 'opendirSync']) {
    fs[name] = () => { throw refuse(`fs.${name}`, 'read and write files whole, or with openSync, readSync and writeSync'); };
  }

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
    fetch: () => { throw refuse('fetch', 'an action has no network'); },
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

  // -- the small modules

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

  // -- the program

  const USAGE = `usage: js [-p] -e CODE [WORDS]     run code, -p: print its value
       js FILE [WORDS]            run a file: CommonJS, or a module (.mjs, "type": "module", import)
       js [-] [WORDS]             run what is read from standard input
Of Node's modules there are: ${Object.keys(builtins).filter((n) => !n.includes('/')).join(', ')}.
`;
  function usage(message) {
    process.stderr.write(`js: ${message}\n${USAGE}`);
    native.exit(9);
  }
  function start() {
    const words = argv.slice(1);
    let code, printed = false, asModule = false, file;
    while (words.length) {
      const word = words[0];
      if (!word.startsWith('-') || word === '-') break;
      words.shift();
      if (word === '--') break;
      const [name, value] = word.startsWith('--') && word.includes('=') ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] : [word];
      if (['-e', '--eval', '-p', '--print', '-pe'].includes(name)) {
        printed ||= name.startsWith('-p') || name === '--print';
        if (code === undefined || name !== '-p') code = value ?? words.shift();
        if (code === undefined) usage(`${name} needs code`);
      } else if (name === '-v' || name === '--version') {
        process.stdout.write(`js (QuickJS-ng ${native.version})\n`);
        native.exit(0);
      } else if (name === '-h' || name === '--help') {
        process.stdout.write(USAGE);
        native.exit(0);
      } else if (name === '--input-type') asModule = (value ?? words.shift()) === 'module';
      else if (name === '-r' || name === '--require') modules.makeRequire(new modules.Module(path.resolve('x'), null))(value ?? words.shift());
      else if (name === '--no-warnings' || name === '--trace-warnings' || name === '--enable-source-maps') continue;
      else usage(`the option ${word} is not there`);
    }
    if (code === undefined && (!words.length || words[0] === '-')) {
      if (words[0] === '-') words.shift();
      code = readAll(0).toString();
      file = '[stdin]';
    }
    process.argv = [process.execPath];
    if (code === undefined) {
      const wanted = path.resolve(words.shift());
      const found = modules.asFile(wanted) ?? modules.asDirectory(wanted);
      if (!found) {
        process.stderr.write(`js: cannot find the file '${wanted}'\n`);
        native.exit(1);
      }
      process.argv.push(found, ...words);
      return modules.runFile(modules.real(found));
    }
    process.argv.push(...(file ? ['-'] : []), ...words);
    Object.assign(globalThis, { ...Object.fromEntries(Object.entries(builtins).filter(([n]) => /^[a-z_]+$/.test(n) && !(n in globalThis))) });
    const value = modules.runText(code, file ?? '[eval]', asModule || (!printed && modules.looksLikeModule(code)));
    if (printed) console.log(value);
    return value;
  }

  // One turn of the loop; false when nothing is left to wait for.
  function turn() {
    for (const [promise, reason] of rejected) {
      rejected.delete(promise);
      if (!process.emit('unhandledRejection', reason, promise)) throw reason;
    }
    if (immediate.length) {
      const now = immediate.splice(0);
      for (const { call, args } of now) call(...args);
      return true;
    }
    let next = null;
    for (const t of timers.values()) if (!t.idle && (!next || t.at < next.at)) next = t;
    if (!next) return false;
    const left = next.at - ms();
    if (left > 0) native.wait(left);
    const now = ms();
    const due = [...timers.values()].filter((t) => t.at <= now || t === next).sort((a, b) => a.at - b.at || a.id - b.id);
    const t = due[0];
    if (t.every) t.at = now + t.delay;
    else timers.delete(t.id);
    t.call(...t.args);
    return true;
  }

  function end() {
    process.emit('beforeExit', Number(process.exitCode ?? 0));
    if (!leaving) {
      leaving = true;
      process.emit('exit', Number(process.exitCode ?? 0));
    }
    return Number(process.exitCode ?? 0);
  }

  return { start, turn, end, resolve: modules.resolve, isModule: modules.isModule, source: modules.source, exports: modules.exports };
})
