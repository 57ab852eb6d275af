// The program: its command line, the turns of its loop, its end. The end of the function that runtime.js begins.

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
