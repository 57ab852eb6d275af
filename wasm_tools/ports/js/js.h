/* Between the files of js. */
#ifndef JS_H
#define JS_H

#include <stdio.h>

#include "agentsh.h"
#include "quickjs.h"

enum { JS_STACK = 700 * 1024 }; /* of the module's stack of 1 MiB */

/* The object of functions that runtime.js is built on. */
JSValue js_native(JSContext *ctx);
JSValue js_evaluate(JSContext *ctx, JSValueConst self, int count, JSValueConst *arguments);

#endif
