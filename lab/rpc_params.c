/* SPDX-License-Identifier: MIT */
/* Parameters of calls: against the table of the method before it runs, and for the method then. */
#include <string.h>

#include "lab/lab.h"
#include "lab/rpc_priv.h"
#include "lab/suggest.h"

const json_t *rpc_call_params(const struct rpc_call *call)
{
	return call->params;
}

struct lab_node *rpc_call_node(const struct rpc_call *call, const char *name)
{
	const char *node = json_string_value(json_object_get(call->params, name));

	return node ? lab_node_find(call->lab, node) : NULL;
}

const char *rpc_call_string(const struct rpc_call *call, const char *name, const char *deflt)
{
	const char *s = json_string_value(json_object_get(call->params, name));

	return s ? s : deflt;
}

int64_t rpc_call_integer(const struct rpc_call *call, const char *name, int64_t deflt)
{
	const json_t *v = json_object_get(call->params, name);

	return v ? json_integer_value(v) : deflt;
}

bool rpc_call_boolean(const struct rpc_call *call, const char *name, bool deflt)
{
	const json_t *v = json_object_get(call->params, name);

	return v ? json_is_true(v) : deflt;
}

const char *rpc_type_name(enum rpc_type type)
{
	static const char *const names[] = {
		[RPC_STRING] = "string", [RPC_INTEGER] = "integer", [RPC_BOOLEAN] = "boolean",
		[RPC_OBJECT] = "object", [RPC_ARRAY] = "array",     [RPC_NODE] = "node",
		[RPC_ANY] = "any",
	};

	return names[type];
}

static bool type_fits(const struct rpc_param *param, const json_t *value)
{
	switch (param->type) {
	case RPC_STRING:
	case RPC_NODE:
		return json_is_string(value);
	case RPC_INTEGER:
		return json_is_integer(value);
	case RPC_BOOLEAN:
		return json_is_boolean(value);
	case RPC_OBJECT:
		return json_is_object(value);
	case RPC_ARRAY:
		return json_is_array(value);
	case RPC_ANY:
		return true;
	}
	return false;
}

/* Parameters by position become parameters by name. False: answered. */
static bool params_name(struct rpc_call *call)
{
	const struct rpc_param *param = call->method->params;
	json_t *named, *value;
	size_t i;

	if (!json_is_array(call->params))
		return true;
	named = json_object();
	json_array_foreach (call->params, i, value) {
		if (!param || !param->name) {
			json_decref(named);
			(void)rpc_fail(call, RPC_INVALID_PARAMS, 0,
				       "%s takes %zu parameters, not %zu", call->method->name, i,
				       json_array_size(call->params));
			return false;
		}
		json_object_set(named, param->name, value);
		param++;
	}
	json_decref(call->params);
	call->params = named;
	return true;
}

static const struct rpc_param *param_find(const struct rpc_method *method, const char *name)
{
	for (const struct rpc_param *p = method->params; p && p->name; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

static int unknown_param(struct rpc_call *call, const char *name)
{
	struct lab_suggest near = lab_suggest_start(name);

	for (const struct rpc_param *p = call->method->params; p && p->name; p++)
		lab_suggest_try(&near, p->name);
	if (near.best)
		return rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"%s has no parameter `%.60s`; did you mean `%s`?",
				call->method->name, name, near.best);
	return rpc_fail(call, RPC_INVALID_PARAMS, 0, "%s has no parameter `%.60s`",
			call->method->name, name);
}

static int unknown_node(struct rpc_call *call, const char *name)
{
	struct lab_suggest near = lab_suggest_start(name);
	char text[RPC_MSG_MAX];

	for (uint32_t i = 0; i < call->lab->n_nodes; i++)
		lab_suggest_try(&near, call->lab->nodes[i]->file->name);
	if (!near.best) {
		snprintf(text, sizeof(text), "the lab has no node `%.60s`", name);
		return rpc_fail_data(call, RPC_NO_NODE, text, NULL);
	}
	snprintf(text, sizeof(text), "the lab has no node `%.60s`; did you mean `%s`?", name,
		 near.best);
	return rpc_fail_data(call, RPC_NO_NODE, text,
			     json_pack("{s:s}", "did_you_mean", near.best));
}

/* One that is there. False: answered. */
static bool param_check(struct rpc_call *call, const struct rpc_param *param, const json_t *value)
{
	const char *method = call->method->name;

	if (!type_fits(param, value)) {
		(void)rpc_fail(call, RPC_INVALID_PARAMS, 0, "%s: parameter `%s` must be %s %s%s",
			       method, param->name,
			       strchr("aio", rpc_type_name(param->type)[0]) ? "an" : "a",
			       param->type == RPC_NODE ? "string" : rpc_type_name(param->type),
			       param->type == RPC_NODE ? ", the name of a node" : "");
		return false;
	}
	if (param->type == RPC_INTEGER && (param->min || param->max) &&
	    (json_integer_value(value) < param->min || json_integer_value(value) > param->max)) {
		(void)rpc_fail(call, RPC_INVALID_PARAMS, 0,
			       "%s: parameter `%s` must be from %lld to %lld", method, param->name,
			       (long long)param->min, (long long)param->max);
		return false;
	}
	if (param->type == RPC_NODE && !lab_node_find(call->lab, json_string_value(value))) {
		(void)unknown_node(call, json_string_value(value));
		return false;
	}
	return true;
}

bool rpc_params_check(struct rpc_call *call)
{
	const struct rpc_param *param = call->method->params;
	const char *name;
	json_t *value;
	void *next;

	if (!params_name(call))
		return false;
	json_object_foreach_safe(call->params, next, name, value)
	{
		const struct rpc_param *p = param_find(call->method, name);

		if (!p) {
			(void)unknown_param(call, name);
			return false;
		}
		if (json_is_null(value) && !p->is_required)
			json_object_del(call->params, name);
	}
	for (; param && param->name; param++) {
		value = json_object_get(call->params, param->name);
		if (!value && param->is_required) {
			(void)rpc_fail(call, RPC_INVALID_PARAMS, 0, "%s needs a parameter `%s`: %s",
				       call->method->name, param->name, param->help);
			return false;
		}
		if (value && !param_check(call, param, value))
			return false;
	}
	return true;
}
