/* js: runs JavaScript files, with the part of Node's interface that works on files and text (runtime.js). */
#include <stdlib.h>
#include <string.h>

#include "js.h"

static JSValue hook_resolve, hook_kind, hook_source, hook_exports;
static JSValue rejected; /* promises that were rejected, with reasons, and nobody has taken yet */

static const unsigned char runtime_source[] = {
#embed "runtime.js" suffix(,)
#embed "buffer.js" suffix(,)
#embed "files.js" suffix(,)
#embed "times.js" suffix(,)
#embed "process.js" suffix(,)
#embed "builtins.js" suffix(,)
#embed "main.js" suffix(, 0)
};
static const unsigned char inspect_source[] = {
#embed "inspect.js" suffix(, 0)
};
static const unsigned char modules_source[] = {
#embed "modules.js" suffix(, 0)
};

/* What an exception says, with its stack. */
static void report(JSContext *ctx, JSValueConst error)
{
    fflush(stdout);
    const char *text = JS_ToCString(ctx, error);
    const char *stack = NULL;
    if (JS_IsError(error)) {
        JSValue value = JS_GetPropertyStr(ctx, error, "stack");
        /* It is no text where there was no room left to make it. */
        if (JS_IsString(value)) stack = JS_ToCString(ctx, value);
        JS_FreeValue(ctx, value);
    }
    fprintf(stderr, "Uncaught %s\n", stack && *stack ? stack : text ? text : "exception");
    if (text) JS_FreeCString(ctx, text);
    if (stack) JS_FreeCString(ctx, stack);
}

static void die(JSContext *ctx)
{
    JSValue error = JS_GetException(ctx);
    report(ctx, error);
    JS_FreeValue(ctx, error);
    exit(1);
}

static JSValue call(JSContext *ctx, JSValueConst function, int count, JSValue *arguments)
{
    JSValue result = JS_Call(ctx, function, JS_UNDEFINED, count, arguments);
    for (int i = 0; i < count; i++) JS_FreeValue(ctx, arguments[i]);
    return result;
}

/* Where "name", written in "base", leads: JavaScript decides. */
static char *normalise(JSContext *ctx, const char *base, const char *name, void *opaque)
{
    (void)opaque;
    JSValue arguments[] = {JS_NewString(ctx, base), JS_NewString(ctx, name)};
    JSValue found = call(ctx, hook_resolve, 2, arguments);
    if (JS_IsException(found)) return NULL;
    const char *text = JS_ToCString(ctx, found);
    char *copy = text ? js_strdup(ctx, text) : NULL;
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, found);
    return copy;
}

/* The exports of a built-in or CommonJS module, as one of ECMAScript's. */
static int fill(JSContext *ctx, JSModuleDef *m)
{
    JSAtom atom = JS_GetModuleName(ctx, m);
    JSValue name = JS_AtomToValue(ctx, atom);
    JS_FreeAtom(ctx, atom);
    JSValue exports = call(ctx, hook_exports, 1, &name);
    if (JS_IsException(exports)) return -1;
    JSPropertyEnum *names = NULL;
    uint32_t count = 0;
    if (JS_IsObject(exports)) JS_GetOwnPropertyNames(ctx, &names, &count, exports, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY);
    for (uint32_t i = 0; i < count; i++) {
        const char *key = JS_AtomToCString(ctx, names[i].atom);
        if (key && strcmp(key, "default")) JS_SetModuleExport(ctx, m, key, JS_GetProperty(ctx, exports, names[i].atom));
        JS_FreeCString(ctx, key);
    }
    JS_FreePropertyEnum(ctx, names, count);
    return JS_SetModuleExport(ctx, m, "default", exports);
}

static JSModuleDef *wrapped(JSContext *ctx, const char *name)
{
    JSValue argument = JS_NewString(ctx, name);
    JSValue exports = call(ctx, hook_exports, 1, &argument);
    if (JS_IsException(exports)) return NULL;
    JSModuleDef *m = JS_NewCModule(ctx, name, fill);
    JSPropertyEnum *names = NULL;
    uint32_t count = 0;
    if (JS_IsObject(exports)) JS_GetOwnPropertyNames(ctx, &names, &count, exports, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY);
    for (uint32_t i = 0; m && i < count; i++) {
        const char *key = JS_AtomToCString(ctx, names[i].atom);
        if (key && strcmp(key, "default")) JS_AddModuleExport(ctx, m, key);
        JS_FreeCString(ctx, key);
    }
    if (m) JS_AddModuleExport(ctx, m, "default");
    JS_FreePropertyEnum(ctx, names, count);
    JS_FreeValue(ctx, exports);
    return m;
}

