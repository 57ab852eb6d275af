/* What JavaScript cannot do by itself: files, streams, time, chance. A file function that fails returns -errno. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "js.h"

#define FUNCTION(name) static JSValue name(JSContext *ctx, JSValueConst self, int count, JSValueConst *args)
#define UNUSED (void)self, (void)count, (void)ctx, (void)args

static JSValue failed(JSContext *ctx)
{
    return JS_NewInt32(ctx, -errno);
}

static JSValue status(JSContext *ctx, int result)
{
    return result < 0 ? failed(ctx) : JS_NewInt32(ctx, result);
}

/* The bytes of a string or of a buffer; free with release. */
struct bytes {
    const char *data, *string;
    size_t size;
};

static int bytes_of(JSContext *ctx, JSValueConst value, struct bytes *b)
{
    memset(b, 0, sizeof(*b));
    if (JS_IsString(value)) {
        b->data = b->string = JS_ToCStringLen(ctx, &b->size, value);
        return b->data ? 0 : -1;
    }
    size_t size;
    uint8_t *data = JS_GetUint8Array(ctx, &size, value);
    if (!data && size) return -1;
    b->data = (const char *)data;
    b->size = data ? size : 0;
    return 0;
}

static void release(JSContext *ctx, struct bytes *b)
{
    if (b->string) JS_FreeCString(ctx, b->string);
}

FUNCTION(open_file)
{
    UNUSED;
    const char *path = JS_ToCString(ctx, args[0]);
    int flags = 0, mode = 0;
    if (!path || JS_ToInt32(ctx, &flags, args[1]) || JS_ToInt32(ctx, &mode, args[2])) return JS_EXCEPTION;
    int real = (flags & 3) == 1 ? O_WRONLY : (flags & 3) == 2 ? O_RDWR : O_RDONLY;
    if (flags & 4) real |= O_CREAT;
    if (flags & 8) real |= O_EXCL;
    if (flags & 16) real |= O_TRUNC;
    if (flags & 32) real |= O_APPEND;
    int fd = agentsh_open(path, real, mode);
    JS_FreeCString(ctx, path);
    return status(ctx, fd);
}

FUNCTION(close_file)
{
    UNUSED;
    int fd;
    if (JS_ToInt32(ctx, &fd, args[0])) return JS_EXCEPTION;
    return status(ctx, agentsh_close(fd));
}

/* read(fd, buffer, offset, length, position or -1): how many bytes */
FUNCTION(read_file)
{
    UNUSED;
    int fd;
    int64_t offset, length, position;
    size_t size;
    if (JS_ToInt32(ctx, &fd, args[0]) || JS_ToInt64(ctx, &offset, args[2]) || JS_ToInt64(ctx, &length, args[3]) ||
        JS_ToInt64(ctx, &position, args[4]))
        return JS_EXCEPTION;
    uint8_t *data = JS_GetUint8Array(ctx, &size, args[1]);
    if (!data && size) return JS_EXCEPTION;
    if (offset < 0 || length < 0 || (uint64_t)offset + (uint64_t)length > size) {
        errno = EINVAL;
        return failed(ctx);
    }
    ssize_t got = position >= 0 ? pread(fd, data + offset, (size_t)length, position) : read(fd, data + offset, (size_t)length);
    return status(ctx, (int)got);
}

/* write(fd, string or buffer, position or -1): 0 when all of it is written */
FUNCTION(write_file)
{
    UNUSED;
    int fd;
    int64_t position;
    struct bytes b;
    if (JS_ToInt32(ctx, &fd, args[0]) || JS_ToInt64(ctx, &position, args[2]) || bytes_of(ctx, args[1], &b)) return JS_EXCEPTION;
    int result = 0;
    if (fd == 1) {
        if (fwrite(b.data, 1, b.size, stdout) != b.size) result = -1;
    } else {
        if (fd == 2) fflush(stdout);
        for (size_t at = 0; at < b.size;) {
            ssize_t n = position >= 0 ? pwrite(fd, b.data + at, b.size - at, position + (int64_t)at)
                                      : write(fd, b.data + at, b.size - at);
            if (n < 0) {
                result = -1;
                break;
            }
            at += (size_t)n;
        }
    }
    release(ctx, &b);
    return status(ctx, result);
}

