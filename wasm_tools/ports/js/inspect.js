// Values as text, laid out as Node's console does: on one line where it fits and is not deep, else one entry a line.
(function () {
  const WIDTH = 80, SHORT = 6, MOST = 100, LEVELS = 3;
  const identifier = /^[a-zA-Z_$][a-zA-Z_$0-9]*$/;
  const escapes = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '\b': '\\b', '\f': '\\f', '\v': '\\v', '\\': '\\\\' };

  function quote(text) {
    let mark = "'";
    if (text.includes("'")) mark = !text.includes('"') ? '"' : !text.includes('`') && !text.includes('${') ? '`' : "'";
    let out = '';
    for (const c of text) {
      if (c === mark) out += '\\' + c;
      else if (escapes[c]) out += escapes[c];
      else if (c < ' ' || c === '\x7f') out += '\\x' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
      else out += c;
    }
    return mark + out + mark;
  }

  function number(value) {
    return Object.is(value, -0) ? '-0' : String(value);
  }

  function key(name) {
    if (typeof name === 'symbol') return `[${String(name)}]`;
    return identifier.test(name) ? name : quote(name);
  }

  function nameOf(value) {
    for (let o = value; o; o = Object.getPrototypeOf(o)) {
      const own = Object.getOwnPropertyDescriptor(o, 'constructor');
      if (own && typeof own.value === 'function' && own.value.name) return own.value.name;
    }
    return null;
  }

  // Many short entries of a list stand in columns.
  function columns(entries, list, more, state) {
    const widths = entries.map((e) => e.length);
    const widest = Math.max(...widths) + 2;
    const total = widths.reduce((sum, w) => sum + w + 2, 0);
    if (widest * 3 + state.indent >= state.width || !(total / widest > 5 || widest - 2 <= SHORT)) return null;
    const bias = Math.sqrt(widest - total / (entries.length + (more ? 1 : 0)));
    const share = Math.max(widest - 2 - bias, 1);
    const count = Math.min(
      Math.round(Math.sqrt(2.5 * share * entries.length) / share),
      Math.floor((state.width - state.indent) / widest), state.compact * 4, 15);
    if (count <= 1) return null;
    const room = [];
    for (let c = 0; c < count; c++) {
      let w = 0;
      for (let i = c; i < entries.length; i += count) w = Math.max(w, widths[i]);
      room.push(w + 2);
    }
    const right = list.every((v) => typeof v === 'number' || typeof v === 'bigint');
    const lines = [];
    for (let i = 0; i < entries.length; i += count) {
      const end = Math.min(i + count, entries.length);
      let line = '';
      for (let j = i; j < end - 1; j++) {
        const cell = entries[j] + ', ';
        line += right ? cell.padStart(room[j - i]) : cell.padEnd(room[j - i]);
      }
      line += right ? entries[end - 1].padStart(room[end - 1 - i] - 2) : entries[end - 1];
      lines.push(line);
    }
    return lines;
  }

  function lay(entries, open, close, prefix, level, state, list, more) {
    let grouped = false;
    if (list && entries.length > SHORT) {
      const lines = columns(entries, list, more, state);
      if (lines) {
        entries = lines;
        grouped = true;
      }
    }
    if (more) entries = [...entries, more];
    const begin = prefix ? prefix + ' ' : '';
    if (!grouped && state.deepest - level < state.compact) {
      const length = entries.reduce((sum, e) => sum + e.length, entries.length) + state.indent + open.length + prefix.length + 10;
      const text = entries.join(', ');
      if (length + entries.length <= state.width && !text.includes('\n')) return `${begin}${open} ${text} ${close}`;
    }
    const pad = '\n' + ' '.repeat(state.indent);
    return `${begin}${open}${pad}  ${entries.join(`,${pad}  `)}${pad}${close}`;
  }

  function property(value, name, level, state, isList) {
    const own = Object.getOwnPropertyDescriptor(value, name);
    let text;
    if (own && (own.get || own.set)) text = own.get && own.set ? '[Getter/Setter]' : own.get ? '[Getter]' : '[Setter]';
    else {
      const gap = 2;
      state.indent += gap;
      text = format(own ? own.value : value[name], level + 1, state);
      state.indent -= gap;
    }
    if (isList) return text;
    const label = own && !own.enumerable ? `[${typeof name === 'symbol' ? String(name) : name}]` : key(name);
    return `${label}: ${text}`;
  }

  function errorText(e) {
    const head = `${e.name ?? 'Error'}${e.message ? ': ' + e.message : ''}`;
    return typeof e.stack === 'string' && e.stack ? e.stack.replace(/\n$/, '') : `[${head}]`;
  }

  function object(value, level, state) {
    const custom = value[Symbol.for('nodejs.util.inspect.custom')];
    if (typeof custom === 'function') {
      const made = custom.call(value, state.depth - level, { depth: state.depth }, inspect);
      if (made !== value) return typeof made === 'string' ? made : format(made, level, state);
    }
    const name = nameOf(value);
    const tag = value[Symbol.toStringTag];
    const names = Object.keys(value).concat(
      Object.getOwnPropertySymbols(value).filter((s) => Object.prototype.propertyIsEnumerable.call(value, s)));
    let open = '{', close = '}', prefix = name === null ? '[Object: null prototype]' : name === 'Object' ? '' : name;
    if (tag && tag !== name) prefix = `${prefix || 'Object'} [${tag}]`;
    let entries = [], list = null, more = '', keys = names, empty = null;
    const limit = state.most;
    const inner = (v) => {
      state.indent += 2;
      const text = format(v, level + 1, state);
      state.indent -= 2;
      return text;
    };
    const tooDeep = level > state.depth;
    if (Array.isArray(value) || ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      open = '[', close = ']', list = value;
      prefix = Array.isArray(value) && name === 'Array' ? '' : `${name}(${value.length})`;
      keys = names.filter((n) => typeof n === 'symbol' || !/^(0|[1-9][0-9]*)$/.test(n));
      if (tooDeep) return `[${name === 'Array' ? 'Array' : prefix}]`;
      if (value.length || keys.length) {
        state.seen.push(value);
        state.deepest = level;
        let i = 0;
        for (; i < value.length && entries.length < limit; i++) {
          if (!(i in value)) {
            let holes = i;
            while (holes < value.length && !(holes in value)) holes++;
            entries.push(`<${holes - i} empty item${holes - i > 1 ? 's' : ''}>`);
            i = holes - 1;
          } else entries.push(property(value, String(i), level, state, true));
        }
        if (i < value.length) more = `... ${value.length - i} more item${value.length - i > 1 ? 's' : ''}`;
      }
    } else if (value instanceof Map || value instanceof Set) {
      prefix = `${name}(${value.size})`;
      if (tooDeep) return `[${name}]`;
      state.seen.push(value);
      state.deepest = level;
      for (const item of value) {
        entries.push(value instanceof Set ? inner(item) : `${inner(item[0])} => ${inner(item[1])}`);
      }
    } else if (typeof value === 'function') {
      const text = Function.prototype.toString.call(value);
      const kind = text.startsWith('class') ? 'class' : name === 'Function' || !name ? 'Function' : name;
      empty = kind === 'class' ? `[class ${value.name || '(anonymous)'}` : `[${kind}${value.name ? ': ' + value.name : ' (anonymous)'}`;
      if (kind === 'class') {
        const base = Object.getPrototypeOf(value);
        if (base && base.name) empty += ` extends ${base.name}`;
      }
      empty += ']', prefix = empty;
    } else if (value instanceof RegExp) prefix = empty = String(value);
    else if (value instanceof Date) prefix = empty = isNaN(value) ? 'Invalid Date' : value.toISOString();
    else if (value instanceof Error) {
      prefix = empty = errorText(value);
      if (state.indent) prefix = empty = empty.split('\n').join('\n' + ' '.repeat(state.indent));
      keys = names.filter((n) => n !== 'stack' && n !== 'message');
      if ('cause' in value && !keys.includes('cause')) keys.push('cause');
    } else if (value instanceof Promise) {
      state.seen.push(value);
      const settled = native.state(value);
      entries.push(settled === 'pending' ? '<pending>' : settled[0] ? inner(settled[1]) : `<rejected> ${inner(settled[1])}`);
    } else if (value instanceof Number || value instanceof String || value instanceof Boolean) {
      prefix = empty = `[${name}: ${format(value.valueOf(), level, state)}]`;
      keys = value instanceof String ? [] : names;
    } else if (value instanceof WeakMap || value instanceof WeakSet) entries.push('<items unknown>');
    else if (value instanceof ArrayBuffer) {
      const bytes = [...new Uint8Array(value).slice(0, 50)].map((b) => b.toString(16).padStart(2, '0')).join(' ');
      entries = [`[Uint8Contents]: <${bytes}>`, `byteLength: ${value.byteLength}`];
    } else if (tag === 'Module') prefix = '[Module: null prototype]';
    else if (Object.prototype.toString.call(value) === '[object Arguments]') open = '[', close = ']', prefix = '[Arguments]';
    if (tooDeep && empty === null && (keys.length || entries.length)) return `[${prefix || 'Object'}]`;
    if (!state.seen.includes(value)) {
      state.seen.push(value);
      if (keys.length) state.deepest = level;
    }
    for (const n of keys) entries.push(property(value, n, level, state, false));
    state.seen.splice(state.seen.indexOf(value), 1);
    if (!entries.length && !more) {
      if (empty !== null) return empty;
      return `${prefix ? prefix + ' ' : ''}${open}${close}`;
    }
    let text = lay(entries, open, close, prefix, level, state, list, more);
    if (state.circular.has(value)) text = `<ref *${state.circular.get(value)}> ${text}`;
    return text;
  }

  function format(value, level, state) {
    switch (typeof value) {
      case 'string': {
        if (value.length > 10000) return quote(value.slice(0, 10000)) + `... ${value.length - 10000} more characters`;
        if (level > 0 && value.length > 16 && value.length > state.width - state.indent - 4 && value.includes('\n')) {
          const pad = '\n' + ' '.repeat(state.indent);
          return value.split(/(?<=\n)/).map(quote).join(` +${pad}`);
        }
        return quote(value);
      }
      case 'number': return number(value);
      case 'bigint': return `${value}n`;
      case 'object':
      case 'function':
        if (value === null) return 'null';
        if (state.seen.includes(value)) {
          if (!state.circular.has(value)) state.circular.set(value, state.circular.size + 1);
          return `[Circular *${state.circular.get(value)}]`;
        }
        return object(value, level, state);
      default: return String(value);
    }
  }

  let native;
  function inspect(value, options = {}) {
    if (typeof options !== 'object' || options === null) options = {};
    const depth = options.depth === null ? Infinity : options.depth ?? 2;
    const compact = options.compact === undefined || options.compact === true ? LEVELS : options.compact === false ? 0 : options.compact;
    const most = options.maxArrayLength === null ? Infinity : options.maxArrayLength ?? MOST;
    const width = options.breakLength ?? WIDTH;
    return format(value, 0, { depth, compact, most, width, indent: 0, deepest: 0, seen: [], circular: new Map() });
  }

  // printf as console.log has it.
  function formatAll(...words) {
    let out = '', next = 0;
    if (typeof words[0] === 'string' && words.length > 1) {
      next = 1;
      out = words[0].replace(/%[sdifjoOc%]/g, (spec) => {
        if (spec === '%%') return '%';
        if (next >= words.length) return spec;
        const v = words[next++];
        switch (spec) {
          case '%s': return typeof v === 'string' ? v : typeof v === 'object' && v !== null && !(v instanceof Error) ? inspect(v, { depth: 0 }) : typeof v === 'bigint' ? `${v}n` : Object.is(v, -0) ? '-0' : String(v);
          case '%d': return typeof v === 'bigint' ? `${v}n` : typeof v === 'object' ? 'NaN' : number(Number(v));
          case '%i': return typeof v === 'bigint' ? `${v}n` : typeof v === 'object' ? 'NaN' : number(parseInt(v, 10));
          case '%f': return number(parseFloat(v));
          case '%j': return JSON.stringify(v) ?? 'undefined';
          case '%o': return inspect(v, { depth: 4 });
          case '%O': return inspect(v);
          default: return '';
        }
      });
    }
    const rest = words.slice(next).map((w) => (typeof w === 'string' ? w : inspect(w)));
    return next ? [out, ...rest].join(' ') : rest.join(' ');
  }

  return { inspect, format: formatAll, use(n) { native = n; } };
})()