/* The module of that full name. */
static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque)
{
    (void)opaque;
    JSValue argument = JS_NewString(ctx, name);
    JSValue kind = call(ctx, hook_kind, 1, &argument);
    if (JS_IsException(kind)) return NULL;
    int is_module = JS_ToBool(ctx, kind);
    JS_FreeValue(ctx, kind);
    if (!is_module) return wrapped(ctx, name);
    argument = JS_NewString(ctx, name);
    JSValue source = call(ctx, hook_source, 1, &argument);
    if (JS_IsException(source)) return NULL;
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, source);
    JS_FreeValue(ctx, source);
    if (!text) return NULL;
    JSValue compiled = JS_Eval(ctx, text, len, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    JS_FreeCString(ctx, text);
    if (JS_IsException(compiled)) return NULL;
    JSModuleDef *m = JS_VALUE_GET_PTR(compiled);
    JSValue meta = JS_GetImportMeta(ctx, m);
    size_t size = strlen(name) + 8;
    char *url = malloc(size);
    if (url) {
        snprintf(url, size, "file://%s", name);
        JS_DefinePropertyValueStr(ctx, meta, "url", JS_NewString(ctx, url), JS_PROP_C_W_E);
        free(url);
    }
    JS_DefinePropertyValueStr(ctx, meta, "filename", JS_NewString(ctx, name), JS_PROP_C_W_E);
    const char *slash = strrchr(name, '/');
    JS_DefinePropertyValueStr(ctx, meta, "dirname", JS_NewStringLen(ctx, name, slash ? (size_t)(slash - name) : 0), JS_PROP_C_W_E);
    JS_FreeValue(ctx, meta);
    JS_FreeValue(ctx, compiled);
    return m;
}

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool is_handled, void *opaque)
{
    (void)opaque;
    JSValue map = JS_DupValue(ctx, rejected);
    JSValue method = JS_GetPropertyStr(ctx, map, is_handled ? "delete" : "set");
    JSValueConst arguments[] = {promise, reason};
    JS_FreeValue(ctx, JS_Call(ctx, method, map, 2, arguments));
    JS_FreeValue(ctx, method);
    JS_FreeValue(ctx, map);
}

static void run_jobs(JSRuntime *rt)
{
    JSContext *ctx;
    int done;
    while ((done = JS_ExecutePendingJob(rt, &ctx)) > 0) {}
    if (done < 0) die(ctx);
}

/* native.evaluate(source, name, module): a script's value, or a module's promise. */
JSValue js_evaluate(JSContext *ctx, JSValueConst self, int count, JSValueConst *arguments)
{
    (void)self, (void)count;
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, arguments[0]), *name = JS_ToCString(ctx, arguments[1]);
    JSValue result = JS_EXCEPTION;
    if (text && name) {
        int module = JS_ToBool(ctx, arguments[2]);
        if (module) {
            /* By way of the loader, so that a second import finds it. */
            result = JS_LoadModule(ctx, "", name);
        } else {
            result = JS_Eval(ctx, text, len, name, JS_EVAL_TYPE_GLOBAL);
        }
    }
    JS_FreeCString(ctx, text);
    JS_FreeCString(ctx, name);
    return result;
}

static JSValue evaluate_own(JSContext *ctx, const unsigned char *source, size_t size, const char *name)
{
    JSValue value = JS_Eval(ctx, (const char *)source, size - 1, name, JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_STRICT);
    if (JS_IsException(value)) die(ctx);
    return value;
}

static JSValue take(JSContext *ctx, JSValueConst from, const char *name)
{
    return JS_GetPropertyStr(ctx, from, name);
}

int main(int argc, char **argv)
{
    agentsh_want_modes = 1;
    JSRuntime *rt = JS_NewRuntime();
    JSContext *ctx = rt ? JS_NewContext(rt) : NULL;
    if (!ctx) {
        fputs("js: out of memory\n", stderr);
        return 1;
    }
    JS_SetMaxStackSize(rt, JS_STACK);
    JS_SetModuleLoaderFunc(rt, normalise, load, NULL);
    rejected = JS_Eval(ctx, "new Map()", 9, "js", JS_EVAL_TYPE_GLOBAL);
    JS_SetHostPromiseRejectionTracker(rt, on_rejection, NULL);

    JSValue native = js_native(ctx);
    JSValue words = JS_NewArray(ctx);
    for (int i = 0; i < argc; i++) JS_SetPropertyUint32(ctx, words, (uint32_t)i, JS_NewString(ctx, argv[i]));
    JSValue inspect = evaluate_own(ctx, inspect_source, sizeof(inspect_source), "js:inspect");
    JSValue modules = evaluate_own(ctx, modules_source, sizeof(modules_source), "js:modules");
    JSValue runtime = evaluate_own(ctx, runtime_source, sizeof(runtime_source), "js:runtime");
    JSValue arguments[] = {native, words, inspect, modules, JS_DupValue(ctx, rejected)};
    JSValue hooks = call(ctx, runtime, 5, arguments);
    if (JS_IsException(hooks)) die(ctx);
    hook_resolve = take(ctx, hooks, "resolve");
    hook_kind = take(ctx, hooks, "isModule");
    hook_source = take(ctx, hooks, "source");
    hook_exports = take(ctx, hooks, "exports");
    JSValue start = take(ctx, hooks, "start"), turn = take(ctx, hooks, "turn"), end = take(ctx, hooks, "end");

    JSValue done = JS_Call(ctx, start, JS_UNDEFINED, 0, NULL);
    if (JS_IsException(done)) die(ctx);
    JS_FreeValue(ctx, done);
    for (;;) {
        run_jobs(rt);
        JSValue more = JS_Call(ctx, turn, JS_UNDEFINED, 0, NULL);
        if (JS_IsException(more)) die(ctx);
        if (!JS_ToBool(ctx, more)) break;
    }
    done = JS_Call(ctx, end, JS_UNDEFINED, 0, NULL);
    if (JS_IsException(done)) die(ctx);
    int status = 0;
    JS_ToInt32(ctx, &status, done);
    fflush(stdout);
    exit(status); /* the process goes: nothing needs to be freed */
}
