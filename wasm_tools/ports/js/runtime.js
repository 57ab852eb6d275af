// What programs find: console, process, timers, Buffer, and the modules of Node's that work on files and text. This is the
// beginning of one function; buffer.js, files.js, times.js, process.js, builtins.js go on with it in this
// order, and main.js is its end.
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
