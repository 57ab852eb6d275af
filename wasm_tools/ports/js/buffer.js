// Buffer, as Node has it. A part of the function that runtime.js begins.

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