FUNCTION(stat_file)
{
    UNUSED;
    struct stat st;
    int result;
    if (JS_IsNumber(args[0])) {
        int fd;
        JS_ToInt32(ctx, &fd, args[0]);
        result = agentsh_fstat(fd, &st);
    } else {
        const char *path = JS_ToCString(ctx, args[0]);
        if (!path) return JS_EXCEPTION;
        result = JS_ToBool(ctx, args[1]) ? agentsh_stat(path, &st) : agentsh_lstat(path, &st);
        JS_FreeCString(ctx, path);
    }
    if (result) return failed(ctx);
    double values[] = {
        (double)st.st_dev, (double)st.st_ino, (double)st.st_mode, (double)st.st_nlink, (double)st.st_size,
        (double)st.st_atim.tv_sec * 1e3 + (double)st.st_atim.tv_nsec / 1e6,
        (double)st.st_mtim.tv_sec * 1e3 + (double)st.st_mtim.tv_nsec / 1e6,
        (double)st.st_ctim.tv_sec * 1e3 + (double)st.st_ctim.tv_nsec / 1e6,
    };
    JSValue array = JS_NewArray(ctx);
    for (uint32_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        JS_SetPropertyUint32(ctx, array, i, JS_NewFloat64(ctx, values[i]));
    return array;
}

/* Names and types: [name, type, name, type ...]. */
FUNCTION(read_directory)
{
    UNUSED;
    const char *path = JS_ToCString(ctx, args[0]);
    if (!path) return JS_EXCEPTION;
    int fd = agentsh_open(path, O_RDONLY | O_DIRECTORY);
    JS_FreeCString(ctx, path);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) return failed(ctx);
    JSValue array = JS_NewArray(ctx);
    uint32_t at = 0;
    struct dirent *entry;
    errno = 0;
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        JS_SetPropertyUint32(ctx, array, at++, JS_NewString(ctx, entry->d_name));
        int kind = entry->d_type == DT_DIR ? 1 : entry->d_type == DT_LNK ? 2 : entry->d_type == DT_REG ? 0 : 3;
        JS_SetPropertyUint32(ctx, array, at++, JS_NewInt32(ctx, kind));
        errno = 0;
    }
    int error = errno;
    closedir(dir);
    errno = error;
    if (!error) return array;
    JS_FreeValue(ctx, array);
    return failed(ctx);
}

/* change(what, path, second): one of the calls that take a name or two. */
FUNCTION(change)
{
    UNUSED;
    const char *what = JS_ToCString(ctx, args[0]), *path = JS_ToCString(ctx, args[1]);
    const char *second = JS_IsString(args[2]) ? JS_ToCString(ctx, args[2]) : NULL;
    int number = 0, result = -1;
    if (JS_IsNumber(args[2])) JS_ToInt32(ctx, &number, args[2]);
    if (!what || !path) return JS_EXCEPTION;
    errno = EINVAL;
    if (!strcmp(what, "mkdir")) result = agentsh_mkdir(path, (mode_t)number);
    else if (!strcmp(what, "rmdir")) result = rmdir(path);
    else if (!strcmp(what, "unlink")) result = agentsh_unlinkat(AT_FDCWD, path, 0);
    else if (!strcmp(what, "chmod")) result = agentsh_chmod(path, (mode_t)number);
    else if (!strcmp(what, "rename") && second) result = rename(path, second);
    else if (!strcmp(what, "symlink") && second) result = symlink(path, second);
    else if (!strcmp(what, "link") && second) result = link(path, second);
    if (result < 0 && errno == ENOTCAPABLE) errno = ENOENT;
    if (result < 0 && errno == ENOTEMPTY && !strcmp(what, "unlink")) errno = EISDIR;
    JSValue value = status(ctx, result);
    JS_FreeCString(ctx, what);
    JS_FreeCString(ctx, path);
    if (second) JS_FreeCString(ctx, second);
    return value;
}

