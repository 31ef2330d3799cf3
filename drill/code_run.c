/* SPDX-License-Identifier: MIT */
/* Code is executed: values, operators, statements. Numbers behave as Python 3's. */
#include "drill/code_priv.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	/* A chain a < b < c looks at b twice, so that nested ones double the work a level. */
	EVALS_MAX = 100000,
};

struct code_run {
	struct drill_code_env *env;
	char *why;
	size_t why_size;
	unsigned n_evals;
};

static int run_fail(struct code_run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int run_fail(struct code_run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->why_size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int eval(struct code_run *r, const struct code_node *n, struct drill_value *ret);

static void set_int(struct drill_value *v, int64_t num)
{
	*v = (struct drill_value){.kind = DRILL_INT, .num = num};
}

static void set_real(struct drill_value *v, double real)
{
	*v = (struct drill_value){.kind = DRILL_REAL, .real = real};
}

static double as_real(const struct drill_value *v)
{
	return v->kind == DRILL_REAL ? v->real : (double)v->num;
}

static bool is_true(const struct drill_value *v)
{
	if (v->kind == DRILL_TEXT)
		return v->text[0] != '\0';
	return v->kind == DRILL_REAL ? v->real != 0 : v->num != 0;
}

static void value_text(const struct drill_value *v, char *buf, size_t size)
{
	if (v->kind == DRILL_TEXT)
		snprintf(buf, size, "%s", v->text);
	else if (v->kind == DRILL_REAL)
		snprintf(buf, size, "%g", v->real);
	else
		snprintf(buf, size, "%lld", (long long)v->num);
}

static int eval_name(struct code_run *r, const char *name, struct drill_value *ret)
{
	int64_t num;

	for (unsigned i = 0; i < r->env->n_vars; i++) {
		if (!strcmp(r->env->vars[i].name, name)) {
			*ret = r->env->vars[i].value;
			return 0;
		}
	}
	if (!strcmp(name, "True") || !strcmp(name, "False")) {
		set_int(ret, name[0] == 'T');
		return 0;
	}
	if (!r->env->find || !r->env->find(r->env->arg, name, &num))
		return run_fail(r, "%.60s is not known", name);
	set_int(ret, num);
	return 0;
}

static int compare(const struct drill_value *a, const struct drill_value *b)
{
	if (a->kind == DRILL_TEXT || b->kind == DRILL_TEXT)
		return a->kind == b->kind ? strcmp(a->text, b->text) : 1;
	if (a->kind == DRILL_INT && b->kind == DRILL_INT)
		return a->num < b->num ? -1 : a->num > b->num;
	return as_real(a) < as_real(b) ? -1 : as_real(a) > as_real(b);
}

/* abs, min, max, int, str, len-less: what scripts use. */
static int eval_function(struct code_run *r, const struct code_node *n, struct drill_value *ret)
{
	bool is_min = !strcmp(n->name, "min"), is_max = !strcmp(n->name, "max");
	struct drill_value v;
	int err;

	if (!n->first)
		return run_fail(r, "%.60s() needs an operand", n->name);
	err = eval(r, n->first, ret);
	for (const struct code_node *o = n->first->next; !err && o; o = o->next) {
		if (!is_min && !is_max)
			return run_fail(r, "%.60s() takes one operand", n->name);
		err = eval(r, o, &v);
		if (!err && (is_min ? compare(&v, ret) < 0 : compare(&v, ret) > 0))
			*ret = v;
	}
	if (err || is_min || is_max)
		return err;
	if (!strcmp(n->name, "str")) {
		v = (struct drill_value){.kind = DRILL_TEXT};
		value_text(ret, v.text, sizeof(v.text));
		*ret = v;
		return 0;
	}
	if (ret->kind == DRILL_TEXT)
		return run_fail(r, "%.60s() of a text", n->name);
	if (!strcmp(n->name, "abs")) {
		ret->num = ret->num < 0 && ret->num != INT64_MIN ? -ret->num : ret->num;
		ret->real = fabs(ret->real);
		return 0;
	}
	if (!strcmp(n->name, "int")) {
		if (ret->kind == DRILL_REAL && !(fabs(ret->real) <= 9e18))
			return run_fail(r, "int() of a number that is too large");
		if (ret->kind == DRILL_REAL)
			set_int(ret, (int64_t)ret->real);
		return 0;
	}
	return run_fail(r, "there is no function %.60s()", n->name);
}

static int64_t floor_div(int64_t a, int64_t b)
{
	int64_t q = a / b;

	return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

/* Of floor_div(); the product of which with `b` may be too large. */
static int64_t floor_mod(int64_t a, int64_t b)
{
	int64_t rest = a % b;

	return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static int arith_int(struct code_run *r, enum code_op op, int64_t a, int64_t b, int64_t *ret)
{
	bool overflow = false;

	switch (op) {
	case CODE_BIT_OR:
		*ret = a | b;
		break;
	case CODE_XOR:
		*ret = a ^ b;
		break;
	case CODE_BIT_AND:
		*ret = a & b;
		break;
	case CODE_SHL:
		overflow = b < 0 || b > 62 || a < 0 || a > (INT64_MAX >> b);
		*ret = overflow ? 0 : a << b;
		break;
	case CODE_SHR:
		overflow = b < 0;
		*ret = overflow ? 0 : a >> (b > 63 ? 63 : b);
		break;
	case CODE_ADD:
		overflow = __builtin_add_overflow(a, b, ret);
		break;
	case CODE_SUB:
		overflow = __builtin_sub_overflow(a, b, ret);
		break;
	case CODE_MUL:
		overflow = __builtin_mul_overflow(a, b, ret);
		break;
	default: /* // and % */
		if (b == 0)
			return run_fail(r, "division by zero");
		overflow = a == INT64_MIN && b == -1;
		*ret = overflow ? 0 : op == CODE_FLOORDIV ? floor_div(a, b) : floor_mod(a, b);
		break;
	}
	return overflow ? run_fail(r, "a number that is too large") : 0;
}

static int arith_real(struct code_run *r, enum code_op op, double a, double b, double *ret)
{
	switch (op) {
	case CODE_ADD:
		*ret = a + b;
		return 0;
	case CODE_SUB:
		*ret = a - b;
		return 0;
	case CODE_MUL:
		*ret = a * b;
		return 0;
	case CODE_DIV:
	case CODE_FLOORDIV:
		if (b == 0)
			return run_fail(r, "division by zero");
		*ret = op == CODE_DIV ? a / b : floor(a / b);
		return 0;
	default:
		return run_fail(r, "an operator of integers on a fraction");
	}
}

/* "%d of %d" % (a, b) */
static int format_text(struct code_run *r, const char *fmt, const struct code_node *args,
		       struct drill_value *ret)
{
	const struct code_node *arg = args->op == CODE_TUPLE ? args->first : args;
	struct drill_value out = {.kind = DRILL_TEXT}, v;
	size_t len = 0;

	for (const char *p = fmt; *p && len + 1 < sizeof(out.text); p++) {
		int err;

		if (*p != '%' || p[1] == '%') {
			out.text[len++] = *p;
			p += *p == '%';
			continue;
		}
		do
			p++;
		while (*p && strchr("0123456789.-+ l", *p));
		if (!*p || !arg)
			return run_fail(r, "a format without a value for it");
		err = eval(r, arg, &v);
		if (err)
			return err;
		arg = arg->next;
		if (*p == 'x' && v.kind == DRILL_INT)
			snprintf(out.text + len, sizeof(out.text) - len, "%llx", (long long)v.num);
		else
			value_text(&v, out.text + len, sizeof(out.text) - len);
		len = strlen(out.text);
	}
	out.text[len < sizeof(out.text) ? len : sizeof(out.text) - 1] = '\0';
	*ret = out;
	return 0;
}

static int eval_arith(struct code_run *r, const struct code_node *n, struct drill_value *ret)
{
	struct drill_value a, b;
	int err = eval(r, n->first, &a);

	if (err)
		return err;
	if (a.kind == DRILL_TEXT && n->op == CODE_MOD)
		return format_text(r, a.text, n->second, ret);
	err = eval(r, n->second, &b);
	if (err)
		return err;
	if (a.kind == DRILL_TEXT && b.kind == DRILL_TEXT && n->op == CODE_ADD) {
		size_t len = strlen(a.text);

		*ret = a;
		snprintf(ret->text + len, sizeof(ret->text) - len, "%s", b.text);
		return 0;
	}
	if (a.kind == DRILL_TEXT || b.kind == DRILL_TEXT)
		return run_fail(r, "a text in a sum");
	if (a.kind == DRILL_INT && b.kind == DRILL_INT && n->op != CODE_DIV) {
		set_int(ret, 0);
		return arith_int(r, n->op, a.num, b.num, &ret->num);
	}
	set_real(ret, 0);
	return arith_real(r, n->op, as_real(&a), as_real(&b), &ret->real);
}

static int eval_in(struct code_run *r, const struct code_node *n, struct drill_value *ret)
{
	struct drill_value a, b;
	int err = eval(r, n->first, &a);

	if (err)
		return err;
	if (n->second->op != CODE_TUPLE)
		return run_fail(r, "`in` wants a list in parentheses");
	set_int(ret, 0);
	for (const struct code_node *o = n->second->first; o; o = o->next) {
		err = eval(r, o, &b);
		if (err)
			return err;
		if (compare(&a, &b) == 0)
			ret->num = 1;
	}
	return 0;
}

static int eval_compare(struct code_run *r, const struct code_node *n, struct drill_value *ret)
{
	struct drill_value a, b;
	int err = eval(r, n->first, &a), c;

	if (!err)
		err = eval(r, n->second, &b);
	if (err)
		return err;
	c = compare(&a, &b);
	set_int(ret, n->op == CODE_EQ   ? c == 0
		     : n->op == CODE_NE ? c != 0
		     : n->op == CODE_LT ? c < 0
		     : n->op == CODE_LE ? c <= 0
		     : n->op == CODE_GT ? c > 0
					: c >= 0);
	return 0;
}

static int eval_logic(struct code_run *r, const struct code_node *n, struct drill_value *ret)
{
	int err = eval(r, n->first, ret);

	if (err || is_true(ret) == (n->op == CODE_OR))
		return err;
	return eval(r, n->second, ret);
}

static int eval_unary(struct code_run *r, const struct code_node *n, struct drill_value *ret)
{
	int err = eval(r, n->first, ret);

	if (err)
		return err;
	if (n->op == CODE_NOT) {
		set_int(ret, !is_true(ret));
		return 0;
	}
	if (ret->kind == DRILL_TEXT || (ret->kind == DRILL_REAL && n->op == CODE_INVERT))
		return run_fail(r, "an operator of integers on something else");
	if (ret->num == INT64_MIN)
		return run_fail(r, "a number that is too large");
	ret->real = -ret->real;
	ret->num = n->op == CODE_MINUS ? -ret->num : ~ret->num;
	return 0;
}

static int eval(struct code_run *r, const struct code_node *n, struct drill_value *ret)
{
	set_int(ret, 0);
	if (++r->n_evals > EVALS_MAX)
		return run_fail(r, "code that takes too long");
	switch (n->op) {
	case CODE_INT:
		*ret = n->value;
		return 0;
	case CODE_NAME:
		return eval_name(r, n->name, ret);
	case CODE_FUNCTION:
		return eval_function(r, n, ret);
	case CODE_TUPLE:
		return run_fail(r, "a list where a value is wanted");
	case CODE_MINUS:
	case CODE_INVERT:
	case CODE_NOT:
		return eval_unary(r, n, ret);
	case CODE_AND:
	case CODE_OR:
		return eval_logic(r, n, ret);
	case CODE_IN:
		return eval_in(r, n, ret);
	case CODE_EQ:
	case CODE_NE:
	case CODE_LT:
	case CODE_LE:
	case CODE_GT:
	case CODE_GE:
		return eval_compare(r, n, ret);
	default:
		return eval_arith(r, n, ret);
	}
}

int code_eval(const struct code_node *n, struct drill_code_env *env, struct drill_value *ret,
	      char *why, size_t why_size)
{
	struct code_run r = {.env = env, .why = why, .why_size = why_size};

	return eval(&r, n, ret);
}

/* What the names in a false assertion were: `tcpi_state = 1, ...` */
static void add_names(struct code_run *r, const struct code_node *n, char *buf, size_t size)
{
	struct drill_value v = {.kind = DRILL_INT};
	char text[DRILL_VALUE_TEXT];
	size_t len = strlen(buf);

	if (!n || ++r->n_evals > EVALS_MAX)
		return;
	if (n->op == CODE_NAME && !eval_name(r, n->name, &v)) {
		value_text(&v, text, sizeof(text));
		snprintf(buf + len, size - len, "%s%.60s = %.60s", len ? ", " : "", n->name, text);
		return;
	}
	add_names(r, n->first, buf, size);
	if (n->op != CODE_FUNCTION)
		add_names(r, n->second, buf, size);
}

static int run_assert(struct code_run *r, const struct drill_code *st)
{
	struct drill_value v;
	char names[200] = "";
	int err = eval(r, st->first, &v);

	if (err || is_true(&v))
		return err;
	add_names(r, st->first, names, sizeof(names));
	if (st->message && !eval(r, st->message, &v)) {
		char text[DRILL_VALUE_TEXT];

		value_text(&v, text, sizeof(text));
		return run_fail(r, "%.120s is false: %.100s (%s)", st->text, text, names);
	}
	return run_fail(r, "%.160s is false%s%s", st->text, *names ? ": " : "", names);
}

static int run_print(struct code_run *r, const struct drill_code *st)
{
	char line[400] = "", text[DRILL_VALUE_TEXT];
	const struct code_node *first = st->first;

	if (!first->next && first->op == CODE_TUPLE) /* print(a, b) */
		first = first->first;
	for (const struct code_node *n = first; n; n = n->next) {
		struct drill_value v;
		size_t len = strlen(line);
		int err = eval(r, n, &v);

		if (err)
			return err;
		value_text(&v, text, sizeof(text));
		snprintf(line + len, sizeof(line) - len, "%s%s", len ? " " : "", text);
	}
	if (r->env->print)
		r->env->print(r->env->arg, line);
	return 0;
}

static int run_set(struct code_run *r, const struct drill_code *st)
{
	struct drill_code_env *env = r->env;
	struct drill_value v;
	unsigned i = 0;
	int err = eval(r, st->first, &v);

	if (err)
		return err;
	while (i < env->n_vars && strcmp(env->vars[i].name, st->name) != 0)
		i++;
	if (i == ARRAY_SIZE(env->vars))
		return run_fail(r, "more than %zu names", ARRAY_SIZE(env->vars));
	if (i == env->n_vars)
		env->n_vars++;
	env->vars[i].name = st->name;
	env->vars[i].value = v;
	return 0;
}

int drill_code_run(const struct drill_code *code, struct drill_code_env *env, char *why,
		   size_t why_size)
{
	struct code_run r = {.env = env, .why = why, .why_size = why_size};
	int err = 0;

	for (const struct drill_code *st = code; st && !err; st = st->next)
		err = st->kind == CODE_ASSERT  ? run_assert(&r, st)
		      : st->kind == CODE_PRINT ? run_print(&r, st)
					       : run_set(&r, st);
	return err;
}
