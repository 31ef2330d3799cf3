/* SPDX-License-Identifier: MIT */
/* `weft gateway flows|stats|forward|rule`: looking at and changing a gateway that runs. */
#pragma once

#include "base/compiler.h"
#include "cmd/cmd.h"

/* -1: the command line is none of these; else the exit status. */
int gwctl_run(struct cmd_env *env, int argc, char **argv) MUST_CHECK;
