// The modules path and fs. A part of the function that runtime.js begins.

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