/* utimes(path, seconds of access, of change) */
FUNCTION(set_times)
{
    UNUSED;
    const char *path = JS_ToCString(ctx, args[0]);
    double access_time, change_time;
    if (!path || JS_ToFloat64(ctx, &access_time, args[1]) || JS_ToFloat64(ctx, &change_time, args[2])) return JS_EXCEPTION;
    struct timespec times[] = {
        {(time_t)access_time, (long)((access_time - (double)(time_t)access_time) * 1e9)},
        {(time_t)change_time, (long)((change_time - (double)(time_t)change_time) * 1e9)},
    };
    int result = utimensat(AT_FDCWD, path, times, 0);
    JS_FreeCString(ctx, path);
    return status(ctx, result);
}

FUNCTION(read_link)
{
    UNUSED;
    const char *path = JS_ToCString(ctx, args[0]);
    if (!path) return JS_EXCEPTION;
    char buf[4096];
    ssize_t n = agentsh_readlink(path, buf, sizeof(buf));
    JS_FreeCString(ctx, path);
    return n < 0 ? failed(ctx) : JS_NewStringLen(ctx, buf, (size_t)n);
}

FUNCTION(real_path)
{
    UNUSED;
    const char *path = JS_ToCString(ctx, args[0]);
    if (!path) return JS_EXCEPTION;
    char *found = agentsh_resolve(path, RESOLVE_EXISTS);
    JS_FreeCString(ctx, path);
    if (!found) return failed(ctx);
    JSValue value = JS_NewString(ctx, found);
    free(found);
    return value;
}

FUNCTION(change_directory)
{
    UNUSED;
    const char *path = JS_ToCString(ctx, args[0]);
    if (!path) return JS_EXCEPTION;
    int result = chdir(path);
    JS_FreeCString(ctx, path);
    return status(ctx, result);
}

FUNCTION(directory)
{
    UNUSED;
    char buf[4096];
    return getcwd(buf, sizeof(buf)) ? JS_NewString(ctx, buf) : failed(ctx);
}

FUNCTION(leave)
{
    UNUSED;
    int code = 0;
    JS_ToInt32(ctx, &code, args[0]);
    fflush(stdout);
    exit(code & 0xff);
}

FUNCTION(flush)
{
    UNUSED;
    fflush(stdout);
    return JS_UNDEFINED;
}

FUNCTION(nanoseconds)
{
    UNUSED;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return JS_NewBigInt64(ctx, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
}

FUNCTION(wait)
{
    UNUSED;
    double ms = 0;
    JS_ToFloat64(ctx, &ms, args[0]);
    fflush(stdout);
    struct timespec span = {(time_t)(ms / 1000), (long)((ms - (double)(time_t)(ms / 1000) * 1000) * 1e6)};
    nanosleep(&span, NULL);
    return JS_UNDEFINED;
}

FUNCTION(chance)
{
    UNUSED;
    size_t size;
    uint8_t *data = JS_GetUint8Array(ctx, &size, args[0]);
    if (!data && size) return JS_EXCEPTION;
    for (size_t at = 0; at < size; at += 256)
        if (getentropy(data + at, size - at < 256 ? size - at : 256)) return failed(ctx);
    return JS_UNDEFINED;
}

FUNCTION(decode)
{
    UNUSED;
    struct bytes b;
    if (bytes_of(ctx, args[0], &b)) return JS_EXCEPTION;
    JSValue value = JS_NewStringLen(ctx, b.data ? b.data : "", b.size);
    release(ctx, &b);
    return value;
}

FUNCTION(encode)
{
    UNUSED;
    struct bytes b;
    if (bytes_of(ctx, args[0], &b)) return JS_EXCEPTION;
    JSValue value = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)b.data, b.size);
    release(ctx, &b);
    return value;
}

