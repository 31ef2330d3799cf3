/* SPDX-License-Identifier: MIT */
/*
 * What every unit test includes: cmocka with the headers it wants in front, and the shape of a
 * test file:
 *
 *	static void idle_timer_stopped_does_not_fire(void **state UNUSED) { ... }
 *
 *	int main(void)
 *	{
 *		const struct CMUnitTest tests[] = {
 *			cmocka_unit_test(idle_timer_stopped_does_not_fire),
 *		};
 *		return cmocka_run_group_tests(tests, NULL, NULL);
 *	}
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
