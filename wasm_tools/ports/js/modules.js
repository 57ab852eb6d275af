// Which file a name means, and what it exports: CommonJS and ECMAScript modules of the workspace.
(function (native, fs, path, builtins, url) {
  const cache = Object.create(null);
  const EXTENSIONS = ['.js', '.json', '.mjs', '.cjs'];
  const unsupported = new Set(('async_hooks cluster dgram diagnostics_channel dns domain http http2 https inspector net perf_hooks ' +
    'punycode readline repl stream string_decoder sys tls trace_events tty v8 vm wasi worker_threads zlib sqlite test').split(' '));

  function isFile(name) {
    const st = native.stat(name, true);
    return Array.isArray(st) && (st[2] & 0o170000) === 0o100000;
  }

  function packageOf(directory) {
    for (let at = directory; ; at = path.dirname(at)) {
      const name = path.join(at, 'package.json');
      if (isFile(name)) {
        try {
          return { directory: at, json: JSON.parse(fs.readFileSync(name, 'utf8')) };
        } catch (e) {
          throw new Error(`${name}: ${e.message}`);
        }
      }
      if (at === '/' || at === path.dirname(at)) return null;
    }
  }

  function asFile(name) {
    if (isFile(name)) return name;
    for (const e of EXTENSIONS) if (isFile(name + e)) return name + e;
    return null;
  }

  function asDirectory(name) {
    const found = isFile(path.join(name, 'package.json')) && packageOf(name);
    if (found && typeof found.json.main === 'string') {
      const main = path.join(name, found.json.main);
      const file = asFile(main) ?? asFile(path.join(main, 'index'));
      if (file) return file;
    }
    return asFile(path.join(name, 'index'));
  }

  // A package's "exports", as far as it is plain: conditions and subpaths, with one star.
  function exported(found, subpath, conditions) {
    let table = found.json.exports;
    if (typeof table === 'string' || Array.isArray(table) || !Object.keys(table).some((k) => k.startsWith('.'))) table = { '.': table };
    const choose = (target, star) => {
      if (typeof target === 'string') return path.join(found.directory, target.replaceAll('*', star));
      if (Array.isArray(target)) return target.map((t) => choose(t, star)).find(Boolean) ?? null;
      if (target && typeof target === 'object') {
        for (const [k, v] of Object.entries(target)) {
          const chosen = conditions.includes(k) ? choose(v, star) : null;
          if (chosen) return chosen;
        }
      }
      return null;
    };
    if (subpath in table) return choose(table[subpath], '');
    for (const [k, v] of Object.entries(table)) {
      const [before, after] = k.split('*');
      if (after !== undefined && subpath.startsWith(before) && subpath.endsWith(after)) {
        return choose(v, subpath.slice(before.length, subpath.length - after.length));
      }
    }
    return null;
  }

  function missing(name, from) {
    const e = new Error(`Cannot find module '${name}'${from ? `\nRequire stack:\n- ${from}` : ''}`);
    e.code = 'MODULE_NOT_FOUND';
    throw e;
  }

  function resolve(from, name, conditions) {
    const plain = name.startsWith('node:') ? name.slice(5) : name;
    if (plain in builtins) return `node:${plain}`;
    if (name.startsWith('node:') || unsupported.has(plain.split('/')[0])) {
      const e = new Error(`the module '${plain}' of Node's is not there: js has ${Object.keys(builtins).filter((b) => !b.includes('/')).sort().join(', ')}`);
      e.code = 'ERR_UNKNOWN_BUILTIN_MODULE';
      throw e;
    }
    if (name.startsWith('file://')) name = url.fileURLToPath(name);
    const base = from.startsWith('/') ? path.dirname(from) : native.cwd();
    if (/^(\.\.?(\/|$)|\/)/.test(name)) {
      const full = path.resolve(base, name);
      const file = (name.endsWith('/') ? null : asFile(full)) ?? asDirectory(full);
      return file ? real(file) : missing(name, from);
    }
    const [, owner, rest] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(name) ?? [null, name, ''];
    for (let at = base; ; at = path.dirname(at)) {
      const directory = path.join(at, 'node_modules', owner);
      const json = path.join(directory, 'package.json');
      const found = isFile(json) ? { directory, json: JSON.parse(fs.readFileSync(json, 'utf8')) } : null;
      let file = null;
      if (found && found.json.exports) {
        file = exported(found, '.' + rest, conditions);
        if (!file || !isFile(file)) missing(name, from);
      } else file = rest ? asFile(directory + rest) ?? asDirectory(directory + rest) : asFile(directory) ?? asDirectory(directory);
      if (file) return real(file);
      if (at === path.dirname(at)) return missing(name, from);
    }
  }

  function real(file) {
    const found = native.realpath(file);
    return typeof found === 'string' ? found : file;
  }

  function source(file) {
    const text = fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
    return text.startsWith('#!') ? '//' + text : text;
  }

  const OPEN = '(function (exports, require, module, __filename, __dirname) {', CLOSE = '\n})';
  const markers = /^\s*(import\s*[\w{*'"]|export\s*(default|const|let|var|function|class|async|\{|\*))|\bimport\.meta\b|^\s*(\w+\s+\w+\s*=\s*)?await\b/m;
  // As Node tells: what is no CommonJS, and has words that only modules have.
  const looksLikeModule = (text) => markers.test(text) && !native.compiles(OPEN + text + CLOSE);

  function isModule(file) {
    if (file.startsWith('node:') || file.endsWith('.cjs') || file.endsWith('.json')) return false;
    if (file.endsWith('.mjs') || !file.startsWith('/')) return true;
    const type = packageOf(path.dirname(file))?.json.type;
    return type === 'module' || (type !== 'commonjs' && looksLikeModule(source(file)));
  }

  class Module {
    constructor(id, parent) {
      Object.assign(this, { id, path: path.dirname(id), exports: {}, filename: id, loaded: false, children: [], paths: [] });
      if (parent) parent.children.push(this);
    }
  }

  function makeRequire(module) {
    const find = (name) => {
      if (typeof name !== 'string' || !name) throw new TypeError('The "id" argument must be a string that is not empty');
      return resolve(module.filename, name, ['node', 'require', 'default']);
    };
    const require = (name) => load(find(name), module);
    require.resolve = (name) => find(name).replace(/^node:/, name.startsWith('node:') ? 'node:' : '');
    require.cache = cache;
    require.main = main.module;
    return require;
  }

  function compile(module, text) {
    const wrapper = native.evaluate(OPEN + text + CLOSE, module.filename, false);
    wrapper.call(module.exports, module.exports, makeRequire(module), module, module.filename, module.path);
  }

  const main = { module: undefined };

  function load(file, parent) {
    if (file.startsWith('node:')) return builtins[file.slice(5)];
    if (cache[file]) return cache[file].exports;
    if (isModule(file)) {
      const e = new Error(`require() of the ECMAScript module ${file} is not supported: use import`);
      e.code = 'ERR_REQUIRE_ESM';
      throw e;
    }
    const module = new Module(file, parent);
    cache[file] = module;
    try {
      if (file.endsWith('.json')) module.exports = JSON.parse(source(file));
      else compile(module, source(file));
      module.loaded = true;
    } catch (e) {
      delete cache[file];
      if (file.endsWith('.json') && e instanceof SyntaxError) e.message = `${file}: ${e.message}`;
      throw e;
    }
    return module.exports;
  }

  // Run the program itself: a file, or a text that has a name alone.
  function runFile(file) {
    if (isModule(file)) return native.evaluate('', file, true);
    const module = new Module(file, null);
    module.id = '.';
    main.module = module;
    cache[file] = module;
    if (file.endsWith('.json')) module.exports = JSON.parse(source(file));
    else compile(module, source(file));
    module.loaded = true;
  }

  const texts = Object.create(null);
  function runText(text, name, asModule) {
    const module = new Module(path.join(native.cwd(), name), null);
    module.id = name;
    main.module = module;
    if (asModule) {
      texts[module.filename] = text;
      return native.evaluate('', module.filename, true);
    }
    Object.assign(globalThis, { require: makeRequire(module), module, exports: module.exports, __filename: name, __dirname: '.' });
    return native.evaluate(text, name, false);
  }

  return {
    runFile, runText, looksLikeModule, asFile, asDirectory, makeRequire, Module, real,
    resolve: (from, name) => (name in texts ? name : resolve(from, name, ['node', 'import', 'default'])),
    isModule: (file) => file in texts || isModule(file),
    source: (file) => texts[file] ?? source(file),
    exports: (file) => load(file, null),
  };
})