/* Whether a text is a script without errors of syntax. */
FUNCTION(compiles)
{
    UNUSED;
    size_t size;
    const char *text = JS_ToCStringLen(ctx, &size, args[0]);
    if (!text) return JS_EXCEPTION;
    JSValue compiled = JS_Eval(ctx, text, size, "js", JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY);
    JS_FreeCString(ctx, text);
    int good = !JS_IsException(compiled);
    if (!good) JS_FreeValue(ctx, JS_GetException(ctx));
    JS_FreeValue(ctx, compiled);
    return JS_NewBool(ctx, good);
}

FUNCTION(promise_state)
{
    UNUSED;
    JSPromiseStateEnum state = JS_PromiseState(ctx, args[0]);
    if (state == JS_PROMISE_PENDING) return JS_NewString(ctx, "pending");
    JSValue array = JS_NewArray(ctx);
    JS_SetPropertyUint32(ctx, array, 0, JS_NewBool(ctx, state == JS_PROMISE_FULFILLED));
    JS_SetPropertyUint32(ctx, array, 1, JS_PromiseResult(ctx, args[0]));
    return array;
}

FUNCTION(message)
{
    UNUSED;
    int number = 0;
    JS_ToInt32(ctx, &number, args[0]);
    return JS_NewString(ctx, strerror(number));
}

JSValue js_native(JSContext *ctx)
{
    static const struct {
        const char *name;
        JSCFunction *function;
        int arity;
    } functions[] = {
        {"open", open_file, 3}, {"close", close_file, 1}, {"read", read_file, 5}, {"write", write_file, 3},
        {"stat", stat_file, 2}, {"readdir", read_directory, 1}, {"change", change, 3}, {"utimes", set_times, 3},
        {"readlink", read_link, 1}, {"realpath", real_path, 1}, {"chdir", change_directory, 1}, {"cwd", directory, 0},
        {"exit", leave, 1}, {"flush", flush, 0}, {"now", nanoseconds, 0}, {"wait", wait, 1}, {"random", chance, 1},
        {"decode", decode, 1}, {"encode", encode, 1}, {"compiles", compiles, 1}, {"state", promise_state, 1},
        {"strerror", message, 1}, {"evaluate", js_evaluate, 3},
    };
    static const struct {
        const char *name;
        int number;
    } errors[] = {
        {"ENOENT", ENOENT}, {"EEXIST", EEXIST}, {"EISDIR", EISDIR}, {"ENOTDIR", ENOTDIR}, {"EACCES", EACCES},
        {"EPERM", EPERM}, {"ENOTEMPTY", ENOTEMPTY}, {"EINVAL", EINVAL}, {"EBADF", EBADF}, {"ELOOP", ELOOP},
        {"EXDEV", EXDEV}, {"EMFILE", EMFILE}, {"ENAMETOOLONG", ENAMETOOLONG}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS},
        {"EILSEQ", EILSEQ}, {"ENOSYS", ENOSYS}, {"EFBIG", EFBIG}, {"EIO", EIO}, {"EPIPE", EPIPE},
    };
    extern char **environ;
    JSValue native = JS_NewObject(ctx), names = JS_NewObject(ctx), env = JS_NewObject(ctx);
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
        JS_SetPropertyStr(ctx, native, functions[i].name,
                          JS_NewCFunction(ctx, functions[i].function, functions[i].name, functions[i].arity));
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
        JS_SetPropertyUint32(ctx, names, (uint32_t)errors[i].number, JS_NewString(ctx, errors[i].name));
    for (char **e = environ; e && *e; e++) {
        const char *equals = strchr(*e, '=');
        if (!equals) continue;
        JSAtom name = JS_NewAtomLen(ctx, *e, (size_t)(equals - *e));
        JS_DefinePropertyValue(ctx, env, name, JS_NewString(ctx, equals + 1), JS_PROP_C_W_E);
        JS_FreeAtom(ctx, name);
    }
    JS_SetPropertyStr(ctx, native, "errors", names);
    JS_SetPropertyStr(ctx, native, "env", env);
    JS_SetPropertyStr(ctx, native, "version", JS_NewString(ctx, JS_GetVersion()));
    return native;
}
